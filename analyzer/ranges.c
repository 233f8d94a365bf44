#include "ranges.h"

#include <stdlib.h>

#include "xalloc.h"

void
ranges_add(struct ranges *ranges, uint64_t low, uint64_t high, size_t item)
{
	ranges->range = xgrow(ranges->range, &ranges->capacity,
			      ranges->count + 1, sizeof(*ranges->range));
	ranges->range[ranges->count++] = (struct range){
		.low = low,
		.high = high,
		.item = item,
	};
}

/* The better answer of two that have an address comes later. */
static int
compare_ranges(const void *left, const void *right)
{
	const struct range *a = left, *b = right;

	if (a->low != b->low)
		return a->low < b->low ? -1 : 1;
	if (a->high != b->high)
		return a->high > b->high ? -1 : 1;
	return a->item < b->item ? -1 : a->item > b->item;
}

void
ranges_sort(struct ranges *ranges)
{
	uint64_t reach = 0;
	size_t i;

	if (ranges->count == 0)
		return;
	qsort(ranges->range, ranges->count, sizeof(*ranges->range),
	      compare_ranges);
	for (i = 0; i < ranges->count; i++) {
		if (reach < ranges->range[i].high)
			reach = ranges->range[i].high;
		ranges->range[i].reach = reach;
	}
}

size_t
ranges_find(const struct ranges *ranges, uint64_t address)
{
	size_t begin = 0, end = ranges->count, middle;
	const struct range *range;

	/* The ranges before `begin` start at or below the address. */
	while (begin < end) {
		middle = begin + (end - begin) / 2;
		if (ranges->range[middle].low <= address)
			begin = middle + 1;
		else
			end = middle;
	}
	while (begin-- > 0) {
		range = &ranges->range[begin];
		if (range->reach <= address)
			break;
		if (address < range->high)
			return range->item;
	}
	return RANGES_NONE;
}

void
ranges_release(struct ranges *ranges)
{
	free(ranges->range);
	*ranges = (struct ranges){ 0 };
}
