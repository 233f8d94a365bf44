#include "encode_pcs.h"

#include "scratch.h"

#define FIRST_SLOTS 4096u

bool
lks_pcs_init(struct lks_pcs *pcs)
{
	*pcs = (struct lks_pcs){
		.codes = lks_scratch_map(FIRST_SLOTS / 2 * sizeof(uint64_t)),
		.slots = lks_scratch_map(FIRST_SLOTS * sizeof(uint32_t)),
		.capacity = FIRST_SLOTS,
	};
	return pcs->codes != NULL && pcs->slots != NULL;
}

static uint32_t *
probe(const struct lks_pcs *pcs, uint64_t code)
{
	uint32_t mask = pcs->capacity - 1;
	uint32_t i = (uint32_t)(code * 0x9e3779b97f4a7c15u >> 32) & mask;

	while (pcs->slots[i] != 0 && pcs->codes[pcs->slots[i] - 1] != code)
		i = (i + 1) & mask;
	return &pcs->slots[i];
}

static bool
make_room(struct lks_pcs *pcs)
{
	uint32_t capacity = 2 * pcs->capacity;
	uint64_t *codes;
	uint32_t *slots;

	if (pcs->count < pcs->capacity / 2)
		return true;
	slots = lks_scratch_map(capacity * sizeof(*slots));
	codes = lks_scratch_grow(pcs->codes, pcs->count * sizeof(*codes),
				 capacity / 2 * sizeof(*codes));
	if (slots == NULL || codes == NULL)
		return false;
	lks_scratch_drop(pcs->slots);
	pcs->codes = codes;
	pcs->slots = slots;
	pcs->capacity = capacity;
	for (uint32_t number = 1; number <= pcs->count; number++)
		*probe(pcs, codes[number - 1]) = number;
	return true;
}

uint32_t
lks_pcs_intern(struct lks_pcs *pcs, uint64_t code)
{
	uint32_t *slot = probe(pcs, code);

	if (*slot != 0)
		return *slot;
	if (!make_room(pcs))
		return 0;
	pcs->codes[pcs->count] = code;
	slot = probe(pcs, code);
	*slot = ++pcs->count;
	return *slot;
}

uint32_t
lks_pcs_find(const struct lks_pcs *pcs, uint64_t code)
{
	return *probe(pcs, code);
}
