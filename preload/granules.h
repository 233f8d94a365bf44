/*
 * Granules: roughly where the live blocks are.
 *
 * The memory ledger must tell mappings that hold live blocks from those that
 * hold none, and can't keep a list of all addresses. So for each 2 MiB of
 * address space with a live block in it the lowest and the highest of their
 * addresses are kept. A mapping without blocks that lies between two blocks
 * of the same 2 MiB is misjudged; so are blocks beyond LKS_GRANULES_MAX.
 */
#pragma once

#include "lks.h"

#define LKS_GRANULE_SHIFT 21
/* 256 GiB of heap. */
#define LKS_GRANULES_MAX (1u << 17)

struct lks_granule {
	uint64_t number; /* address >> LKS_GRANULE_SHIFT; 0 = empty slot */
	uint32_t low;    /* offsets in the granule */
	uint32_t high;
};

struct lks_granules {
	struct lks_granule *slots; /* scratch; a power of 2 of them */
	struct lks_granule *last;  /* neighbours come together */
	uint32_t capacity;
	uint32_t count;
};

/* WRITER. False: no memory. */
bool lks_granules_init(struct lks_granules *g);

/* WRITER. A live block begins at `address`. */
void lks_granules_add(struct lks_granules *g, uintptr_t address);

/* WRITER. Does a live block begin in [start, end)? */
bool lks_granules_hold(const struct lks_granules *g, uintptr_t start,
		       uintptr_t end);
