/*
 * Open addressing with the granule's number itself as its hash: heaps are
 * contiguous, so neighbours share pages of the table.
 */
#include "granules.h"

#include "scratch.h"

#define FIRST_SLOTS 1024u
#define OFFSET_MASK ((1u << LKS_GRANULE_SHIFT) - 1)

bool
lks_granules_init(struct lks_granules *g)
{
	*g = (struct lks_granules){
		.slots = lks_scratch_map(FIRST_SLOTS * sizeof(*g->slots)),
		.capacity = FIRST_SLOTS,
	};
	g->last = g->slots;
	return g->slots != NULL;
}

/* The slot of a granule, or the empty one where it belongs. */
static struct lks_granule *
probe(const struct lks_granules *g, uint64_t number)
{
	uint32_t i = (uint32_t)number & (g->capacity - 1);

	while (g->slots[i].number != 0 && g->slots[i].number != number)
		i = (i + 1) & (g->capacity - 1);
	return &g->slots[i];
}

/* Keeps half the slots empty, so that probing is short and ends. */
static bool
make_room(struct lks_granules *g)
{
	struct lks_granules larger = *g;

	if (g->count < g->capacity / 2)
		return true;
	if (g->count >= LKS_GRANULES_MAX)
		return false;
	larger.capacity *= 2;
	larger.slots = lks_scratch_map(larger.capacity * sizeof(*g->slots));
	if (larger.slots == NULL)
		return false;
	for (uint32_t i = 0; i < g->capacity; i++)
		if (g->slots[i].number != 0)
			*probe(&larger, g->slots[i].number) = g->slots[i];
	lks_scratch_drop(g->slots);
	larger.last = larger.slots;
	*g = larger;
	return true;
}

void
lks_granules_add(struct lks_granules *g, uintptr_t address)
{
	uint64_t number = address >> LKS_GRANULE_SHIFT;
	uint32_t offset = (uint32_t)(address & OFFSET_MASK);
	struct lks_granule *slot = g->last;

	if (slot->number != number)
		slot = probe(g, number);
	if (slot->number == 0) {
		if (number == 0 || !make_room(g))
			return;
		slot = probe(g, number);
		*slot = (struct lks_granule){ number, offset, offset };
		g->count++;
	}
	if (offset < slot->low)
		slot->low = offset;
	if (offset > slot->high)
		slot->high = offset;
	g->last = slot;
}

bool
lks_granules_hold(const struct lks_granules *g, uintptr_t start, uintptr_t end)
{
	for (uint64_t number = start >> LKS_GRANULE_SHIFT;
	     number <= (end - 1) >> LKS_GRANULE_SHIFT; number++) {
		const struct lks_granule *slot = probe(g, number);
		uintptr_t base = number << LKS_GRANULE_SHIFT;

		if (number != 0 && slot->number != 0 &&
		    base + slot->low < end && base + slot->high >= start)
			return true;
	}
	return false;
}
