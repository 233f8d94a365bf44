/*
 * A hash table of pointers. It knows neither keys nor entries: the caller
 * hashes, compares and owns; nothing is ever removed. `{ 0 }` is an empty one.
 *
 * Order of iteration is that of the slots: never let it reach a report.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hashtab_slot {
	uint64_t hash;
	void *entry; /* NULL: free */
};

struct hashtab {
	struct hashtab_slot *slots;
	size_t capacity; /* 0 or a power of 2 */
	size_t count;
};

/*
 * The place of the entry that equals `key`: *place is the entry, or NULL if
 * there is none, and then the caller must put one there before the table's next
 * call. Valid until that call.
 */
void **hashtab_place(struct hashtab *table, uint64_t hash, const void *key,
		     bool (*equal)(const void *entry, const void *key))
	__attribute__((warn_unused_result));

/* Frees the slots, not the entries. */
void hashtab_release(struct hashtab *table);

/* Hashes for it: go on from `hash`, which begins as HASH_START. */
#define HASH_START UINT64_C(0x9e3779b97f4a7c15)
uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t len);
uint64_t hash_u64(uint64_t hash, uint64_t value);
