/*
 * work_churn THOUSANDS [THREADS]: each thread replaces blocks at random among
 * 20,000 of its own, sizes skewed to the small, from 16 places in the program
 * at depths of 3 to 18 frames.
 */
#include "work.h"

#define BLOCKS 20000

struct churner {
	struct work_random random;
	long count;
	uint64_t sum;
	char *blocks[BLOCKS];
};

/* One place each; the recursion is not a tail call. */
#define PLACE(n)                                                               \
	static WORK_NOINLINE char *place_##n(struct churner *it, int depth)    \
	{                                                                      \
		char *p;                                                       \
                                                                               \
		if (depth == 0)                                                \
			return work_alloc(work_size(&it->random));             \
		p = place_##n(it, depth - 1);                                  \
		it->sum += (unsigned char)p[0];                                \
		return p;                                                      \
	}

PLACE(0)
PLACE(1)
PLACE(2)
PLACE(3)

static char *(*const places[])(struct churner *, int) = { place_0, place_1,
							  place_2, place_3 };

static void *
churn(void *argument)
{
	struct churner *it = argument;

	for (long i = 0; i < it->count; i++) {
		char **block = &it->blocks[work_random(&it->random, BLOCKS)];
		uint32_t place = work_random(&it->random, 16);

		free(*block);
		*block = places[place & 3](it, 1 + (int)(place >> 2) * 5);
	}
	for (size_t i = 0; i < BLOCKS; i++)
		free(it->blocks[i]);
	return NULL;
}

int
main(int argc, char **argv)
{
	long count = work_argument(argc, argv, 1) * 1000;
	long threads = argc > 2 ? work_argument(argc, argv, 2) : 1;
	struct churner *all = calloc((size_t)threads, sizeof(*all));
	uint64_t sum = 0;

	if (!all)
		return 1;
	for (long i = 0; i < threads; i++) {
		all[i].random.state = (uint64_t)i + 1;
		all[i].count = count;
	}
	if (threads == 1)
		churn(all); /* single-threaded, without a helper */
	else
		work_in_threads(threads, churn, all, sizeof(*all));
	for (long i = 0; i < threads; i++)
		sum += all[i].sum;
	printf("%llu\n", (unsigned long long)sum);
	free(all);
	return 0;
}
