/*
 * What changed between two snapshots, or what one of them holds.
 *
 * A row is a site: a call stack that allocated (heap) or created threads
 * (thread), or a line of the memory ledger. With one snapshot the old columns
 * are 0, so that delta = live.
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

#include "model.h"

enum row_kind {
	ROW_HEAP,
	ROW_THREAD, /* objects: threads that hold resources; bytes: their
	             * reserved stacks */
	ROW_LEDGER, /* bytes only */
	ROW_KIND_COUNT
};

/* Signed: all of these may be differences. */
struct amount {
	int64_t objects;
	int64_t bytes;
};

struct thread_amount {
	int64_t running;
	int64_t unjoined; /* exited, neither joined nor detached */
};

struct row {
	enum row_kind kind;
	enum ledger_line line; /* ROW_LEDGER only */

	/* Where the call stack is: in the new snapshot if the site is in it,
	 * else in the old one. Borrowed. node 0: no stack is known. */
	const struct model *model;
	struct node_id node;
	uint32_t flags; /* enum site_flag */
	uint32_t stack; /* within one diff: equal stacks, equal numbers */
	bool in_old;    /* that snapshot has the site */
	bool in_new;

	struct amount live_old;
	struct amount live_new;
	struct amount delta;   /* live_new - live_old */
	struct amount alloc;   /* between the two */
	struct amount release; /* freed, or joined and the like, in between */

	struct thread_amount threads_old; /* ROW_THREAD only */
	struct thread_amount threads_new;
};

struct diff {
	const struct model *old_model; /* NULL: one snapshot only; borrowed */
	const struct model *new_model; /* borrowed */
	bool same_process;             /* true with one snapshot */
	bool estimated;     /* at least one is a sample, or was thinned */
	bool reversed;      /* new is older than old */
	bool same_snapshot; /* both are one and the same */

	/* All rows, kind by kind in enum order. Heap and thread rows are sorted
	 * by delta bytes, delta objects and live bytes, all falling, then by
	 * stack, so that those that grew come first. Ledger rows stand in the
	 * ledger's order; there are none if a snapshot lacks it, as what was
	 * not measured is not 0. Rows of nothing but zeros are left out,
	 * except in the ledger. */
	struct row *rows;
	size_t first[ROW_KIND_COUNT];
	size_t count[ROW_KIND_COUNT];
	struct row totals[ROW_KIND_COUNT];   /* sums; of the ledger: its rss */
	size_t not_compared[ROW_KIND_COUNT]; /* left out for truncation */
};

/* Both models must be unbiased (unbias.h) and outlive the diff. old_model may
 * be NULL. Never fails. */
struct diff *diff_new(const struct model *old_model,
		      const struct model *new_model)
	__attribute__((warn_unused_result));
void diff_free(struct diff *diff);

/* More bytes, or as many in more objects. */
static inline bool
diff_grew(const struct row *row)
{
	return row->delta.bytes > 0 ||
	       (row->delta.bytes == 0 && row->delta.objects > 0);
}
