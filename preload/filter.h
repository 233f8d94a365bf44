/*
 * The filter: is a block certainly not in the sample?
 *
 * When sampling, next to no block that is freed was recorded, and the live
 * table would be asked for nothing: a miss of the cache and a lock each time.
 * So the addresses in it are counted in LKS_FILTER_BYTES saturating counters
 * by hash, which stay in the second-level cache: 0 means that the address is
 * not recorded. 2,000 records (1 GiB of heap at 512K) send 3% of the other
 * blocks to the table for nothing; a count that reached 255 stays there.
 *
 * A record is counted before the host gets the address and is taken out after
 * the host gave it back, so whoever may free it sees it counted. In exact mode,
 * and before boot, the filter excludes nothing.
 */
#pragma once

#include <stdatomic.h>

#include "lks.h"

#define LKS_FILTER_BITS 16
#define LKS_FILTER_BYTES (1u << LKS_FILTER_BITS)

/* Written at boot: the table before the mask. */
struct lks_filter {
	_Atomic uint8_t *_Atomic table;
	_Atomic uint64_t mask; /* 0: excludes nothing, and counts nothing */
};

extern struct lks_filter lks_filter;

/* BOOT, when sampling. Without memory the filter goes on excluding nothing. */
void lks_filter_init(void);

/*
 * Neighbours share a line: what a program frees next often lies near. Hashing
 * all bits instead cost python3 2.4% in misses of the first-level cache. The
 * higher bits are folded in, or blocks at the same place of arenas of a power
 * of 2 would all be one.
 */
static inline uint64_t
lks_filter_place(uintptr_t address, uint64_t mask)
{
	return (address >> 4 ^ address >> (4 + LKS_FILTER_BITS)) & mask;
}

/* HOT. */
static inline bool
lks_filter_excludes(const void *p)
{
	/* acquire: pairs with lks_filter_init */
	const uint64_t mask =
		atomic_load_explicit(&lks_filter.mask, memory_order_acquire);
	_Atomic uint8_t *table =
		atomic_load_explicit(&lks_filter.table, memory_order_relaxed);

	return atomic_load_explicit(
		       &table[lks_filter_place((uintptr_t)p, mask)],
		       memory_order_relaxed) == 0;
}

/* RECORD. The live table has one more record, or one less. */
void lks_filter_add_slow(uintptr_t address);
void lks_filter_remove_slow(uintptr_t address);

static inline bool
lks_filter_counts(void)
{
	return lks_unlikely(atomic_load_explicit(&lks_filter.mask,
						 memory_order_relaxed) != 0);
}

static inline void
lks_filter_add(uintptr_t address)
{
	if (lks_filter_counts())
		lks_filter_add_slow(address);
}

static inline void
lks_filter_remove(uintptr_t address)
{
	if (lks_filter_counts())
		lks_filter_remove_slow(address);
}
