/*
 * workers HOW MS: two threads that leak LEAKS blocks each, say so and go on
 * for MS milliseconds (0 = for ever), while main does as HOW says:
 *
 *	leave  calls pthread_exit
 *	deaf   waits for them; every signal is blocked in every thread
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORKERS 2
#define LEAKS 100
#define LEAK_BYTES 321

static void *volatile kept[WORKERS][LEAKS];
static unsigned int life_ms;
static pthread_barrier_t started;

__attribute__((noinline)) static void
worker_leaks(unsigned int worker)
{
	unsigned int i;

	for (i = 0; i < LEAKS; i++)
		kept[worker][i] = malloc(LEAK_BYTES);
}

static void *
work(void *arg)
{
	unsigned int worker = (unsigned int)(size_t)arg;
	unsigned int ms;

	worker_leaks(worker);
	if (pthread_barrier_wait(&started) == PTHREAD_BARRIER_SERIAL_THREAD) {
		puts("at work");
		fflush(stdout);
	}
	for (ms = 0; !life_ms || ms < life_ms; ms += 10)
		usleep(10 * 1000);
	/* Not flushed: the exit of the last thread does it. */
	printf("worker is done\n");
	return NULL;
}

int
main(int argc, char **argv)
{
	pthread_t threads[WORKERS];
	sigset_t all;
	size_t i;

	if (argc != 3)
		return 2;
	life_ms = (unsigned int)atoi(argv[2]);
	if (!strcmp(argv[1], "deaf")) {
		sigfillset(&all);
		sigprocmask(SIG_SETMASK, &all, NULL);
	}
	pthread_barrier_init(&started, NULL, WORKERS);
	for (i = 0; i < WORKERS; i++)
		if (pthread_create(&threads[i], NULL, work, (void *)i))
			return 3;
	if (!strcmp(argv[1], "leave"))
		pthread_exit(NULL);
	for (i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
