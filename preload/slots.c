/*
 * Three kinds of slots: all shards' first ones and their next page lie in two
 * tables that are kept for ever, larger ones are mapped. What a shard leaves is
 * kept for the next, one at a time.
 */
#include "slots.h"

#include <stdatomic.h>
#include <string.h>

#include "arena.h"
#include "lock.h"

static struct lks_slot *first_slots;
/* Only those that are touched cost, and they save 512 system calls at a
 * program's start. */
static struct lks_slot *page_slots;
/* What a shard left when it grew or shrank: the next one takes it, and adds or
 * cuts off pages. So growing by an eighth doesn't fault in nine new ones. */
static struct lks_lock spare_lock;
static struct lks_slot *spare;  /* guard: spare_lock */
static uint32_t spare_capacity; /* guard: spare_lock */

bool
lks_slots_init(void)
{
	first_slots = lks_arena_map(LKS_SHARDS * LKS_SLOTS_FIRST *
				    sizeof(struct lks_slot));
	page_slots = lks_arena_reserve(LKS_SHARDS * LKS_SLOTS_PAGE *
				       sizeof(struct lks_slot));
	return first_slots != NULL && page_slots != NULL;
}

struct lks_slot *
lks_slots_first(uint32_t shard)
{
	return first_slots + shard * LKS_SLOTS_FIRST;
}

uint32_t
lks_slots_grown(uint32_t capacity)
{
	uint64_t more;

	if (capacity < LKS_SLOTS_PAGE)
		return LKS_SLOTS_PAGE;
	if (capacity < LKS_SLOTS_ROOMY) {
		more = (uint64_t)capacity * 3 / 2;
		if (more > LKS_SLOTS_ROOMY)
			more = LKS_SLOTS_ROOMY;
	} else {
		/* By an eighth: at worst 16 / (0.8 / (9 / 8)) bytes a block. */
		more = (uint64_t)capacity * 9 / 8;
	}
	more = more / LKS_SLOTS_PAGE * LKS_SLOTS_PAGE;
	return more > capacity ? (uint32_t)more : capacity + LKS_SLOTS_PAGE;
}

/* Not of what is kept for ever. */
static bool
is_mapped(const struct lks_slot *slots, uint32_t capacity)
{
	return capacity > LKS_SLOTS_FIRST &&
	       !(slots >= page_slots &&
		 slots < page_slots + LKS_SHARDS * LKS_SLOTS_PAGE);
}

void
lks_slots_release(struct lks_slot *slots, uint32_t capacity)
{
	struct lks_slot *other = slots;
	uint32_t other_capacity = capacity;

	if (!is_mapped(slots, capacity))
		return;
	if (lks_lock_attempt(&spare_lock)) {
		lks_lock_check(LKS_RANK_ARENA);
		other = spare;
		other_capacity = spare_capacity;
		spare = slots;
		spare_capacity = capacity;
		lks_lock_drop(&spare_lock);
	}
	if (other != NULL)
		lks_arena_release(other, lks_slots_bytes(other_capacity));
}

/* The spare one, as large as wanted. NULL: there is none. */
static struct lks_slot *
resize_spare(uint32_t capacity)
{
	struct lks_slot *slots;
	struct lks_slot *resized;
	uint32_t had;

	if (!lks_lock_attempt(&spare_lock))
		return NULL;
	lks_lock_check(LKS_RANK_ARENA);
	slots = spare;
	had = spare_capacity;
	spare = NULL;
	lks_lock_drop(&spare_lock);
	if (slots == NULL)
		return NULL;
	resized = lks_arena_resize(slots, lks_slots_bytes(had),
				   lks_slots_bytes(capacity));
	if (resized == NULL)
		lks_arena_release(slots, lks_slots_bytes(had));
	else
		memset(resized, 0,
		       lks_slots_bytes(had < capacity ? had : capacity));
	return resized;
}

struct lks_slot *
lks_slots_map(uint32_t capacity)
{
	struct lks_slot *slots = resize_spare(capacity);

	if (slots == NULL)
		slots = lks_arena_map(lks_slots_bytes(capacity));
	for (uint32_t i = 0; slots != NULL && i < capacity; i += LKS_SLOTS_PAGE)
		*(volatile uint64_t *)&slots[i].key = 0;
	return slots;
}

struct lks_slot *
lks_slots_more(uint32_t shard, uint32_t had, uint32_t capacity)
{
	return had == LKS_SLOTS_FIRST ? page_slots + shard * LKS_SLOTS_PAGE
				      : lks_slots_map(capacity);
}

void
lks_slots_fork_child(void)
{
	/* Held by another thread: lost, as what it was about to be. */
	if (lks_lock_is_held(&spare_lock))
		spare = NULL;
	lks_lock_init(&spare_lock);
}
