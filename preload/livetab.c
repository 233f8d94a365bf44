/*
 * A slot is two words:
 *
 *	key    address >> 3 (44 bits) | epoch (20 bits)
 *	value  site (24 bits) | size (40 bits)
 *
 * value 0 means empty (site 0 is none). A hash picks the shard by its top
 * bits and the home slot by multiplying the rest with the capacity, so any
 * capacity does; entries are kept in order of home slot (linear probing with
 * backward-shift deletion), there are no tombstones.
 */
#include "livetab.h"

#include <stdatomic.h>
#include <string.h>

#include "../proto/limits.h"
#include "arena.h"
#include "counters.h"
#include "epoch.h"
#include "filter.h"
#include "lock.h"
#include "probe.h"
#include "site.h"
#include "slots.h"

#define EPOCH_BITS LKS_EPOCH_BITS
#define SIZE_BITS LKS_SIZE_BITS
/* 2^12: thinning to one block of 4,096; beyond that the cap is absurd. */
#define SHIFT_MAX 12u

struct shard {
	_Alignas(64) struct lks_lock lock;
	uint32_t count; /* guard: lock, but for lks_livetab_count */
	uint32_t shift; /* guard: lock; what it was last thinned to */
	uint32_t limit; /* guard: lock; as many it holds before it grows */
	/* Written under the lock; read without it by lks_livetab_prefetch
	 * alone, which may get one of each. */
	_Atomic uint32_t capacity;
	struct lks_slot *_Atomic slots;
};

static struct shard shards[LKS_SHARDS];
static _Atomic uint32_t wanted_shift;
static bool fork_held[LKS_SHARDS]; /* between fork prepare and after */

/*
 * Empty slots for a shard. One always stays empty, so that probing ends. In an
 * order in which there are at all times as many as the capacity says, and more
 * than the limit: a child that was forked in the middle of it goes on with them
 * (lks_livetab_fork_child).
 */
static void
give_locked(struct shard *sh, struct lks_slot *slots, uint32_t capacity)
{
	const uint32_t percent = capacity < LKS_SLOTS_ROOMY ? 60 : 80;
	const uint32_t limit = (uint32_t)((uint64_t)capacity * percent / 100);

	if (capacity < sh->capacity) {
		sh->limit = limit;
		lks_compiler_barrier();
		sh->capacity = capacity;
	}
	sh->slots = slots;
	sh->capacity = capacity;
	lks_compiler_barrier();
	sh->limit = limit;
}

bool
lks_livetab_init(void)
{
	if (!lks_slots_init())
		return false;
	for (uint32_t i = 0; i < LKS_SHARDS; i++)
		give_locked(&shards[i], lks_slots_first(i), LKS_SLOTS_FIRST);
	return true;
}

static inline uint64_t
hash_of(uint64_t name)
{
	return lks_livetab_hash_key(name << EPOCH_BITS);
}

static inline uint64_t
name_of(uintptr_t address)
{
	return (uint64_t)address >> 3;
}

static inline struct shard *
shard_of(uint64_t hash)
{
	return &shards[hash >> 56];
}

/* Home slot: the next 32 bits of the hash, scaled. */
static inline uint32_t
home_of(uint64_t hash, uint32_t capacity)
{
	return (uint32_t)((hash >> 24 & 0xffffffffu) * capacity >> 32);
}

/* Thinning looks at low bits, which neither shard nor home slot use. */
static inline bool
is_kept(uint64_t hash, uint32_t shift)
{
	return (hash & ((1u << shift) - 1)) == 0;
}

static inline uint64_t
slot_name(const struct lks_slot *s)
{
	return s->key >> EPOCH_BITS;
}

static inline struct lks_block
slot_block(const struct shard *sh, const struct lks_slot *s)
{
	return (struct lks_block){
		.address = (uintptr_t)(slot_name(s) << 3),
		.size = s->value & LKS_SIZE_MAX,
		.site = { (uint32_t)(s->value >> SIZE_BITS) },
		.epoch = (uint32_t)(s->key & LKS_EPOCH_MAX),
		.shift = sh->shift,
	};
}

static inline struct lks_slot
block_slot(const struct lks_block *b)
{
	uint64_t size = b->size;

	if (lks_unlikely(size > LKS_SIZE_MAX))
		size = LKS_SIZE_MAX;
	return (struct lks_slot){
		.key = name_of(b->address) << EPOCH_BITS | b->epoch,
		.value = (uint64_t)b->site.id << SIZE_BITS | size,
	};
}

static inline uint32_t
next_slot(uint32_t i, uint32_t capacity)
{
	return ++i == capacity ? 0 : i;
}

static inline struct lks_slot *
slots_locked(const struct shard *sh)
{
	return atomic_load_explicit(&sh->slots, memory_order_relaxed);
}

static inline uint32_t
capacity_locked(const struct shard *sh)
{
	return atomic_load_explicit(&sh->capacity, memory_order_relaxed);
}

/* Slot of a name, or the empty slot where its search ends. */
static inline uint32_t
probe_locked(const struct shard *sh, uint64_t name, uint64_t hash)
{
	const struct lks_slot *slots = slots_locked(sh);
	const uint32_t capacity = capacity_locked(sh);
	uint32_t i = home_of(hash, capacity);

	while (slots[i].value != 0 && slot_name(&slots[i]) != name)
		i = next_slot(i, capacity);
	return i;
}

void
lks_livetab_prefetch(uint64_t hash)
{
	const struct shard *sh = shard_of(hash);
	const struct lks_slot *home =
		&slots_locked(sh)[home_of(hash, capacity_locked(sh))];

	/* A search ends some slots further on. */
	__builtin_prefetch(home, 1);
	__builtin_prefetch(home + 3, 1);
}

static void
put_locked(struct shard *sh, struct lks_slot s)
{
	struct lks_slot *slots = slots_locked(sh);
	const uint32_t capacity = capacity_locked(sh);
	uint32_t i = home_of(hash_of(slot_name(&s)), capacity);

	while (slots[i].value != 0)
		i = next_slot(i, capacity);
	slots[i] = s;
	sh->count++;
}

/* Empties slot i and moves up those that had to pass it. */
static void
remove_locked(struct shard *sh, uint32_t i)
{
	struct lks_slot *slots = slots_locked(sh);
	const uint32_t capacity = capacity_locked(sh);
	uint32_t j = i;

	sh->count--;
	for (;;) {
		uint32_t home;

		j = next_slot(j, capacity);
		if (slots[j].value == 0)
			break;
		home = home_of(hash_of(slot_name(&slots[j])), capacity);
		if (!lks_probe_may_move(i, j, home))
			continue;
		slots[i] = slots[j];
		i = j;
	}
	slots[i].value = 0;
}

/*
 * The shard goes from its shift to a higher one: corrects the counters for a
 * record that is dropped or stands for more now. False: it is dropped.
 */
static bool
survives_locked(const struct shard *sh, const struct lks_slot *s,
		uint32_t shift)
{
	struct lks_block block = slot_block(sh, s);
	struct lks_weight before = lks_livetab_weight(&block);
	struct lks_weight after = { 0, 0 };
	bool kept = is_kept(hash_of(slot_name(s)), shift);

	if (kept) {
		block.shift = shift;
		after = lks_livetab_weight(&block);
	}
	lks_site_correct(lks_heap_sites, block.site,
			 after.objects - before.objects,
			 after.bytes - before.bytes);
	return kept;
}

/* Removes what is no longer kept, in place. */
static void
thin_locked(struct shard *sh, uint32_t shift)
{
	struct lks_slot *old = sh->slots;

	/* Counted first: a removal moves entries about, some of them back to
	 * slots that were looked at. */
	for (uint32_t i = 0; i < sh->capacity; i++)
		if (old[i].value != 0)
			survives_locked(sh, &old[i], shift);
	sh->shift = shift;
	for (uint32_t i = 0; i < sh->capacity;) {
		if (old[i].value != 0 &&
		    !is_kept(hash_of(slot_name(&old[i])), shift)) {
			lks_filter_remove(slot_block(sh, &old[i]).address);
			remove_locked(sh, i);
		} else
			i++;
	}
}

static inline void
catch_up_locked(struct shard *sh)
{
	uint32_t shift = lks_livetab_shift();

	if (lks_unlikely(sh->shift != shift))
		thin_locked(sh, shift);
}

static void
move_locked(struct shard *sh, struct lks_slot *slots, uint32_t capacity)
{
	struct lks_slot *old = sh->slots;
	uint32_t old_capacity = sh->capacity;
	const uint32_t count = sh->count; /* too many rather than too few, for
					   * lks_livetab_count */

	give_locked(sh, slots, capacity);
	for (uint32_t i = 0; i < old_capacity; i++)
		if (old[i].value != 0)
			put_locked(sh, old[i]);
	sh->count = count;
}

static inline bool
is_full(const struct shard *sh)
{
	return sh->count >= sh->limit;
}

/* Asks all shards to halve. Several threads may ask at once: one step. */
static void
thin_more(uint32_t seen)
{
	if (seen < SHIFT_MAX)
		atomic_compare_exchange_strong_explicit(&wanted_shift, &seen,
							seen + 1,
							memory_order_relaxed,
							memory_order_relaxed);
}

/*
 * Makes room in a shard. Called and returns without its lock: memory is
 * obtained before the lock.
 */
static LKS_NOINLINE bool
grow(struct shard *sh, uint32_t seen_capacity)
{
	uint32_t capacity = lks_slots_grown(seen_capacity);
	uint32_t shift = lks_livetab_shift();
	/* An eighth of the cap is left to sites and stacks: a block whose site
	 * can't be counted is no use. */
	bool tight = lks_arena_bytes() + lks_slots_bytes(capacity) >
		     lks_arena_cap() / 8 * 7;
	struct lks_slot *slots = tight ? NULL
				       : lks_slots_more((uint32_t)(sh - shards),
							seen_capacity,
							capacity);
	struct lks_slot *unused = slots;
	uint32_t unused_capacity = capacity;

	if (slots == NULL) {
		thin_more(shift);
		return lks_livetab_shift() > shift;
	}
	if (lks_lock_take(&sh->lock, LKS_RANK_SHARD)) {
		if (sh->capacity == seen_capacity) {
			unused = sh->slots;
			unused_capacity = sh->capacity;
			move_locked(sh, slots, capacity);
		}
		lks_lock_drop(&sh->lock);
	}
	lks_slots_release(unused, unused_capacity);
	return true;
}

/*
 * After a peak: above a million blocks so that one never costs more than 24
 * bytes, below when four fifths are empty. Both are less than what growing
 * leaves, or the two would take turns. Looked at on every 64th removal, so
 * that a refusal of memory is not asked for at each.
 */
static inline bool
is_sparse(const struct shard *sh)
{
	const uint64_t capacity = capacity_locked(sh);

	if (lks_likely((sh->count & 63) != 0) || capacity <= LKS_SLOTS_PAGE)
		return false;
	return capacity > LKS_SLOTS_ROOMY ? sh->count * 3ull < capacity * 2
					  : sh->count * 5ull < capacity;
}

/* Called and returns without the shard's lock. */
static LKS_NOINLINE void
shrink(struct shard *sh, uint32_t seen_capacity, uint32_t count)
{
	/* To load 0.75 or 0.4: room for more before it grows again. */
	uint32_t wanted = seen_capacity > LKS_SLOTS_ROOMY ? count / 3 * 4
							  : count / 2 * 5;
	uint32_t capacity =
		(wanted + LKS_SLOTS_PAGE) / LKS_SLOTS_PAGE * LKS_SLOTS_PAGE;
	struct lks_slot *slots;
	struct lks_slot *unused;
	uint32_t unused_capacity = capacity;

	if (capacity >= seen_capacity)
		return;
	slots = lks_slots_map(capacity);
	if (slots == NULL)
		return;
	unused = slots;
	if (lks_lock_take(&sh->lock, LKS_RANK_SHARD)) {
		if (capacity_locked(sh) == seen_capacity &&
		    sh->count <= count) {
			unused = slots_locked(sh);
			unused_capacity = seen_capacity;
			move_locked(sh, slots, capacity);
		}
		lks_lock_drop(&sh->lock);
	}
	lks_slots_release(unused, unused_capacity);
}

enum lks_insert
lks_livetab_insert(struct lks_block *block, struct lks_block *old)
{
	uint64_t name = name_of(block->address);
	uint64_t hash = hash_of(name);
	struct shard *sh = shard_of(hash);

	/* Another thread may fill or thin what we made room in: a few rounds
	 * of growing and thinning settle it. */
	for (int attempt = 0; attempt < 8; attempt++) {
		uint32_t i;

		if (lks_unlikely(!lks_lock_take(&sh->lock, LKS_RANK_SHARD)))
			return LKS_NOT_INSERTED;
		catch_up_locked(sh);
		if (lks_unlikely(!is_kept(hash, sh->shift))) {
			lks_lock_drop(&sh->lock);
			return LKS_THINNED;
		}
		block->shift = sh->shift;
		i = probe_locked(sh, name, hash);
		if (lks_unlikely(sh->slots[i].value != 0)) {
			*old = slot_block(sh, &sh->slots[i]);
			sh->slots[i] = block_slot(block);
			lks_lock_drop(&sh->lock);
			return LKS_REPLACED;
		}
		if (lks_likely(!is_full(sh))) {
			sh->slots[i] = block_slot(block);
			sh->count++;
			lks_lock_drop(&sh->lock);
			lks_filter_add(block->address);
			return LKS_INSERTED;
		}
		i = sh->capacity;
		lks_lock_drop(&sh->lock);
		if (!grow(sh, i))
			break;
	}
	return LKS_NOT_INSERTED;
}

enum lks_take
lks_livetab_take(uintptr_t address, struct lks_block *out)
{
	uint64_t name = name_of(address);
	uint64_t hash = hash_of(name);
	struct shard *sh = shard_of(hash);
	enum lks_take result = LKS_NOT_FOUND;
	uint32_t capacity = 0; /* too much of it */
	uint32_t count = 0;
	uint32_t i;

	if (lks_unlikely(!lks_lock_take(&sh->lock, LKS_RANK_SHARD)))
		return LKS_NOT_TAKEN;
	i = probe_locked(sh, name, hash);
	if (lks_likely(sh->slots[i].value != 0)) {
		*out = slot_block(sh, &sh->slots[i]);
		remove_locked(sh, i);
		lks_filter_remove(address);
		result = LKS_TAKEN;
		if (lks_unlikely(is_sparse(sh))) {
			capacity = capacity_locked(sh);
			count = sh->count;
		}
	}
	lks_lock_drop(&sh->lock);
	if (lks_unlikely(capacity != 0))
		shrink(sh, capacity, count);
	return result;
}

bool
lks_livetab_put(uint64_t hash, uint64_t key, uint64_t value)
{
	struct shard *sh = shard_of(hash);
	struct lks_slot *slots;
	uint32_t i;
	bool done;

	if (lks_unlikely(!lks_lock_attempt(&sh->lock)))
		return false;
	lks_lock_check(LKS_RANK_SHARD);
	i = probe_locked(sh, key >> EPOCH_BITS, hash);
	slots = slots_locked(sh);
	done = slots[i].value == 0 && !is_full(sh) &&
	       (sh->shift | lks_livetab_shift()) == 0;
	if (lks_likely(done)) {
		slots[i] = (struct lks_slot){ key, value };
		sh->count++;
	}
	lks_lock_drop(&sh->lock);
	return done;
}

uint64_t
lks_livetab_pull(uint64_t hash, uint64_t key)
{
	struct shard *sh = shard_of(hash);
	uint64_t value = 0;
	uint32_t i;

	if (lks_unlikely(!lks_lock_attempt(&sh->lock)))
		return 0;
	lks_lock_check(LKS_RANK_SHARD);
	/* What is sparse is for the other half to shrink. */
	if (lks_likely(sh->shift == 0 && ((sh->count - 1) & 63) != 0)) {
		i = probe_locked(sh, key >> EPOCH_BITS, hash);
		value = slots_locked(sh)[i].value;
		if (lks_likely(value != 0))
			remove_locked(sh, i);
	}
	lks_lock_drop(&sh->lock);
	return value;
}

uint32_t
lks_livetab_shift(void)
{
	return atomic_load_explicit(&wanted_shift, memory_order_relaxed);
}

uint32_t
lks_livetab_copy(uint32_t index, struct lks_block *out, uint32_t cap)
{
	struct shard *sh = &shards[index];
	uint32_t count;
	uint32_t n = 0;

	if (!lks_lock_take(&sh->lock, LKS_RANK_SHARD))
		return UINT32_MAX;
	catch_up_locked(sh);
	count = sh->count;
	if (count <= cap)
		for (uint32_t i = 0; i < sh->capacity; i++)
			if (sh->slots[i].value != 0)
				out[n++] = slot_block(sh, &sh->slots[i]);
	lks_lock_drop(&sh->lock);
	return count;
}

bool
lks_livetab_is_lost(uint32_t index)
{
	return lks_lock_is_lost(&shards[index].lock);
}

uint32_t
lks_livetab_count(uint32_t index)
{
	return *(const volatile uint32_t *)&shards[index].count;
}

void
lks_livetab_fork_prepare(void)
{
	for (uint32_t i = 0; i < LKS_SHARDS; i++)
		fork_held[i] = lks_lock_take(&shards[i].lock, LKS_RANK_SHARD);
}

void
lks_livetab_fork_parent(void)
{
	for (uint32_t i = 0; i < LKS_SHARDS; i++) {
		if (fork_held[i])
			lks_lock_drop(&shards[i].lock);
		fork_held[i] = false;
	}
}

void
lks_livetab_fork_child(void)
{
	lks_slots_fork_child();
	for (uint32_t i = 0; i < LKS_SHARDS; i++) {
		struct shard *sh = &shards[i];

		/* Held, but by no forking thread: somebody was changing it,
		 * and its blocks are lost. */
		if (!fork_held[i] && lks_lock_is_held(&sh->lock)) {
			lks_count_add(dropped_allocs, sh->count);
			/* The filter's counts stay: they are too high, which
			 * costs time. */
			for (uint32_t k = 0; k < sh->capacity; k++)
				sh->slots[k].value = 0;
			sh->count = 0;
		}
		fork_held[i] = false;
		lks_lock_init(&sh->lock);
	}
}
