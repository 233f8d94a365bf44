/*
 * Locks that give up.
 *
 * A host thread must never wait for ever, whatever became of the holder (it
 * may be a cloned writer that was killed, or preempted by a real-time thread).
 * So taking a lock can fail, after a fifth of a second; every caller says
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

/* Unit tests (LKS_DEBUG is 1) check the order of ranks. Not a debug build of the
 * shared object (2): a cloned writer has its maker's thread-local storage. */
#if defined(LKS_DEBUG) && LKS_DEBUG == 1
void lks_lock_check(enum lks_rank rank);
void lks_lock_uncheck(void);
#else
static inline void
lks_lock_check(enum lks_rank rank)
{
	(void)rank;
}

static inline void
lks_lock_uncheck(void)
{
}
#endif

static inline bool
lks_lock_attempt(struct lks_lock *lock)
{
	return atomic_load_explicit(&lock->word, memory_order_relaxed) == 0 &&
	       atomic_exchange_explicit(&lock->word, 1, memory_order_acquire) ==
		       0;
}

/* The same, having failed once. */
bool lks_lock_take_slow(struct lks_lock *lock);

/* RECORD, WRITER. False: not taken. Acquire: pairs with lks_lock_drop. */
__attribute__((warn_unused_result)) static inline bool
lks_lock_take(struct lks_lock *lock, enum lks_rank rank)
{
	if (lks_unlikely(!lks_lock_attempt(lock)) && !lks_lock_take_slow(lock))
		return false;
	lks_lock_check(rank);
	return true;
}

/* Release: pairs with take. */
static inline void
lks_lock_drop(struct lks_lock *lock)
{
	lks_lock_uncheck();
	atomic_store_explicit(&lock->word, 0, memory_order_release);
}
