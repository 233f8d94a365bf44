#include "workers.h"

#include <pthread.h>
#include <stdlib.h>

#include "../analyzer/clock.h"
#include "../analyzer/xalloc.h"
#include "cond.h"

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
	cond_init(&workers->work);
	pthread_cond_init(&workers->ended, NULL);
	return workers;
}

/* NULL: there was none for a while, or no more will come. */
static struct piece *
take_locked(struct workers *workers)
{
	struct piece *piece;
	uint64_t until_ns;

	if (!workers->waiting && !workers->stopping) {
		until_ns = clock_ns(CLOCK_MONOTONIC) + IDLE_S * CLOCK_NS_PER_S;
		workers->idle++;
		while (!workers->waiting && !workers->stopping &&
		       cond_wait(&workers->work, &workers->lock, until_ns))
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

/* --- all at once ---------------------------------------------------------- */

/* Lives until nobody is at it any more. */
struct round {
	void (*run)(void *arg);
	void (*drop)(void *arg);
	pthread_mutex_t lock;
	pthread_cond_t changed; /* with lock: left */
	size_t left;            /* guard: lock; pieces under way */
	bool is_over;           /* guard: lock; nobody waits any more */
	struct part {
		struct round *round;
		void *arg;
		bool done; /* guard: lock */
	} parts[];
};

static void
free_round(struct round *round)
{
	pthread_cond_destroy(&round->changed);
	pthread_mutex_destroy(&round->lock);
	free(round);
}

static void
run_part(void *as_part)
{
	struct part *part = as_part;
	struct round *round = part->round;
	void (*drop)(void *arg) = round->drop;
	void *arg = part->arg;
	bool is_late, is_last;

	round->run(arg);
	pthread_mutex_lock(&round->lock);
	is_late = round->is_over;
	part->done = !is_late;
	round->left--;
	is_last = is_late && !round->left;
	pthread_cond_signal(&round->changed);
	pthread_mutex_unlock(&round->lock);
	/* From here on the round is its owner's, or the last late one's. */
	if (is_late)
		drop(arg);
	if (is_last)
		free_round(round);
}

static struct round *
new_round(void (*run)(void *arg), void (*drop)(void *arg), size_t count)
{
	struct round *round =
		xcalloc(1, sizeof(*round) + count * sizeof(round->parts[0]));

	round->run = run;
	round->drop = drop;
	pthread_mutex_init(&round->lock, NULL);
	cond_init(&round->changed);
	return round;
}

size_t
workers_all(struct workers *workers, void (*run)(void *arg),
	    void (*drop)(void *arg), void *const *args, bool *done,
	    size_t count, uint64_t wait_ns)
{
	uint64_t until_ns = clock_ns(CLOCK_MONOTONIC) + wait_ns;
	struct round *round = new_round(run, drop, count);
	size_t i, done_count = 0;
	bool is_mine;

	for (i = 0; i < count; i++) {
		struct part *part = &round->parts[i];

		*part = (struct part){ .round = round, .arg = args[i] };
		pthread_mutex_lock(&round->lock);
		round->left++;
		pthread_mutex_unlock(&round->lock);
		if (workers_give(workers, run_part, part))
			continue;
		pthread_mutex_lock(&round->lock);
		round->left--;
		pthread_mutex_unlock(&round->lock);
		drop(args[i]);
	}
	pthread_mutex_lock(&round->lock);
	while (round->left &&
	       cond_wait(&round->changed, &round->lock, until_ns))
		;
	for (i = 0; i < count; i++) {
		done[i] = round->parts[i].done;
		done_count += done[i];
	}
	round->is_over = true;
	is_mine = !round->left;
	pthread_mutex_unlock(&round->lock);
	if (is_mine)
		free_round(round);
	return done_count;
}

void
workers_end(struct workers *workers)
{
	pthread_mutex_lock(&workers->lock);
	workers->stopping = true;
	pthread_cond_broadcast(&workers->work);
	while (workers->count)
		pthread_cond_wait(&workers->ended, &workers->lock);
	pthread_mutex_unlock(&workers->lock);
}

void
workers_free(struct workers *workers)
{
	if (!workers)
		return;
	workers_end(workers);
	pthread_cond_destroy(&workers->work);
	pthread_cond_destroy(&workers->ended);
	pthread_mutex_destroy(&workers->lock);
	free(workers);
}
