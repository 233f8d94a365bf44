/*
 * work_storm ROUNDS: creates eight threads, each of which allocates and frees
 * a little, and joins them; again and again.
 */
#include "work.h"

#define THREADS 8
#define BLOCKS 50

static void *
visit(void *argument)
{
	uint64_t *sum = argument;
	struct work_random random = { *sum + 1 };
	char *blocks[BLOCKS];

	for (int i = 0; i < BLOCKS; i++)
		blocks[i] = work_alloc(work_size(&random));
	for (int i = 0; i < BLOCKS; i++) {
		*sum += (unsigned char)blocks[i][0];
		free(blocks[i]);
	}
	return NULL;
}

int
main(int argc, char **argv)
{
	long rounds = work_argument(argc, argv, 1);
	uint64_t sums[THREADS] = { 0 };
	uint64_t sum = 0;

	for (long i = 0; i < rounds; i++)
		work_in_threads(THREADS, visit, sums, sizeof(*sums));
	for (int i = 0; i < THREADS; i++)
		sum += sums[i];
	printf("%llu\n", (unsigned long long)sum);
	return 0;
}
