/*
 * What was lost, and a few things that happened: process-wide counters that
 * ship in every snapshot (Losses in snapshot.proto) and in the status file.
 *
 * One list, so that a new loss can't be forgotten on the way out: encode.c and
 * status.c walk it too.
 */
#pragma once

#include <stdatomic.h>

#include "lks.h"

/* name, as in snapshot.proto's Losses */
#define LKS_COUNTERS(X)                                                        \
	X(dropped_allocs)                                                      \
	X(dropped_frees)                                                       \
	X(truncated_stacks)                                                    \
	X(unknown_frees)                                                       \
	X(implicit_frees)                                                      \
	X(reentrant_calls)                                                     \
	X(early_calls)                                                         \
	X(depot_overflows)                                                     \
	X(size_clamped)                                                        \
	X(map_failures)                                                        \
	X(snapshot_failures)                                                   \
	X(snapshots_removed)                                                   \
	X(threads_untracked)                                                   \
	X(modules_unknown)                                                     \
	X(late_calls)                                                          \
	X(cohort_overflows)                                                    \
	X(marks_lost)                                                          \
	X(abandoned_calls)                                                     \
	X(settle_timeouts)                                                     \
	X(skipped_blocks)

struct lks_counters {
#define X(name) _Atomic uint64_t name;
	LKS_COUNTERS(X)
#undef X
};

extern struct lks_counters lks_counters;

/* Any context. Relaxed: a count orders nothing. */
#define lks_count(name) lks_count_add(name, 1)
#define lks_count_add(name, n)                                                 \
	((void)atomic_fetch_add_explicit(&lks_counters.name, (n),              \
					 memory_order_relaxed))
#define lks_count_get(name)                                                    \
	atomic_load_explicit(&lks_counters.name, memory_order_relaxed)

/* FORK. Losses belong to the process: a child starts at zero. */
void lks_counters_clear(void);
