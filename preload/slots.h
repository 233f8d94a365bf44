/*
 * Slots: the memory of the live table's shards, and how much of it one gets.
 *
 * A slot is 16 bytes. A shard starts with LKS_SLOTS_FIRST, goes on to a page,
 * and from there in whole pages, by a half up to LKS_SLOTS_ROOMY and by an
 * eighth above. Which slots belong to which shard is livetab.c's to say.
 */
#pragma once

#include "livetab.h"
#include "lks.h"

/* 256 shards of 16 slots are 64 KiB: a small program's table stays in cache. */
#define LKS_SLOTS_FIRST 16u
/* From a page on, capacities are whole pages. */
#define LKS_SLOTS_PAGE 256u
/* Below that many, a million slots in all, speed goes before memory: a search
 * that ends in an empty slot looks at 13 at load 0.8, at 4 at 0.6. */
#define LKS_SLOTS_ROOMY 4096u

struct lks_slot {
	uint64_t key;
	uint64_t value; /* 0: empty */
};

/* BOOT. False: no memory. */
bool lks_slots_init(void);

/* A shard's first slots, all empty. */
struct lks_slot *lks_slots_first(uint32_t shard);

/* The capacity that follows on one. */
uint32_t lks_slots_grown(uint32_t capacity);

static inline size_t
lks_slots_bytes(uint32_t capacity)
{
	return capacity * sizeof(struct lks_slot);
}

/*
 * RECORD, no lock held. Empty slots, the caller's until lks_slots_release; NULL:
 * no memory. Their pages are present: a fault under a shard's lock would wait
 * for whoever else maps memory, and with it everyone who wants the shard.
 */
struct lks_slot *lks_slots_map(uint32_t capacity)
	__attribute__((warn_unused_result));

/* RECORD, no lock held. The same for a shard that grows and `had` so many. Its
 * page of the kept ones is faulted in under the lock, once: another thread may
 * have been first, and be using it. */
struct lks_slot *lks_slots_more(uint32_t shard, uint32_t had, uint32_t capacity)
	__attribute__((warn_unused_result));

/* RECORD, no lock held. Of any kind; those that are kept for ever stay. */
void lks_slots_release(struct lks_slot *slots, uint32_t capacity);

/* FORK, in the child. */
void lks_slots_fork_child(void);
