/* Open addressing with linear probing; slots keep the hash, so that growing
 * needs no help and unequal entries are rarely compared. */
#include "hashtab.h"

#include <stdlib.h>
#include <string.h>

#include "xalloc.h"

#define FIRST_CAPACITY 64

/* At most 3 of 4 slots are taken: probes stay short. */
static bool
is_full(const struct hashtab *table)
{
	return table->count + 1 > table->capacity / 4 * 3;
}

/* The first slot on the way of `hash` that is free. */
static struct hashtab_slot *
free_slot(struct hashtab *table, uint64_t hash)
{
	size_t mask = table->capacity - 1;
	size_t i = hash & mask;

	while (table->slots[i].entry)
		i = (i + 1) & mask;
	return &table->slots[i];
}

static void
grow(struct hashtab *table)
{
	struct hashtab_slot *old = table->slots;
	size_t old_capacity = table->capacity;
	size_t i;

	table->capacity = old_capacity ? xmul(old_capacity, 2) : FIRST_CAPACITY;
	table->slots = xcalloc(table->capacity, sizeof(*table->slots));
	for (i = 0; i < old_capacity; i++) {
		if (old[i].entry)
			*free_slot(table, old[i].hash) = old[i];
	}
	free(old);
}

void **
hashtab_place(struct hashtab *table, uint64_t hash, const void *key,
	      bool (*equal)(const void *entry, const void *key))
{
	struct hashtab_slot *slot;
	size_t mask, i;

	if (is_full(table))
		grow(table);
	mask = table->capacity - 1;
	for (i = hash & mask; table->slots[i].entry; i = (i + 1) & mask) {
		slot = &table->slots[i];
		if (slot->hash == hash && equal(slot->entry, key))
			return &slot->entry;
	}
	slot = &table->slots[i];
	slot->hash = hash;
	table->count++;
	return &slot->entry;
}

void
hashtab_release(struct hashtab *table)
{
	free(table->slots);
	*table = (struct hashtab){ 0 };
}

uint64_t
hash_u64(uint64_t hash, uint64_t value)
{
	/* The finishing steps of MurmurHash3: every input bit reaches every
	 * output bit, so that masking is enough to find a slot. */
	hash ^= value;
	hash ^= hash >> 33;
	hash *= UINT64_C(0xff51afd7ed558ccd);
	hash ^= hash >> 33;
	hash *= UINT64_C(0xc4ceb9fe1a85ec53);
	return hash ^ hash >> 33;
}

uint64_t
hash_bytes(uint64_t hash, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;
	uint64_t word;

	hash ^= len; /* "a" is not "a\0" */
	for (; len >= sizeof(word); len -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		at += sizeof(word);
		/* One step of it between words, all at the end. */
		hash = (hash ^ word) * UINT64_C(0xff51afd7ed558ccd);
		hash ^= hash >> 32;
	}
	word = 0;
	if (len > 0)
		memcpy(&word, at, len);
	return hash_u64(hash, word);
}
