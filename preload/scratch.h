/*
 * Scratch: the memory of one snapshot, all given back together at its end.
 *
 * Taken from the arena beyond its cap, so that full tables can still be
 * reported. There is one writer at a time, hence one scratch, in static
 * memory: who takes over from a writer that was killed gives back what it
 * left. A forked child does the same.
 */
#pragma once

#include "lks.h"

/* WRITER. Zeroed pages, NULL: refused, or LKS_SCRATCH_PARTS are in use. */
void *lks_scratch_map(size_t bytes) __attribute__((warn_unused_result));
#define LKS_SCRATCH_PARTS 64 /* a snapshot has about 25 */

/* Gives one part back before the end. */
void lks_scratch_drop(void *part);

/* Replaces a part by a larger one with the same beginning; NULL: refused, and
 * the old one stays. `part` may be NULL. */
void *lks_scratch_grow(void *part, size_t bytes, size_t more_bytes)
	__attribute__((warn_unused_result));

/* Gives everything back. */
void lks_scratch_clear(void);

/* The writer before us was killed, perhaps inside one of these functions. */
void lks_scratch_recover(void);

/* FORK. prepare keeps the list whole while the process is copied. */
void lks_scratch_fork_prepare(void);
void lks_scratch_fork_parent(void);
void lks_scratch_fork_child(void);
