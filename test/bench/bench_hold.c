/*
 * bench_hold THOUSANDS STACKS ROUNDS MILLISECONDS DIRECTORY: what a snapshot of
 * that many live blocks by that many stacks does to the program. To be run under
 * the shim with out=DIRECTORY/%n.snap, signal=USR2.
 *
 * A probe thread allocates and frees all the time and measures each pair. In
 * each round it does so for MILLISECONDS without a snapshot, and then from the
 * signal that asks for one until its file is there. Prints for each round
 *
 *	control P50 P99.9 MAX snapshot P50 P99.9 MAX wrote SECONDS bytes N
 *
 * in nanoseconds, but for the time from the signal until the file is there.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bench_branches.h"

#define SAMPLES_MAX (32u << 20)

enum phase { IDLE, PROBING, OVER };

static _Atomic enum phase phase;
static uint32_t *samples; /* ns; the probe's while PROBING */
static size_t count;

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void
pause_ms(long ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

static atomic_bool probe_works;

static void *
probe(void *argument)
{
	enum phase now;

	(void)argument;
	while ((now = atomic_load(&phase)) != OVER) {
		uint64_t begin;

		if (now == IDLE) {
			atomic_store(&probe_works, false);
			pause_ms(1);
			continue;
		}
		atomic_store(&probe_works, true);
		begin = now_ns();
		free(malloc(48));
		if (count < SAMPLES_MAX)
			samples[count++] = (uint32_t)(now_ns() - begin);
	}
	return NULL;
}

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void
window_begin(void)
{
	count = 0;
	atomic_store(&phase, PROBING);
}

static void
window_end(const char *name)
{
	atomic_store(&phase, IDLE);
	while (atomic_load(&probe_works))
		pause_ms(1);
	if (count == 0) {
		fputs("bench_hold: the probe measured nothing\n", stderr);
		exit(1);
	}
	qsort(samples, count, sizeof(*samples), compare);
	printf("%s %u %u %u ", name, samples[count / 2],
	       samples[(size_t)((double)count * 0.999)], samples[count - 1]);
}

int
main(int argc, char **argv)
{
	long blocks = work_argument(argc, argv, 1) * 1000;
	uint32_t stacks = (uint32_t)work_argument(argc, argv, 2);
	long rounds = work_argument(argc, argv, 3);
	long ms = work_argument(argc, argv, 4);
	pthread_t thread;

	if (argc < 6)
		return 2;
	/* Before the blocks: not a mapping of the size of its own each time. */
	samples = calloc(SAMPLES_MAX, sizeof(*samples));
	if (!samples)
		return 1;
	memset(samples, 0, SAMPLES_MAX * sizeof(*samples));
	for (long i = 0; i < blocks; i++) {
		char *p = branch_alloc((uint32_t)i % stacks, 16);

		if (!p)
			return 1;
		*p = 1;
	}
	if (pthread_create(&thread, NULL, probe, NULL))
		return 1;
	for (long i = 1; i <= rounds; i++) {
		char path[4096];
		struct stat there;
		uint64_t begin, wrote;

		window_begin();
		pause_ms(ms);
		window_end("control");
		snprintf(path, sizeof(path), "%s/%ld.snap", argv[5], i);
		window_begin();
		begin = now_ns();
		kill(getpid(), SIGUSR2);
		while (stat(path, &there) != 0) {
			if (now_ns() - begin > 60000000000u) {
				fputs("bench_hold: no snapshot came\n", stderr);
				return 1;
			}
			pause_ms(1);
		}
		wrote = now_ns() - begin;
		window_end("snapshot");
		printf("wrote %.3f bytes %lld\n", (double)wrote / 1e9,
		       (long long)there.st_size);
		fflush(stdout);
	}
	atomic_store(&phase, OVER);
	pthread_join(thread, NULL);
	return 0;
}
