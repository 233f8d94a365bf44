/*
 * Weights of evidence: what was measured becomes clues, and their weighted sum
 * is the logarithm of the odds that the number grows without end. The weights
 * were fitted by test/sim/fit-weights to simulated processes and rounded;
 * doc/VERDICTS.md says what each clue means and why.
 */
#pragma once

#include "verdict_evidence.h"

/* name, weight with ages, weight without (0 = not looked at) */
#define CLUES(X)                                                               \
	X(base, 3.2, 0.1)                                                      \
	X(significance, 0.28, 0.33)                                            \
	X(going_on, 2.8, 0)                                                    \
	X(few_steps, -2.0, -1.4)                                               \
	X(beyond_turnover, 0.5, 0.7)                                           \
	X(falls, 0, -5.7)                                                      \
	X(falls_late, -2.3, 0)                                                 \
	X(falls_significant, 0, 0.5)                                           \
	X(share, 1.1, 0)                                                       \
	X(slower, 0.4, 1.2)                                                    \
	X(turned, -2.4, 0)                                                     \
	X(ended_unturned, -3.4, 0)                                             \
	X(slower_in_window, 0.85, 0)                                           \
	X(slower_than_before, 0.2, 0)                                          \
	X(slows_evenly, -3.0, 0)                                               \
	X(support_less, -0.85, 0)                                              \
	X(support_more, -0.3, 0)                                               \
	X(kept_more, -1.0, 0)                                                  \
	X(late_less, -0.9, 0)                                                  \
	X(late_more, -1.6, 0)                                                  \
	X(tail_less, -0.2, 0)                                                  \
	X(tail_unknown, -2.0, 0)

enum clue {
#define X(name, with, without) CLUE_##name,
	CLUES(X)
#undef X
		CLUE_COUNT
};

/* For a number that moves. */
void clues_of(const struct evidence *evidence, const struct growth *growth,
	      double clues[CLUE_COUNT]);

/* Logarithm of the odds. */
double clues_weigh(const struct evidence *evidence,
		   const double clues[CLUE_COUNT]);

/* "base" ... */
const char *clue_name(enum clue clue);
