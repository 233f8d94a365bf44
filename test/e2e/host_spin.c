/*
 * spin [busy|threads|orphan|deep|still COUNT]: uses processor time in spin_hard(), which
 * spin_outer() calls, for ever, after it printed "ready".
 *
 *   busy     in the main thread (which is what it does without words)
 *   threads  in threads that use some 60 ms each, one after the other
 *   orphan   in a thread, after the main one has ended
 *   still    in the main thread, beside COUNT threads that wait
 *   deep     below more stack than a sample holds
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile unsigned long sum;

static __attribute__((noinline)) void
spin_hard(unsigned long turns)
{
	for (unsigned long i = 0; i < turns; i++)
		sum += i * i;
}

/* No tail call: it is in the stack. */
static __attribute__((noinline)) void
spin_outer(unsigned long turns)
{
	spin_hard(turns);
	sum++;
}

static __attribute__((noinline)) void
spin_deep(int frames)
{
	volatile char room[1000];

	room[0] = (char)frames;
	if (frames)
		spin_deep(frames - 1);
	else
		spin_outer(1000000);
	sum += (unsigned long)room[0];
}

/* How many turns use 60 ms. Not asked for in the threads: a system call is where
 * the kernel takes the processor away, and so where ptrace finds them. */
static unsigned long turns_of_thread;

static void
count_turns(void)
{
	struct timespec used;

	do {
		spin_outer(1000000);
		turns_of_thread += 1000000;
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	} while (used.tv_nsec < 60000000);
}

static void *
spin_briefly(void *unused)
{
	(void)unused;
	spin_outer(turns_of_thread);
	return NULL;
}

static void *
spin_for_ever(void *unused)
{
	(void)unused;
	for (;;)
		spin_outer(1000000);
	return NULL;
}

static void *
wait_for_ever(void *unused)
{
	(void)unused;
	for (;;)
		pause();
	return NULL;
}

static void
start(void *(*run)(void *), int wait)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	if (pthread_create(&thread, &attr, run, NULL) != 0)
		abort();
	if (wait)
		pthread_join(thread, NULL);
	pthread_attr_destroy(&attr);
}

int
main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "busy";
	int still = argc > 2 ? atoi(argv[2]) : 0;

	count_turns();
	while (still-- > 0)
		start(wait_for_ever, 0);
	puts("ready");
	fflush(stdout);
	if (!strcmp(how, "orphan")) {
		start(spin_for_ever, 0);
		pthread_exit(NULL);
	}
	for (;;) {
		if (!strcmp(how, "threads"))
			start(spin_briefly, 1);
		else if (!strcmp(how, "deep"))
			spin_deep(100);
		else
			spin_outer(1000000);
	}
}
