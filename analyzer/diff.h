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
#include "verdict.h"

enum row_kind {
	ROW_HEAP,
	ROW_THREAD, /* objects: threads that hold resources; bytes: their
	             * reserved stacks */
	ROW_LEDGER, /* bytes only */
	ROW_KIND_COUNT
};

/* Why a row is not listed. What is not is counted, and told. */
enum row_fate {
	FATE_LISTED,
	FATE_SUPPRESSED, /* by a suppression */
	FATE_ACCEPTED,   /* by the baseline */
	FATE_FILTERED,   /* by --focus or --ignore */
	FATE_SMALL,      /* by --min-bytes */
	FATE_COUNT
};

/* What rows are sorted by; everything falls. */
enum row_order {
	ORDER_GROWTH,    /* bytes, then objects */
	ORDER_LIVE,      /* bytes */
	ORDER_OBJECTS,   /* growth of their number */
	ORDER_ALLOCS,    /* how many were allocated in between */
	ORDER_RATE,      /* bytes per hour */
	ORDER_VERDICT,   /* the worst kind, then the fastest */
	ORDER_SUSPICION, /* live bytes times suspicion: one snapshot */
	ORDER_DEFAULT    /* select.h decides; never in a diff */
};

struct row {
	enum row_kind kind;
	enum ledger_line line; /* ROW_LEDGER only */

	/* The call stack that stands for the class: of all in it the one that
	 * grew most. In the atlas's model; node 0: no stack is known. */
	struct node_id node;
	uint32_t flags;    /* enum site_flag */
	uint32_t stack;    /* its number in the atlas */
	uint32_t cls;      /* number of the class */
	uint32_t stacks;   /* how many call stacks are in the class */
	const char *label; /* what they have in common; NULL: the stack */
	bool in_old;       /* that snapshot has the site */
	bool in_new;

	struct amount live_old;
	struct amount live_new;
	struct amount delta;     /* live_new - live_old */
	struct amount alloc;     /* between the two */
	struct amount release;   /* freed, or joined and the like, in between */
	struct amount inherited; /* the part of live_new from before a fork */

	struct thread_amount threads_old; /* ROW_THREAD only */
	struct thread_amount threads_new;

	/* Since tracking began, at the last snapshot. */
	struct amount alloc_ever;
	struct amount release_ever;

	/* What was live at each of diff->point_count points; NULL with fewer
	 * than three snapshots, or if it was let go (diff_keep_points). */
	const struct amount *points;
	/* Heap rows: what diff_ages makes ages of. */
	size_t first_birth;
	size_t birth_count; /* 0: no ages are known */

	struct verdict verdict; /* VERDICT_NONE until judge.h was there */
	double suspicion;       /* one snapshot: verdict_suspicion, else 0 */
	enum row_fate fate;     /* FATE_LISTED until select.h was there */
};

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

	struct birth *births; /* by row */
	struct model *pool;   /* owns points */
};

/* Were both taken from one program run? True if host, boot, pid namespace,
 * pid and start time agree, and tracking began at the same moment too: a
 * program that exec() started has its predecessor's pid and start time. Two
 * profiles are taken for one process's if the program is the same. */
bool diff_same_process(const struct header *a, const struct header *b);

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

/* Keeps the points of the `keep` heap rows and the `keep` thread rows that have
 * the worst verdicts and grew most, and no longer needs the history's tracks. */
void diff_keep_points(struct diff *diff, size_t keep);

/* More bytes, or as many in more objects. */
static inline bool
diff_grew(const struct row *row)
{
	return row->delta.bytes > 0 ||
	       (row->delta.bytes == 0 && row->delta.objects > 0);
}
