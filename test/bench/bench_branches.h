/*
 * Many distinct stacks on purpose, each of BRANCH_DEPTH frames in 64 functions
 * that a hash chooses: the outer frames are shared by 64 stacks, the inner
 * `branch_own` are a stack's own. As in a large program, where many stacks come
 * out of few loops.
 */
#pragma once

#include "work.h"

#define BRANCH_DEPTH 30

static int branch_own = 10;
static volatile unsigned branch_sum; /* no call is a tail call */

typedef void *branch_function(uint32_t which, int level, size_t size);

static branch_function *branch_next(uint32_t which, int level);

#define BRANCH(n)                                                              \
	static WORK_NOINLINE void *branch_##n(uint32_t which, int level,       \
					      size_t size)                     \
	{                                                                      \
		void *p = level == 0 ? malloc(size)                            \
				     : branch_next(which, level)(              \
					       which, level - 1, size);        \
                                                                               \
		branch_sum += n;                                               \
		return p;                                                      \
	}

#define BRANCH_8(n)                                                            \
	BRANCH(n##0)                                                           \
	BRANCH(n##1)                                                           \
	BRANCH(n##2)                                                           \
	BRANCH(n##3)                                                           \
	BRANCH(n##4)                                                           \
	BRANCH(n##5)                                                           \
	BRANCH(n##6)                                                           \
	BRANCH(n##7)
#define BRANCH_NAMES(n)                                                        \
	branch_##n##0, branch_##n##1, branch_##n##2, branch_##n##3,            \
		branch_##n##4, branch_##n##5, branch_##n##6, branch_##n##7

BRANCH_8(1)
BRANCH_8(2)
BRANCH_8(3)
BRANCH_8(4)
BRANCH_8(5)
BRANCH_8(6)
BRANCH_8(7)
BRANCH_8(8)

static branch_function *
branch_next(uint32_t which, int level)
{
	static branch_function *const all[64] = {
		BRANCH_NAMES(1), BRANCH_NAMES(2), BRANCH_NAMES(3),
		BRANCH_NAMES(4), BRANCH_NAMES(5), BRANCH_NAMES(6),
		BRANCH_NAMES(7), BRANCH_NAMES(8),
	};
	uint64_t hash = level > branch_own ? which / 64 : which;

	/* Fibonacci hashing, another multiple per level. */
	hash = (hash + 1) * UINT64_C(0x9e3779b97f4a7c15) * (2 * level + 1);
	return all[hash >> 58];
}

/* A block of the stack number `which`. */
static inline void *
branch_alloc(uint32_t which, size_t size)
{
	return branch_next(which, BRANCH_DEPTH)(which, BRANCH_DEPTH - 1, size);
}
