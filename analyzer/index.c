#include "index.h"

#include <stdlib.h>

#include "xalloc.h"

#define FIRST_SLOTS 1024

static void
insert(struct index *index, uint64_t hash, uint32_t number)
{
	size_t mask = index->slot_count - 1;
	size_t i = hash & mask;

	while (index->slots[i])
		i = (i + 1) & mask;
	index->slots[i] = number;
	index->hashes[i] = hash;
}

static void
grow(struct index *index)
{
	struct index old = *index;
	size_t i;

	index->slot_count = old.slot_count ? xmul(old.slot_count, 2)
					   : FIRST_SLOTS;
	index->slots = xcalloc(index->slot_count, sizeof(*index->slots));
	index->hashes = xcalloc(index->slot_count, sizeof(*index->hashes));
	for (i = 0; i < old.slot_count; i++) {
		if (old.slots[i])
			insert(index, old.hashes[i], old.slots[i]);
	}
	free(old.slots);
	free(old.hashes);
}

void
index_add(struct index *index, uint64_t hash, uint32_t number)
{
	if (index->count + 1 > index->slot_count / 2)
		grow(index);
	insert(index, hash, number);
	index->count++;
}

uint32_t
index_next(const struct index *index, uint64_t hash, size_t *i)
{
	size_t mask = index->slot_count - 1;

	if (index->slot_count == 0)
		return 0;
	*i = *i == SIZE_MAX ? hash & mask : (*i + 1) & mask;
	for (; index->slots[*i]; *i = (*i + 1) & mask) {
		if (index->hashes[*i] == hash)
			return index->slots[*i];
	}
	return 0;
}

void
index_release(struct index *index)
{
	free(index->slots);
	free(index->hashes);
	*index = (struct index){ 0 };
}
