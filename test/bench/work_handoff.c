/*
 * work_handoff THOUSANDS PAIRS: in each pair one thread allocates and the other
 * frees, in batches through a queue of 16.
 */
#include "work.h"

#define BATCH 64
#define QUEUE 16

struct pair {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	char *batches[QUEUE][BATCH]; /* guard: lock, but for those in use */
	unsigned made, freed;        /* guard: lock; batches so far */
	long count;                  /* batches in all */
	uint64_t sum;
	uint64_t seed;
};

static WORK_NOINLINE void
fill(char **batch, struct work_random *random)
{
	for (int i = 0; i < BATCH; i++)
		batch[i] = work_alloc(work_size(random));
}

static void *
produce(void *argument)
{
	struct pair *it = *(struct pair **)argument;
	struct work_random random = { it->seed };

	for (long i = 0; i < it->count; i++) {
		pthread_mutex_lock(&it->lock);
		while (it->made - it->freed == QUEUE)
			pthread_cond_wait(&it->changed, &it->lock);
		pthread_mutex_unlock(&it->lock);
		fill(it->batches[it->made % QUEUE], &random);
		pthread_mutex_lock(&it->lock);
		it->made++;
		pthread_cond_signal(&it->changed);
		pthread_mutex_unlock(&it->lock);
	}
	return NULL;
}

static void *
consume(void *argument)
{
	struct pair *it = *(struct pair **)argument;

	for (long i = 0; i < it->count; i++) {
		char **batch;

		pthread_mutex_lock(&it->lock);
		while (it->made == it->freed)
			pthread_cond_wait(&it->changed, &it->lock);
		pthread_mutex_unlock(&it->lock);
		batch = it->batches[it->freed % QUEUE];
		for (int k = 0; k < BATCH; k++) {
			it->sum += (unsigned char)batch[k][0];
			free(batch[k]);
		}
		pthread_mutex_lock(&it->lock);
		it->freed++;
		pthread_cond_signal(&it->changed);
		pthread_mutex_unlock(&it->lock);
	}
	return NULL;
}

struct role {
	struct pair *pair; /* first: what produce and consume are given */
	void *(*run)(void *);
};

static void *
play(void *argument)
{
	struct role *role = argument;

	return role->run(&role->pair);
}

int
main(int argc, char **argv)
{
	long count = work_argument(argc, argv, 1) * 1000 / BATCH + 1;
	long pairs = work_argument(argc, argv, 2);
	static struct pair all[32];
	static struct role roles[64];
	uint64_t sum = 0;

	if (pairs > 32)
		return 2;
	for (long i = 0; i < pairs; i++) {
		pthread_mutex_init(&all[i].lock, NULL);
		pthread_cond_init(&all[i].changed, NULL);
		all[i].count = count;
		all[i].seed = (uint64_t)i + 1;
		roles[2 * i] = (struct role){ &all[i], produce };
		roles[2 * i + 1] = (struct role){ &all[i], consume };
	}
	work_in_threads(2 * pairs, play, roles, sizeof(*roles));
	for (long i = 0; i < pairs; i++)
		sum += all[i].sum;
	printf("%llu\n", (unsigned long long)sum);
	return 0;
}
