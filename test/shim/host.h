/*
 * What host programs share: a check that tells its line on standard output
 * and goes on, and how much to do (run-shim-tests sets FULL=1 for the full
 * form of a case).
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#define NOINLINE __attribute__((noinline))

static int failed __attribute__((unused));

#define CHECK(x)                                                               \
	do {                                                                   \
		if (!(x)) {                                                    \
			printf("line %d: %s\n", __LINE__, #x);                 \
			failed = 1;                                            \
		}                                                              \
	} while (0)

static inline long
rounds(long in_short, long in_full)
{
	return getenv("FULL") != NULL ? in_full : in_short;
}

/* Out of the optimizer's sight: the block is used, the call is no tail call. */
static inline void *
use(void *p)
{
	__asm__ volatile("" : "+r"(p) : : "memory");
	return p;
}
