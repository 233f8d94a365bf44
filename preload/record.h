/*
 * Records: what a recorded call changes in the live table and the counters.
 *
 * In exact mode the table's cache misses are most of what a call costs. A
 * thread that is the only one to allocate for a while therefore *defers*: it
 * writes its changes into a ring, and applies them LKS_DEFERRED at a time, in
 * order, with the slots fetched ahead. A block that came and went within the
 * ring never gets to the table at all.
 *
 * One thread defers at a time, the owner. It adds to the ring without a locked
 * instruction:
 *
 *	owner:   busy = 1; if owner is still me: add; busy = 0
 *	others:  owner = none; membarrier; wait until busy is 0; apply the ring
 *
 * Why nothing can be seen out of order. Say thread B is about to change the
 * record of address a, and the owner A has a change of a in the ring. Between
 * the two changes a went from A's call to B's: A's host code got the block and
 * handed it over, or A freed it and the next allocator gave it to B. Either
 * orders A's call before B's: A adds before it returns a block and before the
 * real free or realloc gets one, and B looks at `owner` after the real malloc
 * gave it the block, or after the host gave it a to free (law 4, both). So B
 * sees the store that made A the owner, or a later one. A later one was made by
 * somebody who had applied A's ring first, with release; B reads it with acquire.
 * If B sees A it takes the ring over before it goes on. A may be adding in that
 * moment: the membarrier is a full barrier in A, so A either saw that it is no
 * longer the owner, or its busy is seen here and waited for.
 *
 * The same for whoever reads the tables: it settles first (lks_record_settle).
 * What is left undone by an idle owner is thus never missing from a snapshot.
 *
 * A thread becomes owner when it was the only one to tick for a while. That
 * while doubles each time the ring is taken from an owner that hardly used
 * it: threads that allocate at the same time soon stop trying.
 *
 * Tolerated: an address that is freed behind our back is noticed when its next
 * block is looked up in the table; one that came and went within the ring is
 * not looked up.
 */
#pragma once

#include <stdatomic.h>

#include "epoch.h"
#include "livetab.h"
#include "lks.h"
#include "tls.h"

/* 16 KiB. More of them catch more of the blocks that don't live long; applying
 * them all takes some 20 us, which is what a taker has to wait at most. */
#define LKS_DEFERRED 1024

/* BOOT. Deferring begins to be possible, if the kernel has membarrier and
 * sampling is exact. */
void lks_record_init(void);

/* RECORD. The next allocator gave out `address`, to the site. */
static inline void lks_record_add(uintptr_t address, uint64_t size,
				  struct lks_stack site);

/* RECORD. The host frees `address`: before the real free. */
static inline void lks_record_remove(uintptr_t address);

/*
 * RECORD. The same for a call that may fail: `held` is what may have to be put
 * back. One of drop and put_back must follow, with only the real call between.
 */
struct lks_held {
	bool found;
	bool deferred;
	struct lks_block block; /* if found; of a deferred one the address */
};

void lks_record_hold(uintptr_t address, struct lks_held *held);
void lks_record_drop(const struct lks_held *held);
void lks_record_put_back(const struct lks_held *held);

/* RECORD. Whether the block that the calling thread got just now is recorded
 * already. */
bool lks_record_knows(uintptr_t address);

/* RECORD, WRITER on a host's thread or the helper's, guard up, no lock held.
 * What any thread has deferred is in the tables when it returns, unless its
 * owner does not let go of it in time (counted), or who takes it over meanwhile
 * takes longer than locks are waited for. */
void lks_record_settle(void);

/* RECORD, guard up. Settles, and nothing is deferred any more. */
void lks_record_stop(void);

/* RECORD, guard up, when the thread left a call of ours behind for good: what it
 * was about to defer or to apply is seen to. */
void lks_record_recover(void);

/* RECORD, at each tick. */
void lks_record_tick(void);

/* The thread ends: settles, and owns no more. */
void lks_record_thread_ends(void);

/* FORK. After prepare nothing is deferred, and nobody becomes owner. */
void lks_record_fork_prepare(void);
void lks_record_fork_parent(void);
void lks_record_fork_child(void);

/* --- the hot halves --- */

/* A change: a slot of the live table, or with value 0 its removal. Key 0: it
 * was made already. */
struct lks_change {
	uint64_t key;
	uint64_t value;
};

struct lks_deferred {
	/* Read by every recorded call. Written under the lock. */
	_Alignas(64) struct lks_thread *_Atomic owner; /* NULL: nobody */
	/* The owner's, or of who took it over. */
	_Alignas(64) uint32_t count;
	struct lks_change change[LKS_DEFERRED];
};

extern struct lks_deferred lks_deferred;

/* Applies a full ring. */
void lks_record_apply(void);
/* The ring was taken away: this thread goes on without. */
void lks_record_lost(void);
void lks_record_add_now(uintptr_t address, uint64_t size,
			struct lks_stack site);
void lks_record_remove_now(uintptr_t address);

static inline bool
lks_record_defer(uint64_t key, uint64_t value)
{
	struct lks_deferred *d = &lks_deferred;
	struct lks_thread *me = lks_tls.block;
	uint32_t n;

	if (!lks_tls.defers)
		return false;
	atomic_store_explicit(&me->busy, 1, memory_order_relaxed);
	/* Pairs with the membarrier in take_over_locked. */
	lks_compiler_barrier();
	if (lks_unlikely(atomic_load_explicit(&d->owner,
					      memory_order_relaxed) != me)) {
		lks_record_lost();
		return false;
	}
	n = d->count;
	d->change[n] = (struct lks_change){ key, value };
	d->count = ++n;
	if (lks_unlikely(n == LKS_DEFERRED))
		lks_record_apply();
	/* release: pairs with the acquire in is_busy */
	atomic_store_explicit(&me->busy, 0, memory_order_release);
	return true;
}

static inline void
lks_record_add(uintptr_t address, uint64_t size, struct lks_stack site)
{
	if (lks_likely(size <= LKS_SIZE_MAX) &&
	    lks_record_defer(lks_livetab_key(address, lks_epoch_now()),
			     lks_livetab_value(site, size)))
		lks_tls.net_bytes += (int64_t)size;
	else
		lks_record_add_now(address, size, site);
}

static inline void
lks_record_remove(uintptr_t address)
{
	if (!lks_record_defer(lks_livetab_key(address, 0), 0))
		lks_record_remove_now(address);
}
