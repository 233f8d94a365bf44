/*
 * Epochs: when a block was born, in 20 bits.
 *
 * An epoch is a second since tracking started, up to 2^19 (six days); after
 * that 64 seconds, which covers a year. The current epoch is a cached number:
 * a recorded call does not ask the clock each time (tls.h says when); each
 * snapshot does.
 */
#pragma once

#include <stdatomic.h>

#include "lks.h"

#define LKS_EPOCH_MAX ((1u << 20) - 1)

extern _Atomic uint32_t lks_epoch_cached;

/* BOOT. Epoch 0 is now. */
void lks_epoch_init(void);

/* Any context, before anything is recorded. Epoch 0 is now: what a dormant
 * process did before is told by lks_epoch_late_ns alone. */
void lks_epoch_restart(void);

/* Any context. Reads the coarse clock; returns the nanoseconds of
 * CLOCK_MONOTONIC it read. */
uint64_t lks_epoch_tick(void);

/* HOT. */
static inline uint32_t
lks_epoch_now(void)
{
	return atomic_load_explicit(&lks_epoch_cached, memory_order_relaxed);
}

/* First second after the start that the epoch covers, and the first it no
 * longer does. */
uint64_t lks_epoch_from_s(uint32_t epoch);
uint64_t lks_epoch_to_s(uint32_t epoch);

/* Epoch 0, in both clocks. */
uint64_t lks_epoch_start_monotonic_ns(void);
uint64_t lks_epoch_start_wall_ns(void);
/* How long this process was dormant before epoch 0. */
uint64_t lks_epoch_late_ns(void);

/* FORK, in the child. Skips an epoch, so that every block of the parent's is
 * older than any of the child's. */
void lks_epoch_fork_child(void);
