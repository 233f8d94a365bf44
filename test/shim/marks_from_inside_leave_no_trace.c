/* cflags: -Ipreload */
/*
 * leakshim.h from many threads and from a signal handler that interrupts malloc
 * and leakshim_mark itself: the program behaves as without the shim, errno too.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "leakshim.h"

#define THREADS 4
#define ROUNDS 5000
#define SIGNALS 500

static void
on_signal(int sig)
{
	(void)sig;
	leakshim_mark("in a handler");
	leakshim_mark(NULL);
}

static void *
work(void *unused)
{
	char text[600];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < ROUNDS; i++) {
		errno = i;
		leakshim_mark(i % 7 ? "a thread's" : text);
		free(malloc((size_t)i % 300));
		if (i % 1000 == 0)
			leakshim_snapshot();
		if (errno != i) {
			printf("errno is %d after round %d\n", errno, i);
			exit(1);
		}
	}
	return unused;
}

int
main(void)
{
	/* Restarting: when starved, the kernel asks another process about each
	 * mmap of libc's, which a signal would interrupt. */
	struct sigaction act = { .sa_handler = on_signal,
				 .sa_flags = SA_RESTART };
	pthread_t threads[THREADS];

	sigaction(SIGUSR1, &act, NULL);
	errno = 0;
	leakshim_snapshot();
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, work, NULL) != 0)
			return 2;
	for (int i = 0; i < SIGNALS; i++)
		pthread_kill(threads[i % THREADS], SIGUSR1);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("%d\n", errno);
	return 0;
}
