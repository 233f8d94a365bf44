/*
 * The shim's memory: anonymous mappings of its own, never the host's heap.
 *
 * Owner of every byte we use. Counts them, keeps the cap of memory=, and knows
 * our ranges so that the ledger can tell ours from the host's. Memory from
 * here is zeroed. Huge pages are declined (MADV_NOHUGEPAGE), so that sparse
 * tables cost what they touch.
 */
#pragma once

#include "lks.h"

/* BOOT. `cap_bytes`: more is refused (tables then thin or overflow). */
void lks_arena_init(uint64_t cap_bytes);

/*
 * RECORD, WRITER. `bytes` rounded up to pages; zeroed, page-aligned, the
 * caller's until lks_arena_release with the same size. NULL: over the cap, or
 * refused by the kernel (counted). Takes LKS_RANK_ARENA.
 */
void *lks_arena_map(size_t bytes) __attribute__((warn_unused_result));
void lks_arena_release(void *pages, size_t bytes);

/* RECORD. More pages behind those of lks_arena_map, or fewer; they may move.
 * What was there stays. NULL: over the cap, or refused; then nothing changed. */
void *lks_arena_resize(void *pages, size_t had, size_t wanted)
	__attribute__((warn_unused_result));

/* As lks_arena_map, but over the cap too: for the writer's scratch, so that a
 * full table can still be reported. */
void *lks_arena_map_beyond_cap(size_t bytes)
	__attribute__((warn_unused_result));

/*
 * BOOT, RECORD. Address space for a sparse table that is kept for ever and
 * only touched where it is used: neither in the sum of lks_arena_bytes nor
 * under the cap. NULL: refused by the kernel (counted).
 */
void *lks_arena_reserve(size_t bytes) __attribute__((warn_unused_result));
/* Gives it back, when another thread was first. NULL is allowed. */
void lks_arena_unreserve(void *pages, size_t bytes);

/*
 * RECORD. Small permanent memory (paths, tables' headers), 16-byte aligned,
 * zeroed, never given back. NULL as above.
 */
void *lks_arena_permanent(size_t bytes) __attribute__((warn_unused_result));

/* Lock-free. Bytes mapped now, and the cap. */
uint64_t lks_arena_bytes(void);
uint64_t lks_arena_cap(void);

/* True if mapping `bytes` more would pass the cap. Lock-free, a hint. */
bool lks_arena_is_tight(size_t bytes);

struct lks_range {
	uintptr_t start;
	uintptr_t end;
};

/* WRITER. Our ranges, unsorted, at most `cap`; returns how many there are
 * (may be more than cap: the rest is not listed). */
uint32_t lks_arena_ranges(struct lks_range *out, uint32_t cap);

/* FORK. */
void lks_arena_fork_prepare(void);
void lks_arena_fork_parent(void);
void lks_arena_fork_child(void);
