/*
 * bench_pairs DEPTH THREADS THOUSANDS: how long a malloc(64) and its free take
 * at that depth, in each of the threads at once; prints nanoseconds a pair, the
 * mean of the threads. Of a thread it is the median of SLICES equal parts, since
 * other programs take the processor away now and then.
 */
#include <time.h>

#include "bench_descend.h"
#include "work.h"

#define SLICES 101

struct measured {
	int depth;
	long pairs;
	double ns;
};

static double
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
make_pairs(void *argument)
{
	struct measured *it = argument;
	double slices[SLICES];
	long pairs = it->pairs / SLICES + 1;

	for (int i = 0; i < 1000; i++)
		free(malloc(64));
	for (int k = 0; k < SLICES; k++) {
		double begin = now_ns();

		for (long i = 0; i < pairs; i++)
			free(malloc(64));
		slices[k] = (now_ns() - begin) / (double)pairs;
	}
	qsort(slices, SLICES, sizeof(*slices), compare);
	it->ns = slices[SLICES / 2];
}

static void *
run(void *argument)
{
	struct measured *it = argument;

	descend(it->depth, make_pairs, it);
	return NULL;
}

int
main(int argc, char **argv)
{
	long depth = work_argument(argc, argv, 1);
	long threads = work_argument(argc, argv, 2);
	long pairs = work_argument(argc, argv, 3) * 1000;
	static struct measured all[64];
	double sum = 0;

	if (depth > DESCEND_MAX || threads > 64)
		return 2;
	for (long i = 0; i < threads; i++)
		all[i] = (struct measured){ .depth = (int)depth,
					    .pairs = pairs };
	if (threads == 1)
		run(all); /* single-threaded, without a helper */
	else
		work_in_threads(threads, run, all, sizeof(*all));
	for (long i = 0; i < threads; i++)
		sum += all[i].ns;
	printf("%.2f\n", sum / (double)threads);
	return 0;
}
