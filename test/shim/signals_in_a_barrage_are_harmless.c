/* link: -pthread */
/* full: 100,000 signals */
/*
 * Eight threads allocate, on alternate signal stacks half of them, while
 * signals of all kinds rain on them: the program's own, whose handlers allocate
 * and free as well, and requests for snapshots. Every one of the program's
 * own that is sent by sigqueue arrives, and the heap stays whole.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

#define THREADS 8
#define KEPT 64

static atomic_long arrived;
static atomic_int done;
static atomic_int spoilt;

/* Forbidden, and done everywhere: so only while no allocation is interrupted,
 * which the C library's heap would not survive either. */
static __thread volatile sig_atomic_t inside;

static void
on_signal(int sig, siginfo_t *info, void *context)
{
	int error = errno;

	(void)sig;
	(void)info;
	(void)context;
	atomic_fetch_add(&arrived, 1);
	if (!inside) {
		void *p = malloc(300);

		memset(p, sig, 300);
		free(p);
	}
	errno = error;
}

static void
work(unsigned char **kept, unsigned i)
{
	unsigned at = i % KEPT;
	size_t size = i * 31 % 4000 + 8;

	inside = 1;
	if (kept[at] != NULL && kept[at][0] != at)
		atomic_fetch_add(&spoilt, 1);
	if (i % 3 == 0) {
		kept[at] = realloc(kept[at], size);
	} else {
		free(kept[at]);
		kept[at] = malloc(size);
	}
	kept[at][0] = (unsigned char)at;
	errno = (int)(i % 100);
	inside = 0;
	if (errno != (int)(i % 100))
		atomic_fetch_add(&spoilt, 1);
}

static void *
allocate(void *with_stack)
{
	unsigned char *kept[KEPT] = { NULL };
	stack_t stack = { .ss_size = 65536 };

	if (with_stack != NULL) {
		stack.ss_sp = malloc(stack.ss_size);
		sigaltstack(&stack, NULL);
	}
	for (unsigned i = 0; !done; i++)
		work(kept, i);
	for (unsigned i = 0; i < KEPT; i++)
		free(kept[i]);
	if (with_stack != NULL) {
		stack.ss_flags = SS_DISABLE;
		sigaltstack(&stack, NULL);
		free(stack.ss_sp);
	}
	return NULL;
}

/* Not faster than they arrive: the kernel's queue is bounded. */
static void
wait_for(long sent)
{
	const struct timespec pause = { 0, 100000 };

	while (sent - atomic_load(&arrived) > 200)
		nanosleep(&pause, NULL);
}

int
main(int argc, char **argv)
{
	const int own[] = { SIGRTMIN, SIGRTMIN + 3, SIGRTMIN + 5 };
	long count = rounds(6000, 100000);
	struct sigaction act = {
		.sa_sigaction = on_signal,
		.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK,
	};
	pthread_t threads[THREADS];
	long sent = 0;

	(void)argv;
	for (size_t i = 0; i < 3; i++)
		sigaction(own[i], &act, NULL);
	sigaction(SIGUSR1, &act, NULL);
	/* main itself takes none of the queued. */
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, allocate,
			       i % 2 ? &done : NULL);
	for (long i = 0; i < count; i++) {
		union sigval value = { .sival_int = (int)i };

		if (i % 20 == 7 && argc > 1) {
			kill(getpid(), SIGUSR2);
		} else if (i % 4 == 0) {
			sent += pthread_sigqueue(threads[i % THREADS],
						 own[i % 3], value) == 0;
		} else {
			sent += sigqueue(getpid(), own[i % 3], value) == 0;
		}
		wait_for(sent);
	}
	while (atomic_load(&arrived) < sent)
		usleep(1000);
	done = 1;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("missing %ld, spoilt %d\n", sent - arrived, spoilt);
	return 0;
}
