/*
 * Address ranges, and which of them has an address. They may overlap and nest.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define RANGES_NONE SIZE_MAX

struct range {
	uint64_t low;
	uint64_t high;  /* exclusive */
	uint64_t reach; /* greatest `high` of this range and those before */
	size_t item;
};

/* `{ 0 }` is an empty one. */
struct ranges {
	struct range *range;
	size_t count;
	size_t capacity;
};

/* low < high. `item` is the caller's. */
void ranges_add(struct ranges *ranges, uint64_t low, uint64_t high,
		size_t item);

/* Once after the last ranges_add and before the first ranges_find. */
void ranges_sort(struct ranges *ranges);

/*
 * The item of the innermost range that has the address: the one that begins
 * last, of those the shortest, of those the one with the greatest item.
 * RANGES_NONE if there is none.
 */
size_t ranges_find(const struct ranges *ranges, uint64_t address);

void ranges_release(struct ranges *ranges);
