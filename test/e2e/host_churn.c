/*
 * Threads that allocate and free without pause, some blocks so large that they
 * are mapped and unmapped each time. Prints "ready"; SIGTERM ends it with status
 * 0.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 4
#define SLOTS 200

static _Atomic int ended;

static void *
churn(void *number)
{
	unsigned seed = (unsigned)(size_t)number + 1;
	char *slots[SLOTS] = { NULL };

	while (!atomic_load(&ended)) {
		int i = (int)(rand_r(&seed) % SLOTS);
		size_t size = rand_r(&seed) % 8 ? 1 + rand_r(&seed) % 500
						: 200000;

		free(slots[i]);
		slots[i] = malloc(size);
		if (!slots[i])
			abort();
		memset(slots[i], i, size < 4096 ? size : 4096);
	}
	for (int i = 0; i < SLOTS; i++)
		free(slots[i]);
	return NULL;
}

int
main(void)
{
	pthread_t threads[THREADS];
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	for (size_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, churn, (void *)i))
			return 1;
	puts("ready");
	fflush(stdout);
	sigwait(&set, &sig);
	atomic_store(&ended, 1);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
