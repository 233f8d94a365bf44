/* link: -pthread */
/* full: 100,000 threads */
/*
 * Threads that live for a moment, in batches of 40 from four creators at once,
 * each kind by a function of its own: joined, detached at birth or by
 * themselves, left by pthread_exit, cancelled in a system call; all with a
 * thread-local destructor that frees and allocates. Every one is accounted for
 * (the .sh looks), and so is every block.
 */
#include <pthread.h>
#include <stdint.h>
#include <unistd.h>

#include "host.h"

#define CREATORS 4
#define BATCH 10

static pthread_key_t key;
static long batches;

static void
free_and_allocate(void *block)
{
	free(block);
	free(use(malloc(33)));
}

NOINLINE static void
remember(void)
{
	pthread_setspecific(key, use(malloc(50)));
}

static void *
returns(void *unused)
{
	remember();
	return unused;
}

static void *
leaves(void *unused)
{
	remember();
	pthread_exit(unused);
}

static void *
detaches_itself(void *unused)
{
	remember();
	pthread_detach(pthread_self());
	return unused;
}

static void *
waits(void *unused)
{
	remember();
	for (;;)
		pause();
	return unused;
}

NOINLINE static void
create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *))
{
	/* Detached ones may be many for a moment. */
	while (pthread_create(thread, attr, run, NULL) != 0)
		usleep(1000);
}

NOINLINE static void
start_joined(pthread_t *threads)
{
	for (int i = 0; i < BATCH; i++)
		create(&threads[i], NULL, i % 2 ? returns : leaves);
	for (int i = 0; i < BATCH; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
}

NOINLINE static void
start_cancelled(pthread_t *threads)
{
	void *result;

	for (int i = 0; i < BATCH; i++)
		create(&threads[i], NULL, waits);
	for (int i = 0; i < BATCH; i++)
		pthread_cancel(threads[i]);
	for (int i = 0; i < BATCH; i++)
		CHECK(pthread_join(threads[i], &result) == 0 &&
		      result == PTHREAD_CANCELED);
}

NOINLINE static void
start_detached(const pthread_attr_t *detached)
{
	pthread_t thread;

	for (int i = 0; i < BATCH; i++)
		create(&thread, detached, returns);
	__asm__ volatile("");
}

NOINLINE static void
start_self_detached(void)
{
	pthread_t thread;

	for (int i = 0; i < BATCH; i++)
		create(&thread, NULL, detaches_itself);
	__asm__ volatile("");
}

static void *
create_many(void *unused)
{
	pthread_t threads[BATCH];
	pthread_attr_t detached;

	pthread_attr_init(&detached);
	pthread_attr_setstacksize(&detached, 128 << 10);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	for (long i = 0; i < batches; i++) {
		start_joined(threads);
		start_cancelled(threads);
		start_detached(&detached);
		start_self_detached();
	}
	pthread_attr_destroy(&detached);
	return unused;
}

int
main(void)
{
	pthread_t creators[CREATORS];

	batches = rounds(4000, 100000) / CREATORS / (4 * BATCH);
	pthread_key_create(&key, free_and_allocate);
	for (int i = 0; i < CREATORS; i++)
		create(&creators[i], NULL, create_many);
	for (int i = 0; i < CREATORS; i++)
		pthread_join(creators[i], NULL);
	printf("%ld\n", batches * CREATORS * BATCH);
	fflush(stdout);
	/* The detached ones that are still ending, and then the process, by
	 * whichever thread is the last. */
	pthread_exit(NULL);
}
