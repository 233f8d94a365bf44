/*
 * How long requests took, in fixed memory: a histogram whose cells are as wide
 * as 1/128 of where they begin. A quantile that is read from it is never too
 * low and at most 0.8 % too high, however many were put in.
 */
#pragma once

#include <stdint.h>

#define LOAD_LATENCY_SUB_BITS 7
/* Up to 2^42 ns, more than an hour: beyond what any time-out allows. */
#define LOAD_LATENCY_MAX_BITS 42
#define LOAD_LATENCY_CELLS                                                     \
	((LOAD_LATENCY_MAX_BITS - LOAD_LATENCY_SUB_BITS + 1)                   \
	 << LOAD_LATENCY_SUB_BITS)

/* `{ 0 }` is an empty one. 36 KiB. */
struct load_latency {
	uint64_t cells[LOAD_LATENCY_CELLS];
	uint64_t count;
	uint64_t max_ns; /* exact, also beyond the last cell */
	double sum_ns;
};

void load_latency_insert(struct load_latency *latency, uint64_t ns);

/* Adds all that `from` has: the quantiles are those of both together. */
void load_latency_merge(struct load_latency *latency,
			const struct load_latency *from);

/* The time in ns within which the share `part` (0..1) of all was done; 0 of an
 * empty one. Pure. */
uint64_t load_latency_quantile(const struct load_latency *latency, double part);

/* 0 of an empty one. Pure. */
double load_latency_mean_ns(const struct load_latency *latency);
