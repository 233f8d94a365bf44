/*
 * Locks that give up.
 *
 * A host thread must never wait for ever, whatever became of the holder (it
 * may be a cloned writer that was killed, or preempted by a real-time thread).
 * So taking a lock can fail, after LKS_LOCK_TRIES yields; every caller says
 * what is lost then and counts it. Not recursive, no owner recorded (tids lie
 * after vfork and clone).
 */
#pragma once

#include <stdatomic.h>

#include "lks.h"

struct lks_lock {
	_Atomic uint32_t word; /* 0 free, 1 held */
};

/* FORK, in the child: free again, whoever held it. */
static inline void
lks_lock_init(struct lks_lock *lock)
{
	atomic_store_explicit(&lock->word, 0, memory_order_relaxed);
}

static inline bool
lks_lock_is_held(const struct lks_lock *lock)
{
	return atomic_load_explicit(&lock->word, memory_order_relaxed) != 0;
}

/* RECORD, WRITER. False: not taken. Acquire: pairs with lks_lock_drop. */
bool lks_lock_take(struct lks_lock *lock, enum lks_rank rank)
	__attribute__((warn_unused_result));
/* Release: pairs with take. */
void lks_lock_drop(struct lks_lock *lock);
