/*
 * What changed over the snapshots of a history, or what its only one holds.
 *
 * A row is a class of sites (classes.h): call stacks that allocated (heap) or
 * created threads (thread), or a line of the memory ledger. It compares the
 * first snapshot with the last; what was between is in its points. With one
 * snapshot the old columns are 0, so that delta = live.
 *
 * The alloc and free columns are what happened between the two: new minus old
 * cumulative count. Within one process they are never negative. Between
 * different processes they compare two histories from their starts and may
 * be negative; the reports say so.
 *
 * A truncated snapshot may lack any site. What only the other one has then is
 * not known to have grown or shrunk: such sites are left out and counted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "classes.h"
#include "history.h"
#include "model.h"
#include "row.h"
#include "verdict.h"

/* What of a class was born in one bin of the newest snapshot's header. */
struct birth {
	uint32_t bin;
	struct amount live;
};

struct diff {
	const struct history *history; /* borrowed, as is what is in it */
	const struct classes *classes[ROW_LEDGER]; /* borrowed */
	const struct model *old_model; /* facts only; NULL: one snapshot */
	const struct model *new_model; /* facts only */
	size_t snapshot_count;
	size_t point_count; /* 0 with fewer than three snapshots */
	bool same_process;  /* true with one snapshot */
	bool estimated;     /* at least one is a sample, or was thinned */
	bool reversed;      /* new is older than old */
	bool same_snapshot; /* both are one and the same */
	bool judged;        /* the rows have verdicts */
	enum row_order order[ROW_KIND_COUNT]; /* ORDER_GROWTH to begin with */

	/* All rows, kind by kind in enum order. Heap and thread rows are sorted
	 * by delta bytes, delta objects and live bytes, all falling, then by
	 * stack, so that those that grew come first (select.h may sort them
	 * otherwise). Ledger rows stand in the ledger's order; there are none
	 * if a snapshot lacks it, as what was not measured is not 0. Rows of
	 * nothing but zeros are left out, except in the ledger. */
	struct row *rows;
	size_t first[ROW_KIND_COUNT];
	size_t count[ROW_KIND_COUNT];
	struct row totals[ROW_KIND_COUNT];   /* sums; of the ledger: its rss */
	size_t not_compared[ROW_KIND_COUNT]; /* left out for truncation */

	struct birth *births; /* by row; all of them are the heap total's */
	struct model *pool;   /* owns points */
};

/* Classes of heap and thread stacks, made after the last snapshot was added.
 * The history has at least one snapshot; it and the classes outlive the diff.
 * Never fails. */
struct diff *diff_new(const struct history *history, const struct classes *heap,
		      const struct classes *threads)
	__attribute__((warn_unused_result));
void diff_free(struct diff *diff);

/* What of a row is live in the newest snapshot, by age, youngest first. Fills
 * all bins that the snapshot has and returns how many; 0: none are known. */
size_t diff_ages(const struct diff *diff, const struct row *row,
		 struct age_bin ages[LKS_COHORTS]);

/* The newest snapshot's bins without anything in them, youngest first. Returns
 * how many; bin k of its header is element count - 1 - k. */
size_t diff_bins(const struct diff *diff, struct age_bin ages[LKS_COHORTS]);

/* Keeps the points of the `keep` heap rows and the `keep` thread rows that have
 * the worst verdicts and grew most, and no longer needs the history's tracks. */
void diff_keep_points(struct diff *diff, size_t keep);
