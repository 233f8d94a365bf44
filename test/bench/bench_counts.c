/*
 * bench_counts: what scripts/check-counts counts the instructions of, under
 * valgrind --tool=callgrind, plain and under the shim. For each case, in this
 * order, a warm round and then PAIRS measured ones, which valgrind is told to
 * write down: pairs of malloc and free at depth 5, 20 and 60, of calloc and
 * free at 20, realloc growing and shrinking at 20, and blocks of 64 different
 * stacks in turn.
 *
 * Nothing here depends on time, addresses or the environment's size.
 */
#include <valgrind/callgrind.h>

#include "bench_descend.h"
#include "work.h"

#define PAIRS 4096 /* a multiple of 64 */
#define DEPTHS 64

static void
pairs(void *argument)
{
	(void)argument;
	for (int i = 0; i < PAIRS; i++)
		free(malloc(64));
}

static void
zeroed(void *argument)
{
	(void)argument;
	for (int i = 0; i < PAIRS; i++)
		free(calloc(1, 64));
}

/* One pair counts as a realloc that moves to more and one to less. */
static void
resized(void *argument)
{
	char *p = malloc(32);

	(void)argument;
	for (int i = 0; i < PAIRS; i++) {
		p = realloc(p, 400);
		p = realloc(p, 32);
	}
	free(p);
}

static void
one_pair(void *argument)
{
	(void)argument;
	free(malloc(64));
}

static void
many_stacks(void)
{
	for (int i = 0; i < PAIRS; i++)
		descend(1 + i % DEPTHS, one_pair, NULL);
}

static void
measure(const char *name, int depth, descend_bottom *run)
{
	descend(depth, run, NULL);
	CALLGRIND_ZERO_STATS;
	descend(depth, run, NULL);
	CALLGRIND_DUMP_STATS_AT(name);
}

int
main(void)
{
	measure("depth-5", 5, pairs);
	measure("depth-20", 20, pairs);
	measure("depth-60", 60, pairs);
	measure("calloc-20", 20, zeroed);
	measure("realloc-20", 20, resized);
	many_stacks();
	CALLGRIND_ZERO_STATS;
	many_stacks();
	CALLGRIND_DUMP_STATS_AT("stacks-64");
	return 0;
}
