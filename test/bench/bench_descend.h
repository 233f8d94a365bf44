/*
 * A stack of a given depth whose frames are all different: 64 functions that
 * call each other in turn, with frames of different sizes. Frames that are one
 * function called by itself would share one return address, and a table of
 * rules would look better than it is.
 */
#pragma once

#include <stdint.h>
#include <string.h>

#define DESCEND_MAX 64

typedef void descend_bottom(void *argument);

struct descent {
	descend_bottom *bottom;
	void *argument;
	volatile unsigned char sum; /* keeps calls from being tail calls */
};

#define DESCEND_STEP(n, next)                                                  \
	static __attribute__((noinline)) void descend_##n(struct descent *it,  \
							  int depth)           \
	{                                                                      \
		volatile unsigned char room[16 + ((n)*24) % 176];              \
                                                                               \
		room[0] = (unsigned char)depth;                                \
		if (depth <= 1)                                                \
			it->bottom(it->argument);                              \
		else                                                           \
			next(it, depth - 1);                                   \
		it->sum = (unsigned char)(it->sum + room[0]);                  \
	}

static inline void
descend_end(struct descent *it, int depth)
{
	(void)depth;
	it->bottom(it->argument);
}

#define DESCEND_8(a, b, c, d, e, f, g, h, next)                                \
	DESCEND_STEP(h, next)                                                  \
	DESCEND_STEP(g, descend_##h)                                           \
	DESCEND_STEP(f, descend_##g)                                           \
	DESCEND_STEP(e, descend_##f)                                           \
	DESCEND_STEP(d, descend_##e)                                           \
	DESCEND_STEP(c, descend_##d)                                           \
	DESCEND_STEP(b, descend_##c)                                           \
	DESCEND_STEP(a, descend_##b)

/* clang-format off */
DESCEND_8(56, 57, 58, 59, 60, 61, 62, 63, descend_end)
DESCEND_8(48, 49, 50, 51, 52, 53, 54, 55, descend_56)
DESCEND_8(40, 41, 42, 43, 44, 45, 46, 47, descend_48)
DESCEND_8(32, 33, 34, 35, 36, 37, 38, 39, descend_40)
DESCEND_8(24, 25, 26, 27, 28, 29, 30, 31, descend_32)
DESCEND_8(16, 17, 18, 19, 20, 21, 22, 23, descend_24)
DESCEND_8(8, 9, 10, 11, 12, 13, 14, 15, descend_16)
DESCEND_8(0, 1, 2, 3, 4, 5, 6, 7, descend_8)
/* clang-format on */

/* Calls `bottom` below `depth` frames of this kind, 1 .. DESCEND_MAX. */
static inline void
descend(int depth, descend_bottom *bottom, void *argument)
{
	struct descent it = { .bottom = bottom, .argument = argument };

	volatile int unknown = depth; /* no copies for a depth that is known */

	descend_0(&it, unknown);
}
