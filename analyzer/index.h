/*
 * Numbers of equal things, found by hash. It knows neither the things nor how
 * to compare them: the caller keeps them in an array by number. Half the size
 * of a hashtab.h, and what it finds stays valid when the array moves. `{ 0 }`
 * is an empty one.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct index {
	uint32_t *slots; /* 0 = free; a power of two of them */
	uint64_t *hashes;
	size_t slot_count;
	size_t count;
};

/* Numbers are not 0; the same may be added but once. */
void index_add(struct index *index, uint64_t hash, uint32_t number);

/* Walks the numbers with that hash: `i` begins as SIZE_MAX. 0: no more. */
uint32_t index_next(const struct index *index, uint64_t hash, size_t *i);

void index_release(struct index *index);
