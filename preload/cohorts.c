#include "cohorts.h"

#include <stdatomic.h>

#include "counters.h"
#include "epoch.h"
#include "scratch.h"

/* Three of each width reach back 3 * (2^21 - 1) seconds, 72 days. */
#define BINS_PER_WIDTH 3
#define FIRST_SLOTS 4096u
#define BIN_BITS 6

_Static_assert(LKS_COHORTS <= 1 << BIN_BITS, "a bin fits its key");

uint32_t
lks_cohorts_bins(uint64_t end_s, struct lks_snap_bin *bins)
{
	struct lks_snap_bin youngest_first[LKS_COHORTS];
	uint64_t width = 1;
	uint32_t n = 0;

	do {
		uint64_t from = (end_s - 1) / width * width;

		if (n == LKS_COHORTS - 1)
			from = 0;
		youngest_first[n++] = (struct lks_snap_bin){ from, end_s };
		end_s = from;
		if (n % BINS_PER_WIDTH == 0)
			width *= 2;
	} while (end_s > 0);
	for (uint32_t i = 0; i < n; i++)
		bins[i] = youngest_first[n - 1 - i];
	return n;
}

bool
lks_cohorts_init(struct lks_cohorts *c, struct lks_snap *snap, uint32_t epoch)
{
	uint32_t bin = 0;

	/* Blocks may be born while we copy. */
	*c = (struct lks_cohorts){
		.epoch_count = epoch + 2,
		.bin_of = lks_scratch_map(epoch + 2),
		.slots = lks_scratch_map(FIRST_SLOTS * sizeof(*c->slots)),
		.capacity = FIRST_SLOTS,
	};
	if (c->bin_of == NULL || c->slots == NULL)
		return false;
	snap->bin_count =
		lks_cohorts_bins(lks_epoch_to_s(epoch + 1), snap->bins);
	for (uint32_t e = 0; e < c->epoch_count; e++) {
		while (lks_epoch_from_s(e) >= snap->bins[bin].to_s)
			bin++;
		c->bin_of[e] = (uint8_t)bin;
	}
	return true;
}

static inline uint32_t
home_of(const struct lks_cohorts *c, uint64_t key)
{
	return (uint32_t)(key * 0x9e3779b97f4a7c15u >> 32) & (c->capacity - 1);
}

static inline uint64_t
key_of(const struct lks_cohorts *c, uint32_t stack, uint32_t epoch)
{
	uint32_t last = c->epoch_count - 1;

	return (uint64_t)stack << BIN_BITS |
	       c->bin_of[epoch < last ? epoch : last];
}

void
lks_cohorts_expect(const struct lks_cohorts *c, uint32_t stack, uint32_t epoch)
{
	__builtin_prefetch(&c->slots[home_of(c, key_of(c, stack, epoch))], 1);
}

static struct lks_cohort_slot *
probe(const struct lks_cohorts *c, uint64_t key)
{
	uint32_t mask = c->capacity - 1;
	uint32_t i = home_of(c, key);

	while (c->slots[i].key != 0 && c->slots[i].key != key)
		i = (i + 1) & mask;
	return &c->slots[i];
}

static bool
make_room(struct lks_cohorts *c)
{
	struct lks_cohorts larger = *c;

	if (c->count < c->capacity / 2)
		return true;
	if (c->count >= LKS_SNAP_COHORTS_MAX)
		return false;
	larger.capacity *= 2;
	larger.slots = lks_scratch_map(larger.capacity * sizeof(*c->slots));
	if (larger.slots == NULL)
		return false;
	for (uint32_t i = 0; i < c->capacity; i++)
		if (c->slots[i].key != 0)
			*probe(&larger, c->slots[i].key) = c->slots[i];
	lks_scratch_drop(c->slots);
	*c = larger;
	return true;
}

void
lks_cohorts_add(struct lks_cohorts *c, uint32_t stack, uint32_t epoch,
		uint64_t objects, uint64_t bytes)
{
	uint64_t key = key_of(c, stack, epoch);
	struct lks_cohort_slot *slot = probe(c, key);

	if (slot->key == 0) {
		if (!make_room(c)) {
			c->overflows++;
			return;
		}
		slot = probe(c, key);
		slot->key = key;
		c->count++;
	}
	slot->objects += objects;
	slot->bytes += bytes;
}

/* Counting sort by row; the few bins of a row by insertion. */
bool
lks_cohorts_finish(struct lks_cohorts *c, struct lks_snap *snap)
{
	uint32_t *next = lks_scratch_map((snap->row_count + 2) * sizeof(*next));

	snap->cohorts =
		lks_scratch_map((c->count + 1) * sizeof(*snap->cohorts));
	if (next == NULL || snap->cohorts == NULL)
		return false;
	for (uint32_t i = 0; i < c->capacity; i++)
		if (c->slots[i].key != 0)
			next[snap->sites[c->slots[i].key >> BIN_BITS].row + 1]++;
	for (uint32_t row = 1; row <= snap->row_count + 1; row++)
		next[row] += next[row - 1];
	for (uint32_t i = 0; i < c->capacity; i++) {
		const struct lks_cohort_slot *slot = &c->slots[i];
		struct lks_snap_cohort one;
		uint32_t at;

		if (slot->key == 0)
			continue;
		one = (struct lks_snap_cohort){
			.row = snap->sites[slot->key >> BIN_BITS].row,
			.bin = slot->key & ((1u << BIN_BITS) - 1),
			.objects = slot->objects,
			.bytes = slot->bytes,
		};
		at = next[one.row]++;
		while (at > 0 && snap->cohorts[at - 1].row == one.row &&
		       snap->cohorts[at - 1].bin > one.bin) {
			snap->cohorts[at] = snap->cohorts[at - 1];
			at--;
		}
		snap->cohorts[at] = one;
	}
	snap->cohort_count = c->count;
	/* What this snapshot lacks, not what all before it did. */
	atomic_store_explicit(&lks_counters.cohort_overflows, c->overflows,
			      memory_order_relaxed);
	lks_scratch_drop(next);
	lks_scratch_drop(c->slots);
	lks_scratch_drop(c->bin_of);
	return true;
}
