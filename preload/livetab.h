/*
 * The live table: address to record, the truth of what is live.
 *
 * LKS_SHARDS shards by address hash, each open addressing over 16-byte slots
 * under a lock of its own. Keys are address >> 3 (malloc(8) is only 8-byte
 * aligned in jemalloc, tcmalloc and mimalloc). Above a million blocks shards
 * grow by an eighth at load 0.8, so a block costs at most 24 bytes; after a peak
 * they shrink.
 *
 * When sampling, the records are counted in the filter (filter.h).
 *
 * At the memory cap the table thins instead of stopping: from then on only
 * addresses whose hash has k zero bits are kept, each standing for 2^k, and
 * what is already there is thinned alike. lks_livetab_shift() is k. Thinning
 * takes what it drops out of the site counters' allocations, and adds what the
 * kept ones stand for from then on: so alloc - free stays what is live, and
 * both stay unbiased; alloc is monotonic but for those moments.
 */
#pragma once

#include "lks.h"
#include "sampler.h"

/* 256: at 10 M live blocks one shard is copied in about 0.2 ms. */
#define LKS_SHARDS 256

/* Sizes are 40 bits; larger blocks are recorded as this (counted). */
#define LKS_SIZE_MAX ((1ull << 40) - 1)

struct lks_block {
	uintptr_t address;
	uint64_t size; /* requested bytes */
	struct lks_stack site;
	uint32_t epoch;
	uint32_t shift; /* it stands for 2^shift; the table sets it */
};

enum lks_insert {
	LKS_INSERTED,
	LKS_REPLACED,     /* the address was held: *old is the former record */
	LKS_THINNED,      /* not kept, by rule */
	LKS_NOT_INSERTED, /* no memory or the lock timed out */
};

enum lks_take {
	LKS_TAKEN,
	LKS_NOT_FOUND,
	LKS_NOT_TAKEN, /* the lock timed out */
};

/* BOOT. False: no memory. */
bool lks_livetab_init(void);

/* RECORD. */
enum lks_insert lks_livetab_insert(struct lks_block *block,
				   struct lks_block *old);
enum lks_take lks_livetab_take(uintptr_t address, struct lks_block *out);

/* What a record stands for: its sample's weight, times its thinning. */
static inline struct lks_weight
lks_livetab_weight(const struct lks_block *block)
{
	struct lks_weight weight = lks_sampler_weight(block->size);

	weight.objects <<= block->shift;
	weight.bytes <<= block->shift;
	return weight;
}

/*
 * The fast halves, in exact mode, for who has many changes to make. A change
 * is a slot's two words: the key is the address and the epoch, the value site
 * and size, never 0.
 */
#define LKS_EPOCH_BITS 20
#define LKS_SIZE_BITS 40

static inline uint64_t
lks_livetab_key(uintptr_t address, uint32_t epoch)
{
	return (uint64_t)address >> 3 << LKS_EPOCH_BITS | epoch;
}

static inline uint64_t
lks_livetab_value(struct lks_stack site, uint64_t size)
{
	return (uint64_t)site.id << LKS_SIZE_BITS | size;
}

static inline struct lks_stack
lks_livetab_site(uint64_t value)
{
	return (struct lks_stack){ (uint32_t)(value >> LKS_SIZE_BITS) };
}

static inline uint64_t
lks_livetab_size(uint64_t value)
{
	return value & LKS_SIZE_MAX;
}

/* Two keys of one address. */
static inline bool
lks_livetab_same(uint64_t a, uint64_t b)
{
	return (a ^ b) >> LKS_EPOCH_BITS == 0;
}

static inline struct lks_block
lks_livetab_block(uint64_t key, uint64_t value)
{
	return (struct lks_block){
		.address = (uintptr_t)(key >> LKS_EPOCH_BITS << 3),
		.size = lks_livetab_size(value),
		.site = lks_livetab_site(value),
		.epoch = (uint32_t)(key & ((1u << LKS_EPOCH_BITS) - 1)),
	};
}

/* Fibonacci hashing, folded: allocators hand out regular strides. */
static inline uint64_t
lks_livetab_hash_key(uint64_t key)
{
	uint64_t h = (key >> LKS_EPOCH_BITS) * 0x9e3779b97f4a7c15u;

	return (h ^ h >> 29) * 0xbf58476d1ce4e5b9u;
}

/* RECORD. A change of this hash comes soon. */
void lks_livetab_prefetch(uint64_t hash);

/* RECORD. False: nothing was done, because it is not the common case (the
 * address is held, the shard full, locked or thinned): lks_livetab_insert
 * knows what to do. */
bool lks_livetab_put(uint64_t hash, uint64_t key, uint64_t value);

/* RECORD. The value that was taken out, 0: nothing was, for lks_livetab_take
 * to look at. */
uint64_t lks_livetab_pull(uint64_t hash, uint64_t key);

/* Lock-free. Blocks kept are 1 of 2^shift. */
uint32_t lks_livetab_shift(void);

/*
 * WRITER. Copies one shard (0 .. LKS_SHARDS-1) to `out`, at most `cap` blocks.
 * Returns how many the shard holds: when that is over cap nothing was copied
 * and the caller comes again with more room. UINT32_MAX: the lock timed out.
 */
uint32_t lks_livetab_copy(uint32_t shard, struct lks_block *out, uint32_t cap);

/* WRITER, of a shard whose lock can't be had. Whether that is for good (lock.h);
 * and how many blocks it holds, about: read without the lock, and more while it
 * is being moved. */
bool lks_livetab_is_lost(uint32_t shard);
uint32_t lks_livetab_count(uint32_t shard);

/* FORK. prepare takes every shard's lock. A shard that somebody was changing
 * all the same is emptied in the child (counted). */
void lks_livetab_fork_prepare(void);
void lks_livetab_fork_parent(void);
void lks_livetab_fork_child(void);
