#include "workers.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "../analyzer/xalloc.h"

/* A worker without work ends after this. */
#define IDLE_S 10
/* The analyzer's recursion is bounded, libdw's not by us. */
#define STACK_BYTES (2u << 20)

struct piece {
	void (*run)(void *arg);
	void *arg;
	struct piece *next;
};

struct workers {
	unsigned int most;
	pthread_mutex_t lock;
	pthread_cond_t work;        /* with lock: waiting, stopping */
	pthread_cond_t ended;       /* with lock: count */
	struct piece *waiting;      /* guard: lock; first in, first out */
	struct piece **last;        /* guard: lock */
	unsigned int waiting_count; /* guard: lock */
	unsigned int count;         /* guard: lock; threads */
	unsigned int idle;          /* guard: lock; of them */
	bool stopping;              /* guard: lock */
};

struct workers *
workers_new(unsigned int most)
{
	struct workers *workers = xcalloc(1, sizeof(*workers));

	workers->most = most;
	workers->last = &workers->waiting;
	pthread_mutex_init(&workers->lock, NULL);
	pthread_cond_init(&workers->work, NULL);
	pthread_cond_init(&workers->ended, NULL);
	return workers;
}

/* NULL: there was none for a while, or no more will come. */
static struct piece *
take_locked(struct workers *workers)
{
	struct piece *piece;
	struct timespec until;

	if (!workers->waiting && !workers->stopping) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += IDLE_S;
		workers->idle++;
		while (!workers->waiting && !workers->stopping &&
		       !pthread_cond_timedwait(&workers->work, &workers->lock,
					       &until))
			;
		workers->idle--;
	}
	piece = workers->waiting;
	if (!piece)
		return NULL;
	workers->waiting = piece->next;
	if (!workers->waiting)
		workers->last = &workers->waiting;
	workers->waiting_count--;
	return piece;
}

static void *
work(void *as_workers)
{
	struct workers *workers = as_workers;
	struct piece *piece;

	pthread_mutex_lock(&workers->lock);
	while ((piece = take_locked(workers))) {
		pthread_mutex_unlock(&workers->lock);
		piece->run(piece->arg);
		free(piece);
		pthread_mutex_lock(&workers->lock);
	}
	workers->count--;
	pthread_cond_signal(&workers->ended);
	pthread_mutex_unlock(&workers->lock);
	return NULL;
}

static bool
make_thread_locked(struct workers *workers)
{
	pthread_attr_t attr;
	pthread_t thread;
	bool made;

	if (workers->count == workers->most)
		return false;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	made = pthread_create(&thread, &attr, work, workers) == 0;
	workers->count += made;
	pthread_attr_destroy(&attr);
	return made;
}

bool
workers_give(struct workers *workers, void (*run)(void *arg), void *arg)
{
	struct piece *piece = xcalloc(1, sizeof(*piece));
	bool taken;

	piece->run = run;
	piece->arg = arg;
	pthread_mutex_lock(&workers->lock);
	taken = !workers->stopping && (workers->idle > workers->waiting_count ||
				       make_thread_locked(workers));
	if (taken) {
		*workers->last = piece;
		workers->last = &piece->next;
		workers->waiting_count++;
		pthread_cond_signal(&workers->work);
	}
	pthread_mutex_unlock(&workers->lock);
	if (!taken)
		free(piece);
	return taken;
}

void
workers_free(struct workers *workers)
{
	if (!workers)
		return;
	pthread_mutex_lock(&workers->lock);
	workers->stopping = true;
	pthread_cond_broadcast(&workers->work);
	while (workers->count)
		pthread_cond_wait(&workers->ended, &workers->lock);
	pthread_mutex_unlock(&workers->lock);
	pthread_cond_destroy(&workers->work);
	pthread_cond_destroy(&workers->ended);
	pthread_mutex_destroy(&workers->lock);
	free(workers);
}
