/*
 * A row of a report: a class of call stacks that allocated (heap) or created
 * threads (thread), or a line of the memory ledger. diff.h makes rows; what
 * becomes of one (a verdict, a fate, its place) is written into it by those who
 * decide.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "history.h"
#include "model.h"
#include "verdict.h"
#include "work.h"

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
	uint32_t flags;  /* enum site_flag */
	uint32_t stack;  /* its number in the atlas */
	uint32_t cls;    /* number of the class */
	uint32_t stacks; /* how many call stacks are in the class */
	/* Of these, how many have such a verdict by themselves; if none has,
	 * how many grew. 0 until judge.h was there. */
	uint32_t guilty;
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
	/* Growth by the work done, after the verdict's warm-up. */
	struct work_rate per_unit;
	double suspicion;   /* one snapshot: verdict_suspicion, else 0 */
	enum row_fate fate; /* FATE_LISTED until select.h was there */
	bool is_builtin;    /* FATE_SUPPRESSED, and nobody wrote the rule */
};

/* More bytes, or as many in more objects. */
static inline bool
row_grew(const struct row *row)
{
	return row->delta.bytes > 0 ||
	       (row->delta.bytes == 0 && row->delta.objects > 0);
}
