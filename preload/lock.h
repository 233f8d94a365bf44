/*
 * Locks that give up.
 *
 * A host thread must never wait for ever, whatever became of the holder (it
 * may be a cloned writer that was killed, or preempted by a real-time thread).
 * So taking a lock can fail, after 0.8 s: more than a container's quota or a busy
 * machine takes a processor away for. Every caller says what is lost then and
 * counts it. Not recursive, no owner recorded (tids lie after vfork and clone).
 *
 * Nor may it cost that at every call from then on: a lock that stayed held for
 * so long is lost, and not waited for until it has been seen free. Most likely
 * its holder is not coming back: a handler of the host's jumped out of a call of
 * ours. What the lock guards may be half changed, so it is not taken by force.
 * When LKS_LOCKS_LOST were lost, tracking ends, and says why (law 3).
 */
#pragma once

#include <stdatomic.h>

#include "lks.h"

/* More is no accident any more; and what a host may have to wait, all in all. */
#define LKS_LOCKS_LOST 8

struct lks_lock {
	_Atomic uint32_t word; /* 0 free, 1 held, 2 held and lost */
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

/* Any context. Held for so long that nobody waits for it any more. */
static inline bool
lks_lock_is_lost(const struct lks_lock *lock)
{
	return atomic_load_explicit(&lock->word, memory_order_relaxed) == 2;
}

/* FORK. While a process of many gigabytes is copied its locks are held for
 * seconds, which is no sign of anything. */
void lks_lock_fork_prepare(void);
void lks_lock_fork_parent(void);
void lks_lock_fork_child(void);

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
