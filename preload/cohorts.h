/*
 * Age cohorts: when the live blocks of each site were born, in at most
 * LKS_COHORTS bins.
 *
 * Bins widen with age: BINS_PER_WIDTH of 1 s, then of 2 s, 4 s and so on, and
 * the oldest takes the rest. Their edges are multiples of their width, so a
 * bin of a later snapshot is always a union of bins of an earlier one, and
 * cohorts can be followed from file to file.
 */
#pragma once

#include "snap.h"

struct lks_cohort_slot {
	uint64_t key; /* stack number << 6 | bin; 0 = empty */
	uint64_t objects;
	uint64_t bytes;
};

struct lks_cohorts {
	uint8_t *bin_of; /* by epoch, up to epoch_count - 1 */
	uint32_t epoch_count;
	struct lks_cohort_slot *slots; /* open addressing, half empty */
	uint32_t capacity;             /* a power of 2 */
	uint32_t count;
	uint64_t overflows;
};

/* WRITER, scratch. Sets the bins of the snapshot for blocks born up to
 * `epoch`, the current one. False: no memory. */
bool lks_cohorts_init(struct lks_cohorts *c, struct lks_snap *snap,
		      uint32_t epoch);

/* WRITER. The block will be added soon: its slot is asked for. */
void lks_cohorts_expect(const struct lks_cohorts *c, uint32_t stack,
			uint32_t epoch);

/* WRITER. One live block's weight. */
void lks_cohorts_add(struct lks_cohorts *c, uint32_t stack, uint32_t epoch,
		     uint64_t objects, uint64_t bytes);

/* WRITER, scratch. The table as snap->cohorts; rows of sites must be known.
 * Gives back what `c` has. False: no memory. */
bool lks_cohorts_finish(struct lks_cohorts *c, struct lks_snap *snap);

/* Pure. Bins for blocks born in the seconds [0, end_s); their number. */
uint32_t lks_cohorts_bins(uint64_t end_s, struct lks_snap_bin *bins);
