#include "patience.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "../analyzer/clock.h"
#include "../analyzer/xalloc.h"
#include "cond.h"

#define PAUSED UINT64_MAX

struct patience {
	uint64_t ns;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t over;         /* with lock: stopping */
	bool stopping;               /* guard: lock */
	struct patience_turn *turns; /* guard: lock */
};

struct patience_turn {
	struct patience *patience;
	int fd;
	uint64_t since_ns; /* guard: lock; CLOCK_MONOTONIC, or PAUSED */
	struct patience_turn *next, **link; /* guard: lock */
};

static void
look_locked(const struct patience *patience)
{
	struct patience_turn *turn;
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	for (turn = patience->turns; turn; turn = turn->next) {
		if (turn->since_ns == PAUSED ||
		    now - turn->since_ns < patience->ns)
			continue;
		shutdown(turn->fd, SHUT_RDWR);
		turn->since_ns = PAUSED;
	}
}

/* Four looks in the time that is given: nobody is a quarter late. */
static void *
run(void *as_patience)
{
	struct patience *patience = as_patience;
	uint64_t step = patience->ns / 4;

	pthread_mutex_lock(&patience->lock);
	while (!patience->stopping) {
		cond_wait(&patience->over, &patience->lock,
			  clock_ns(CLOCK_MONOTONIC) + step);
		look_locked(patience);
	}
	pthread_mutex_unlock(&patience->lock);
	return NULL;
}

struct patience *
patience_new(unsigned int seconds)
{
	struct patience *patience = xcalloc(1, sizeof(*patience));

	patience->ns = seconds * 1000000000ull;
	pthread_mutex_init(&patience->lock, NULL);
	cond_init(&patience->over);
	errno = pthread_create(&patience->thread, NULL, run, patience);
	if (!errno)
		return patience;
	pthread_cond_destroy(&patience->over);
	pthread_mutex_destroy(&patience->lock);
	free(patience);
	return NULL;
}

void
patience_free(struct patience *patience)
{
	if (!patience)
		return;
	pthread_mutex_lock(&patience->lock);
	patience->stopping = true;
	pthread_cond_signal(&patience->over);
	pthread_mutex_unlock(&patience->lock);
	pthread_join(patience->thread, NULL);
	pthread_cond_destroy(&patience->over);
	pthread_mutex_destroy(&patience->lock);
	free(patience);
}

struct patience_turn *
patience_begin(struct patience *patience, int fd)
{
	struct patience_turn *turn = xcalloc(1, sizeof(*turn));

	turn->patience = patience;
	turn->fd = fd;
	turn->since_ns = clock_ns(CLOCK_MONOTONIC);
	pthread_mutex_lock(&patience->lock);
	turn->next = patience->turns;
	turn->link = &patience->turns;
	if (turn->next)
		turn->next->link = &turn->next;
	patience->turns = turn;
	pthread_mutex_unlock(&patience->lock);
	return turn;
}

static void
set_since(struct patience_turn *turn, uint64_t since_ns)
{
	pthread_mutex_lock(&turn->patience->lock);
	turn->since_ns = since_ns;
	pthread_mutex_unlock(&turn->patience->lock);
}

void
patience_pause(struct patience_turn *turn)
{
	set_since(turn, PAUSED);
}

void
patience_restart(struct patience_turn *turn)
{
	set_since(turn, clock_ns(CLOCK_MONOTONIC));
}

void
patience_end(struct patience_turn *turn)
{
	struct patience *patience = turn->patience;

	pthread_mutex_lock(&patience->lock);
	*turn->link = turn->next;
	if (turn->next)
		turn->next->link = turn->link;
	pthread_mutex_unlock(&patience->lock);
	free(turn);
}
