#include "headline.h"

#include "culprit.h"
#include "format.h"
#include "headline_resident.h"
#include "headline_trend.h"
#include "select.h"
#include "stack.h"

/* Below it ages are no more than a hint for the order. */
#define HEADLINE_SUSPICION 0.5

/* `9.0 MiB, 9,000 objects`, or of buffers that grew `9.0 MiB in the same
 * number of objects`. */
static void
add_amount(struct strbuf *out, const struct culprit *culprit)
{
	int64_t objects = culprit->objects;

	format_bytes(out, culprit->bytes, false);
	if (objects == 0) {
		strbuf_adds(out, culprit->live_objects == 1
					 ? " in the same object"
					 : " in the same number of objects");
		return;
	}
	strbuf_adds(out, ", ");
	format_count(out, objects, false);
	strbuf_adds(out, objects == 1 ? " object" : " objects");
}

/* The second half of the sentence: where `whole` bytes, or the growth that
 * something else made up for, come from. */
static void
add_culprit(struct strbuf *out, const struct culprit *culprit, int64_t whole)
{
	if (whole > 0 && culprit->bytes <= whole) {
		strbuf_adds(out, "; ");
		format_share(out, culprit->bytes, whole);
		strbuf_adds(out, " of it (");
	} else {
		strbuf_adds(out, "; the largest growth (");
	}
	add_amount(out, culprit);
	strbuf_adds(out, ") was allocated in ");
	culprit_add_place(out, culprit);
}

static void
add_elapsed(struct strbuf *out, const struct diff *diff)
{
	uint64_t from = diff->old_model->header.monotonic_ns;
	uint64_t to = diff->new_model->header.monotonic_ns;

	/* Backwards is warned about elsewhere. */
	if (to < from)
		return;
	strbuf_adds(out, " in ");
	format_duration(out, to - from);
}

static void
add_change(struct strbuf *out, const struct diff *diff)
{
	int64_t bytes = diff->totals[ROW_HEAP].delta.bytes;
	int64_t size = bytes < 0 ? -bytes : bytes;

	if (diff->not_compared[ROW_HEAP] && !diff->count[ROW_HEAP]) {
		strbuf_adds(out, "Live heap can't be compared");
		return;
	}
	if (!diff->same_process) {
		strbuf_adds(out, "Live heap of the second process is ");
		if (bytes == 0) {
			strbuf_adds(out, "as large as that of the first");
			return;
		}
		if (diff->estimated)
			strbuf_adds(out, "an estimated ");
		format_bytes(out, size, false);
		strbuf_addf(out, " %s than that of the first",
			    bytes > 0 ? "larger" : "smaller");
		return;
	}
	if (diff->same_snapshot) {
		strbuf_adds(out, "Both are the same snapshot: nothing can have "
				 "changed");
		return;
	}
	if (bytes == 0) {
		strbuf_adds(out, "Live heap did not grow");
	} else {
		strbuf_addf(out, "Live heap %s by %s",
			    bytes > 0 ? "grew" : "shrank",
			    diff->estimated ? "an estimated " : "");
		format_bytes(out, size, false);
	}
	add_elapsed(out, diff);
}

static void
add_heap(struct strbuf *out, const struct report *report)
{
	const struct diff *diff = report->diff;
	const struct row *total = &diff->totals[ROW_HEAP];
	struct culprit culprit;

	if (diff->old_model) {
		add_change(out, diff);
	} else if (total->live_new.bytes == 0) {
		strbuf_adds(out, "Live heap is empty");
	} else {
		strbuf_adds(out, "Live heap is ");
		if (diff->estimated)
			strbuf_adds(out, "an estimated ");
		format_bytes(out, total->live_new.bytes, false);
		strbuf_adds(out, " in ");
		format_count(out, total->live_new.objects, false);
		strbuf_adds(out, total->live_new.objects == 1 ? " object"
							      : " objects");
	}
	if (culprit_of_growth(report, ROW_HEAP, &culprit) && culprit.bytes > 0)
		add_culprit(out, &culprit, total->delta.bytes);
	strbuf_addc(out, '.');
}

/* Whether what a snapshot calls live may be more or less than that. */
static bool
missed_blocks(const struct model *model)
{
	const struct losses *losses = &model->losses;

	return losses->dropped_allocs || losses->dropped_frees ||
	       losses->skipped_blocks || *losses->disabled_because;
}

static bool
is_cut(const struct diff *diff)
{
	return diff->new_model->truncated ||
	       (diff->old_model && diff->old_model->truncated);
}

/* A difference is as doubtful as the worse of its two: the old snapshot's
 * losses are in the new one's too only if both are of one process and in that
 * order. */
static bool
is_lossy(const struct diff *diff)
{
	return missed_blocks(diff->new_model) ||
	       (diff->old_model && missed_blocks(diff->old_model));
}

/* What the reader must know before believing the sentence. */
static void
add_reservations(struct strbuf *out, const struct diff *diff)
{
	if (is_cut(diff))
		strbuf_adds(out,
			    " This is incomplete: a snapshot is truncated.");
	if (is_lossy(diff))
		strbuf_adds(
			out,
			" Some allocations or frees were missed: see the end.");
}

static void
add_threads(struct strbuf *out, const struct report *report)
{
	const struct row *total = &report->diff->totals[ROW_THREAD];
	struct culprit culprit;

	if (report->diff->judged && headline_trend_threads(out, report))
		return;
	if (total->delta.objects <= 0)
		return;
	format_count(out, total->delta.objects, false);
	strbuf_adds(out, report->diff->old_model ? " more" : "");
	strbuf_adds(out, total->delta.objects == 1 ? " thread holds"
						   : " threads hold");
	strbuf_adds(out, " resources");
	if (total->threads_new.unjoined > total->threads_old.unjoined) {
		strbuf_adds(out, " (");
		format_count(out,
			     total->threads_new.unjoined -
				     total->threads_old.unjoined,
			     false);
		strbuf_adds(out, " exited but never joined)");
	}
	if (culprit_of_growth(report, ROW_THREAD, &culprit)) {
		strbuf_adds(out, "; ");
		format_count(out, culprit.objects, false);
		strbuf_adds(out, " created in ");
		culprit_add_place(out, &culprit);
	}
	strbuf_adds(out, ".\n");
}

/* What ages make likely where there is no second snapshot. */
static void
add_suspect(struct strbuf *out, const struct report *report)
{
	const struct diff *diff = report->diff;
	struct select_cursor cursor = { 0 };
	struct stack stack = { 0 };
	const struct row *row;

	if (diff->order[ROW_HEAP] != ORDER_SUSPICION)
		return;
	row = select_next(diff, ROW_HEAP, &cursor, 1);
	if (!row || row->suspicion < HEADLINE_SUSPICION)
		return;
	stack_resolve(&stack, report->resolver, row);
	strbuf_adds(out, "The first to suspect is ");
	culprit_add_frame(out, &stack.frames[stack.blamed]);
	strbuf_adds(out, ": of what it allocated at any time since the start "
			 "some remained (");
	format_bytes(out, row->live_new.bytes, false);
	strbuf_adds(out, "). One snapshot can't prove a leak: compare it with "
			 "a later one, or take three for a verdict.\n");
	stack_release(&stack);
}

enum page_style
headline(struct strbuf *out, const struct report *report)
{
	enum page_style style = PAGE_STRONG;

	if (report->diff->judged) {
		style = headline_trend(out, report);
		add_reservations(out, report->diff);
		strbuf_addc(out, '\n');
		add_change(out, report->diff);
		strbuf_adds(out, ".\n");
	} else {
		add_heap(out, report);
		add_reservations(out, report->diff);
		strbuf_addc(out, '\n');
		add_suspect(out, report);
	}
	add_threads(out, report);
	headline_resident(out, report->diff);
	return style;
}

/* A site that leaks, or that grew and of which it is too early to say. */
static bool
is_suspicious(const struct row *row)
{
	if (row->is_builtin)
		return false;
	return verdict_is_leak(&row->verdict) ||
	       (row->verdict.kind == VERDICT_INSUFFICIENT && row_grew(row));
}

static bool
is_any_suspicious(const struct diff *diff)
{
	size_t end = diff->first[ROW_LEDGER];
	size_t i;

	for (i = 0; i < end; i++) {
		if (is_suspicious(&diff->rows[i]))
			return true;
	}
	return false;
}

bool
headline_is_quiet(const struct report *report)
{
	const struct diff *diff = report->diff;
	struct strbuf sentence = { 0 };
	enum page_style style;

	if (!diff->judged || !headline_trend_is_clean(diff) ||
	    is_any_suspicious(diff) || is_cut(diff) || is_lossy(diff))
		return false;
	style = headline_trend(&sentence, report);
	strbuf_release(&sentence);
	return style == PAGE_GOOD;
}
