/*
 * Chance for the simulator: equal seeds, equal throws, on every machine.
 *
 * xorshift64*, seeded through splitmix64 so that neighbouring seeds have
 * nothing in common.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct dice {
	uint64_t state;
};

void dice_init(struct dice *dice, uint64_t seed);

/* [0, 1) */
double dice_unit(struct dice *dice);
/* [low, high) */
double dice_between(struct dice *dice, double low, double high);
/* The same, even in the logarithm. */
double dice_spread(struct dice *dice, double low, double high);
/* 0 .. count - 1 */
unsigned int dice_below(struct dice *dice, unsigned int count);
bool dice_chance(struct dice *dice, double probability);
/* Mean 0, variance 1. */
double dice_normal(struct dice *dice);
double dice_exponential(struct dice *dice, double mean);
unsigned int dice_poisson(struct dice *dice, double mean);
/* 1 or more, P(x > a) = a^-alpha. */
double dice_pareto(struct dice *dice, double alpha);
