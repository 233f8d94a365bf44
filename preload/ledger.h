/*
 * The memory ledger: resident memory by kind, in one pass over
 * /proc/self/maps.
 *
 * mincore tells which pages of an anonymous mapping are resident, 64 MiB at a
 * time, because smaps holds the host's mmap lock for 12 ms per GB. The kernel
 * merges our mappings and thread stacks with the host's neighbours, so the
 * kinds are told apart by intervals, not by lines of maps. The parts sum to
 * rss_bytes by construction: `unexplained` is what is left. It has the pages
 * of private file mappings that were written to, and is negative by live heap
 * that was never touched.
 */
#pragma once

#include "granules.h"
#include "lks.h"

struct lks_ledger {
	uint64_t rss_bytes;
	uint64_t live_heap_bytes;
	uint64_t allocator_retained_bytes;
	uint64_t direct_mmap_bytes;
	uint64_t thread_stack_bytes;
	uint64_t file_bytes;
	uint64_t shared_bytes;
	uint64_t shim_bytes;
	int64_t unexplained_bytes;

	uint64_t swap_bytes;
	uint64_t virtual_bytes;
	uint64_t thread_count;
	uint64_t mapping_count;
	uint64_t cgroup_bytes; /* 0 = unknown */

	bool deep; /* the rest was measured */
	uint64_t pss_bytes;
	uint64_t uss_bytes;
	uint64_t malloc_arena_bytes;
	uint64_t malloc_used_bytes;
	uint64_t malloc_free_bytes;
	uint64_t malloc_trimmable_bytes;
};

/* Address space asked about per snapshot, since a TiB takes mincore about
 * 0.1 s, and in one mapping, so that a reservation that is larger than any
 * machine does not use it up. What lies beyond is unexplained. */
#define LKS_LEDGER_SCAN_BYTES (1ull << 40)
#define LKS_LEDGER_MAPPING_BYTES (1ull << 38)

/* BOOT. Finds mallinfo2 for ledger=deep. */
void lks_ledger_init(void);

/* The helper only, with no lock held, before a measurement with `deep`:
 * mallinfo2 takes the host's arena locks, which glibc itself does only in a
 * process that has threads; the helper is one. */
void lks_ledger_ask_allocator(void);

/*
 * WRITER, scratch. `live_bytes` is the requested size of all live blocks,
 * `blocks` where they are. `deep`: also smaps_rollup, which holds the host's
 * mmap lock, and what the allocator said. False: /proc or memory is missing.
 */
bool lks_ledger_measure(struct lks_ledger *out,
			const struct lks_granules *blocks, uint64_t live_bytes,
			bool deep);
