#include "record.h"

#include <string.h>

#include "counters.h"
#include "depot.h"
#include "lock.h"
#include "sampler.h"
#include "sandbox.h"
#include "site.h"
#include "sys.h"

/* linux/membarrier.h; not every libc's kernel headers have it. */
#define MEMBARRIER_PRIVATE_EXPEDITED 8
#define MEMBARRIER_REGISTER_PRIVATE_EXPEDITED 16

/*
 * Between the owner's busy and free again lie some nanoseconds, or the whole
 * ring's changes, or it lost its processor meanwhile. Then sleep: a container's
 * quota takes it away for up to 100 ms, a busy machine too. All together 0.5 s,
 * less than whoever waits for the lock meanwhile does; and once in a process.
 */
#define SPINS 2000
#define YIELDS 1000
#define SLEEPS 260
#define SLEEP_NS 100000    /* the first; the last ones are 20 times that */
#define BLIND_SPINS 200000 /* where nothing else is allowed */

/* Ticks without another thread's before one becomes owner. */
#define QUIET_MAX (1u << 16)
/* A ring that served for as many changes was worth taking over. */
#define WORTH 8192u

/* An owner that is no thread. */
#define TAKEN_OVER ((struct lks_thread *)1)

struct lks_deferred lks_deferred;

static struct lks_lock lock; /* who is the owner */
static _Atomic bool able;    /* boot; false for good if it goes wrong */
static bool fork_held;       /* between fork prepare and after */
/* Guard of the rest: lock, or a hint that may be a little off. */
static _Atomic uint32_t quiet = 1;
static struct lks_tls *_Atomic last_ticker;
static uint32_t served; /* changes since the owner is owner */
/* What the last change of a ring took out of the table, if it did. */
static struct lks_change last_taken;

void
lks_record_init(void)
{
	able = lks_sampler_mean() == 1 &&
	       !lks_sandbox_forbids(LKS_NEED_BARRIER) &&
	       lks_sys3(SYS_membarrier, MEMBARRIER_REGISTER_PRIVATE_EXPEDITED,
			0, 0) == 0;
}

/* --- at once --- */

static void
count_freed(const struct lks_block *block)
{
	struct lks_weight weight = lks_livetab_weight(block);

	lks_site_free(lks_heap_sites, block->site, lks_tls.stripe,
		      weight.objects, weight.bytes);
	lks_tls.net_bytes -= (int64_t)weight.bytes;
}

/* No memory to count the block's site: the overflow site has it, or nobody. */
static LKS_NOINLINE void
without_counters(struct lks_block *block)
{
	struct lks_weight weight = lks_livetab_weight(block);
	struct lks_block old;

	block->site = lks_depot_overflow();
	if (lks_site_alloc(lks_heap_sites, block->site, lks_tls.stripe,
			   weight.objects, weight.bytes)) {
		lks_livetab_insert(block, &old); /* over itself */
		lks_tls.net_bytes += (int64_t)weight.bytes;
		lks_count(depot_overflows);
		return;
	}
	lks_livetab_take(block->address, &old);
	lks_count(dropped_allocs);
}

static void
insert(struct lks_block *block)
{
	struct lks_block old;
	struct lks_weight weight;

	switch (lks_livetab_insert(block, &old)) {
	case LKS_REPLACED:
		/* Freed behind our back (an allocator's private entry, a
		 * static copy of free): the address says so. */
		lks_count(implicit_frees);
		count_freed(&old);
		break;
	case LKS_INSERTED:
		break;
	case LKS_THINNED:
		return;
	case LKS_NOT_INSERTED:
		lks_count(dropped_allocs);
		return;
	}
	weight = lks_livetab_weight(block);
	if (lks_unlikely(!lks_site_alloc(lks_heap_sites, block->site,
					 lks_tls.stripe, weight.objects,
					 weight.bytes))) {
		without_counters(block);
		return;
	}
	lks_tls.net_bytes += (int64_t)weight.bytes;
}

static bool
take(uintptr_t address, struct lks_block *out)
{
	switch (lks_livetab_take(address, out)) {
	case LKS_TAKEN:
		return true;
	case LKS_NOT_TAKEN:
		lks_count(dropped_frees);
		return false;
	case LKS_NOT_FOUND:
		/* Sampling and thinning leave most blocks out by rule. */
		if (lks_sampler_mean() == 1 && lks_livetab_shift() == 0)
			lks_count(unknown_frees);
		return false;
	}
	return false;
}

static void
restore(const struct lks_block *block)
{
	struct lks_block back = *block;
	struct lks_block old;

	switch (lks_livetab_insert(&back, &old)) {
	case LKS_INSERTED:
	case LKS_REPLACED:
		break;
	case LKS_THINNED:
		/* The table was thinned while it was out: as if it had been
		 * in, and was dropped. */
		count_freed(block);
		break;
	case LKS_NOT_INSERTED:
		lks_count(dropped_allocs);
		count_freed(block);
		break;
	}
}

/* --- the ring --- */

static void
apply_add(uint64_t hash, struct lks_change change)
{
	const uint64_t size = lks_livetab_size(change.value);
	struct lks_block block;

	if (lks_likely(lks_livetab_put(hash, change.key, change.value))) {
		if (lks_likely(lks_site_add(
			    lks_heap_sites, lks_livetab_site(change.value),
			    lks_tls.stripe, LKS_SITE_ALLOC, 1, size)))
			return;
		block = lks_livetab_block(change.key, change.value);
		lks_tls.net_bytes -= (int64_t)size;
		without_counters(&block);
		return;
	}
	/* Counted when it was deferred. */
	lks_tls.net_bytes -= (int64_t)size;
	block = lks_livetab_block(change.key, change.value);
	insert(&block);
}

static void
count_freed_one(uint64_t value)
{
	const uint64_t size = lks_livetab_size(value);

	lks_site_add(lks_heap_sites, lks_livetab_site(value), lks_tls.stripe,
		     LKS_SITE_FREE, 1, size);
	lks_tls.net_bytes -= (int64_t)size;
}

static void
apply_remove(uint64_t hash, struct lks_change change, uint32_t i)
{
	uint64_t value = lks_livetab_pull(hash, change.key);
	struct lks_block block;

	if (lks_likely(value != 0)) {
		count_freed_one(value);
	} else if (take(lks_livetab_block(change.key, 0).address, &block)) {
		count_freed(&block);
		value = lks_livetab_value(block.site, block.size);
	}
	if (lks_unlikely(i + 1 == lks_deferred.count))
		last_taken = (struct lks_change){ change.key, value };
}

#define SEEN (2u * LKS_DEFERRED)

static void
count_both(uint64_t value)
{
	const struct lks_stack site = lks_livetab_site(value);
	const uint64_t size = lks_livetab_size(value);

	lks_tls.net_bytes -= (int64_t)size; /* counted when it was deferred */
	if (lks_likely(lks_site_add_both(lks_heap_sites, site, lks_tls.stripe,
					 size)))
		return;
	lks_site_add(lks_heap_sites, site, lks_tls.stripe, LKS_SITE_ALLOC, 1,
		     size);
	lks_site_add(lks_heap_sites, site, lks_tls.stripe, LKS_SITE_FREE, 1,
		     size);
}

/*
 * Counts the blocks that came and went within the ring, and lists the changes
 * that are left to be made in the table. `seen` tells where an address was last
 * added, by some bits of its hash; one that another has displaced there goes
 * through the table, in order. Returns how many are left.
 */
static uint32_t
match(struct lks_change *change, uint64_t *hash, uint16_t *left, uint32_t count)
{
	static uint16_t seen[SEEN];
	uint32_t n = 0;

	memset(seen, 0, sizeof(seen));
	for (uint32_t i = 0; i < count; i++) {
		const uint64_t h = lks_livetab_hash_key(change[i].key);
		uint16_t *at = &seen[h >> 12 & (SEEN - 1)];
		struct lks_change *former = &change[*at - 1];

		hash[i] = h;
		if (change[i].key == 0)
			continue; /* made, when this was interrupted */
		if (*at != 0 && lks_livetab_same(former->key, change[i].key)) {
			count_both(former->value);
			if (change[i].value == 0) {
				if (i + 1 == count)
					last_taken = *former;
				former->key = 0;
				change[i].key = 0;
				*at = 0;
				continue;
			}
			former->key = 0;
			*at = 0;
			/* Given out twice: freed behind our back between. */
			lks_count(implicit_frees);
		}
		if (change[i].value != 0)
			*at = (uint16_t)(i + 1);
	}
	for (uint32_t i = 0; i < count; i++) {
		left[n] = (uint16_t)i;
		n += change[i].key != 0;
	}
	return n;
}

/* Changes between a prefetch and its use. */
#define AHEAD 32

/*
 * What is made gets the key 0: a handler that interrupts this and ends the
 * process applies the rest, and nobody comes back here. The one change that was
 * under way may be lost then.
 */
void
lks_record_apply(void)
{
	/* The ring's: of its owner, or of who took it over. */
	static uint64_t hash[LKS_DEFERRED];
	static uint16_t left[LKS_DEFERRED];
	struct lks_change *change = lks_deferred.change;
	uint32_t n;

	last_taken = (struct lks_change){ 0, 0 };
	n = match(change, hash, left, lks_deferred.count);
	for (uint32_t k = 0; k < n && k < AHEAD; k++)
		lks_livetab_prefetch(hash[left[k]]);
	for (uint32_t k = 0; k < n; k++) {
		const uint32_t i = left[k];
		const struct lks_change one = change[i];

		if (k + AHEAD < n)
			lks_livetab_prefetch(hash[left[k + AHEAD]]);
		change[i].key = 0;
		lks_compiler_barrier();
		if (one.value != 0)
			apply_add(hash[i], one);
		else
			apply_remove(hash[i], one, i);
	}
	served += lks_deferred.count;
	lks_deferred.count = 0;
}

static void
adapt_locked(void)
{
	const uint32_t ticks =
		atomic_load_explicit(&quiet, memory_order_relaxed);
	uint32_t next = (ticks + 1) / 2;

	if (served < WORTH)
		next = ticks < QUIET_MAX ? ticks * 2 : QUIET_MAX;
	atomic_store_explicit(&quiet, next, memory_order_relaxed);
}

static bool
is_busy(const struct lks_thread *owner)
{
	/* acquire: pairs with the release in lks_record_defer */
	return atomic_load_explicit(&owner->busy, memory_order_acquire) != 0;
}

/* False: the owner does not let go. */
static bool
wait_for(const struct lks_thread *owner)
{
	const bool blind = lks_sandbox_forbids(LKS_NEED_YIELD);

	for (uint32_t i = 0; i < (blind ? BLIND_SPINS : SPINS); i++)
		if (!is_busy(owner))
			return true;
	for (uint32_t i = 0; i < YIELDS && !blind; i++) {
		if (!is_busy(owner))
			return true;
		lks_sys0(SYS_sched_yield);
	}
	for (uint32_t i = 0; i < SLEEPS && !blind; i++) {
		const struct timespec pause = {
			.tv_nsec = SLEEP_NS * (i < 20 ? i + 1 : 20),
		};

		if (!is_busy(owner))
			return true;
		lks_sys2(SYS_nanosleep, &pause, NULL);
	}
	return !is_busy(owner);
}

/* Under the lock: the ring becomes nobody's, its changes are made. */
static void
take_over_locked(void)
{
	struct lks_deferred *d = &lks_deferred;
	struct lks_thread *owner =
		atomic_load_explicit(&d->owner, memory_order_relaxed);

	if (owner == NULL)
		return;
	/* Neither the owner's any more, nor done with. */
	atomic_store_explicit(&d->owner, TAKEN_OVER, memory_order_relaxed);
	/* Pairs with the barrier in lks_record_defer. */
	if (lks_sandbox_forbids(LKS_NEED_BARRIER) ||
	    lks_sys3(SYS_membarrier, MEMBARRIER_PRIVATE_EXPEDITED, 0, 0) != 0)
		able = false;
	if (wait_for(owner)) {
		lks_record_apply();
		adapt_locked();
	} else {
		/* It never came back from a call (a handler jumped out of
		 * one), or does much later, and then applies it itself. */
		lks_count_add(dropped_allocs, d->count);
		able = false;
	}
	/* release: pairs with the acquire in lks_record_settle */
	atomic_store_explicit(&d->owner, NULL, memory_order_release);
}

LKS_NOINLINE void
lks_record_lost(void)
{
	struct lks_deferred *d = &lks_deferred;

	atomic_store_explicit(&lks_tls.block->busy, 0, memory_order_release);
	lks_tls.defers = false;
	/* Whoever took the ring over is through with it then; if it gave up
	 * waiting, what is left is ours. */
	if (!lks_lock_take(&lock, LKS_RANK_RECORD))
		return;
	if (!able && d->count != 0 &&
	    atomic_load_explicit(&d->owner, memory_order_relaxed) == NULL)
		lks_record_apply();
	lks_lock_drop(&lock);
}

static inline bool
is_owner(void)
{
	return atomic_load_explicit(&lks_deferred.owner,
				    memory_order_relaxed) == lks_tls.block;
}

/* The owner's own. */
static void
apply_own(void)
{
	_Atomic uint32_t *busy = &lks_tls.block->busy;

	/* May be 1: a handler of ours interrupted a change and ends the
	 * process, nobody comes back to the call. */
	atomic_store_explicit(busy, 1, memory_order_relaxed);
	/* Pairs with the membarrier in take_over_locked. */
	lks_compiler_barrier();
	if (is_owner()) {
		lks_record_apply();
		atomic_store_explicit(busy, 0, memory_order_release);
	} else {
		lks_record_lost();
	}
}

static LKS_NOINLINE void
settle_slow(void)
{
	struct lks_deferred *d = &lks_deferred;

	if (lks_tls.defers) {
		apply_own();
	} else if (lks_lock_take(&lock, LKS_RANK_RECORD)) {
		take_over_locked();
		lks_lock_drop(&lock);
	} else if (atomic_load_explicit(&d->owner, memory_order_relaxed) ==
		   TAKEN_OVER) {
		/* Who took it over never came back (a handler jumped out of
		 * it): not to be waited for at every call from now on. */
		able = false;
		lks_count_add(dropped_allocs, d->count);
		atomic_store_explicit(&d->owner, NULL, memory_order_release);
	} else {
		/* Some other thread is at it, or about to be owner, and holds
		 * the lock for too long: on without what is deferred. */
		lks_count(settle_timeouts);
	}
}

void
lks_record_settle(void)
{
	/* acquire: pairs with take_over_locked */
	if (lks_unlikely(atomic_load_explicit(&lks_deferred.owner,
					      memory_order_acquire) != NULL))
		settle_slow();
}

void
lks_record_recover(void)
{
	struct lks_thread *me = lks_tls.block;

	if (lks_tls.defers)
		apply_own();
	else if (me != NULL)
		atomic_store_explicit(&me->busy, 0, memory_order_release);
}

void
lks_record_stop(void)
{
	/* Under the lock: nobody is about to become owner. */
	const bool locked = lks_lock_take(&lock, LKS_RANK_RECORD);

	able = false;
	if (locked)
		lks_lock_drop(&lock);
	lks_record_settle();
}

static LKS_NOINLINE void
become_owner(void)
{
	struct lks_deferred *d = &lks_deferred;

	if (!lks_lock_attempt(&lock))
		return; /* another time */
	if (able && !fork_held && lks_tls.block != NULL &&
	    atomic_load_explicit(&d->owner, memory_order_relaxed) == NULL) {
		/* Left behind by who jumped out of a call, in the parent of
		 * this process: not to be made now, and the ring may be full. */
		lks_count_add(dropped_allocs, d->count);
		d->count = 0;
		served = 0;
		lks_tls.defers = true;
		atomic_store_explicit(&d->owner, lks_tls.block,
				      memory_order_release);
	}
	atomic_store_explicit(&lock.word, 0, memory_order_release);
}

void
lks_record_tick(void)
{
	if (!able || lks_tls.defers ||
	    ++lks_tls.quiet <
		    atomic_load_explicit(&quiet, memory_order_relaxed))
		return;
	lks_tls.quiet = 0;
	if (atomic_load_explicit(&last_ticker, memory_order_relaxed) ==
	    &lks_tls)
		become_owner();
	else
		atomic_store_explicit(&last_ticker, &lks_tls,
				      memory_order_relaxed);
}

/* --- calls --- */

LKS_NOINLINE void
lks_record_add_now(uintptr_t address, uint64_t size, struct lks_stack site)
{
	struct lks_block block = {
		.address = address,
		.size = size,
		.site = site,
		.epoch = lks_epoch_now(),
	};

	lks_record_settle();
	if (lks_unlikely(size > LKS_SIZE_MAX)) {
		lks_count(size_clamped);
		block.size = LKS_SIZE_MAX;
	}
	insert(&block);
}

LKS_NOINLINE void
lks_record_remove_now(uintptr_t address)
{
	struct lks_block block;

	lks_record_settle();
	if (take(address, &block))
		count_freed(&block);
}

void
lks_record_hold(uintptr_t address, struct lks_held *held)
{
	held->block.address = address;
	/* Never the last of a ring, so that it is the last one in it when the
	 * real call fails. */
	if (lks_tls.defers && lks_deferred.count == LKS_DEFERRED - 1)
		lks_record_settle();
	held->deferred = lks_record_defer(lks_livetab_key(address, 0), 0);
	held->found = held->deferred;
	if (!held->deferred) {
		lks_record_settle();
		held->found = take(address, &held->block);
	}
}

void
lks_record_drop(const struct lks_held *held)
{
	if (held->found && !held->deferred)
		count_freed(&held->block);
}

void
lks_record_put_back(const struct lks_held *held)
{
	struct lks_deferred *d = &lks_deferred;
	_Atomic uint32_t *busy;
	struct lks_block block;

	if (!held->found)
		return;
	if (!held->deferred) {
		restore(&held->block);
		return;
	}
	/* Still in the ring: never mind. */
	busy = &lks_tls.block->busy;
	atomic_store_explicit(busy, 1, memory_order_relaxed);
	lks_compiler_barrier();
	if (is_owner()) {
		d->count--;
		atomic_store_explicit(busy, 0, memory_order_release);
		return;
	}
	/* The ring was taken over meanwhile: allocated anew. Not if yet another
	 * was applied since. */
	lks_record_lost();
	if (last_taken.value == 0 ||
	    !lks_livetab_same(last_taken.key,
			      lks_livetab_key(held->block.address, 0)))
		return;
	block = lks_livetab_block(last_taken.key, last_taken.value);
	block.epoch = lks_epoch_now();
	insert(&block);
}

bool
lks_record_knows(uintptr_t address)
{
	struct lks_deferred *d = &lks_deferred;
	struct lks_block block;

	if (lks_tls.defers) {
		_Atomic uint32_t *busy = &lks_tls.block->busy;
		const struct lks_change *last;
		bool mine;
		bool knows = false;

		atomic_store_explicit(busy, 1, memory_order_relaxed);
		lks_compiler_barrier();
		mine = is_owner() && d->count != 0;
		if (mine) {
			last = &d->change[d->count - 1];
			knows = last->value != 0 &&
				lks_livetab_same(last->key,
						 lks_livetab_key(address, 0));
		}
		atomic_store_explicit(busy, 0, memory_order_release);
		if (mine)
			return knows;
	}
	lks_record_settle();
	if (lks_livetab_take(address, &block) != LKS_TAKEN)
		return false;
	restore(&block);
	return true;
}

void
lks_record_thread_ends(void)
{
	if (!lks_tls.defers)
		return;
	if (lks_lock_take(&lock, LKS_RANK_RECORD)) {
		take_over_locked();
		lks_lock_drop(&lock);
	}
	lks_tls.defers = false;
}

void
lks_record_fork_prepare(void)
{
	fork_held = lks_lock_take(&lock, LKS_RANK_RECORD);
	if (!fork_held)
		return;
	/* An owner stays one, in the child too: shells fork all the time. */
	if (lks_tls.defers && is_owner())
		lks_record_apply();
	else
		take_over_locked();
}

void
lks_record_fork_parent(void)
{
	if (fork_held)
		lks_lock_drop(&lock);
	fork_held = false;
}

void
lks_record_fork_child(void)
{
	struct lks_deferred *d = &lks_deferred;

	lks_lock_init(&lock);
	lks_record_init();
	/* A fork without our locks: the ring is as another thread left it, who
	 * may have been taking it over; or as this one, which then goes on with
	 * it. */
	if (!fork_held && !(lks_tls.defers && is_owner())) {
		lks_count_add(dropped_allocs, d->count);
		d->count = 0;
		atomic_store_explicit(&d->owner, NULL, memory_order_relaxed);
	}
	fork_held = false;
}
