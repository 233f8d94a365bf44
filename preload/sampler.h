/*
 * The sampler: which allocations are recorded, and what each stands for.
 *
 * Exact (mean 1): all, each for itself. Sampled: a Poisson process over bytes
 * with the given mean T, so a block of s bytes is recorded with probability
 * P = 1 - exp(-s/T) and stands for 1/P blocks, s/P bytes (Horvitz-Thompson;
 * malloc(0) counts as one byte). The weight is a pure function of the size, so
 * the free of a block takes away just what its allocation added.
 *
 * Pure and seedable: no clock, no system call.
 */
#pragma once

#include "lks.h"

/* Object weights are in 1/65536 when sampling. */
#define LKS_SAMPLER_SCALE 65536u

struct lks_weight {
	uint64_t objects; /* in 1/lks_sampler_scale() objects */
	uint64_t bytes;
};

/* Per-thread state. */
struct lks_sampler {
	int64_t left;    /* bytes until the next sample; sampled when < 0 */
	uint64_t random; /* xorshift state, never 0 */
};

/* BOOT. Mean bytes between samples, >= 1; 1 = exact. */
void lks_sampler_init(uint64_t mean_bytes, uint64_t seed);

/* Written at boot. */
extern uint64_t lks_sampler_mean_bytes;

static inline uint64_t
lks_sampler_mean(void)
{
	return lks_sampler_mean_bytes;
}

/* 1 when exact, else LKS_SAMPLER_SCALE. */
uint32_t lks_sampler_scale(void);

/* A thread's first state: `stream` tells threads (and forked children) apart.
 * left is drawn, so that a thread's first block is not favoured. */
void lks_sampler_start(struct lks_sampler *sampler, uint64_t stream);

/* RECORD, when left went below 0: draws it anew, from the end of the block
 * that was just sampled (the process has no memory). */
void lks_sampler_draw(struct lks_sampler *sampler);

static inline void
lks_sampler_next(struct lks_sampler *sampler)
{
	/* In exact mode it stays where it is, below 0. */
	if (lks_unlikely(lks_sampler_mean() != 1))
		lks_sampler_draw(sampler);
}

/* What a recorded block of `size` requested bytes stands for. */
struct lks_weight lks_sampler_weigh(uint64_t size);

static inline struct lks_weight
lks_sampler_weight(uint64_t size)
{
	if (lks_likely(lks_sampler_mean() == 1))
		return (struct lks_weight){ 1, size };
	return lks_sampler_weigh(size);
}
