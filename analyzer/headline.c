#include "headline.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "stack.h"
#include "xalloc.h"

/* The function that the most growth is blamed on is looked for among this
 * many of the largest sites: below them nothing is left that could change the
 * answer much, and symbols cost time. */
#define HEADLINE_SITES 1000

/* All growing sites that one function is blamed for. */
struct culprit {
	const char *function; /* borrowed, as are the others */
	const char *module;
	const char *file; /* NULL: unknown, or not one */
	uint32_t line;    /* 0: unknown, or more than one */
	int64_t bytes;
	int64_t objects;
	int64_t live_objects;
};

static struct culprit *
find_culprit(struct culprit *culprits, size_t *count,
	     const struct stack_frame *frame)
{
	const struct symbol *symbol = frame->symbol;
	struct culprit *culprit;
	size_t i;

	for (i = 0; i < *count; i++) {
		culprit = &culprits[i];
		if (strcmp(culprit->function, symbol->function) != 0 ||
		    strcmp(culprit->module, frame->module->path) != 0)
			continue;
		if (culprit->file &&
		    (!symbol->file || strcmp(culprit->file, symbol->file) != 0))
			culprit->file = NULL;
		if (culprit->line != symbol->line)
			culprit->line = 0;
		return culprit;
	}
	culprit = &culprits[(*count)++];
	memset(culprit, 0, sizeof(*culprit));
	culprit->function = symbol->function;
	culprit->module = frame->module->path;
	culprit->file = symbol->file;
	culprit->line = symbol->line;
	return culprit;
}

static bool
is_worse(const struct culprit *a, const struct culprit *b)
{
	return a->bytes != b->bytes ? a->bytes > b->bytes
				    : a->objects > b->objects;
}

/* The function with the most growth. False: no site of that kind grew. */
static bool
worst_of(const struct report *report, enum row_kind kind, struct culprit *out)
{
	const struct diff *diff = report->diff;
	struct culprit *culprits = xcalloc(HEADLINE_SITES, sizeof(*culprits));
	struct stack stack = { 0 };
	size_t worst = 0;
	size_t count = 0;
	size_t i;

	for (i = 0; i < diff->count[kind] && i < HEADLINE_SITES; i++) {
		const struct row *row = &diff->rows[diff->first[kind] + i];
		struct culprit *culprit;

		if (!diff_grew(row))
			break;
		stack_resolve(&stack, report, row);
		culprit = find_culprit(culprits, &count,
				       &stack.frames[stack.blamed]);
		culprit->bytes += row->delta.bytes;
		culprit->objects += row->delta.objects;
		culprit->live_objects += row->live_new.objects;
	}
	for (i = 1; i < count; i++) {
		if (is_worse(&culprits[i], &culprits[worst]))
			worst = i;
	}
	if (count)
		*out = culprits[worst];
	stack_release(&stack);
	free(culprits);
	return count > 0;
}

static void
add_place(struct strbuf *out, const struct culprit *culprit)
{
	strbuf_add_printable(out, culprit->function);
	if (!culprit->file)
		return;
	strbuf_adds(out, " (");
	strbuf_add_printable(out, stack_base_name(culprit->file));
	if (culprit->line)
		strbuf_addf(out, ":%" PRIu32, culprit->line);
	strbuf_addc(out, ')');
}

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
	add_place(out, culprit);
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
	if (worst_of(report, ROW_HEAP, &culprit) && culprit.bytes > 0)
		add_culprit(out, &culprit, total->delta.bytes);
	strbuf_addc(out, '.');
}

/* Whether what a snapshot calls live may be more or less than that. */
static bool
missed_blocks(const struct model *model)
{
	const struct losses *losses = &model->losses;

	return losses->dropped_allocs || losses->dropped_frees ||
	       *losses->disabled_because;
}

/*
 * What the reader must know before believing the sentence. A difference is as
 * doubtful as the worse of its two: the old snapshot's losses are in the new
 * one's too only if both are of one process and in that order.
 */
static void
add_reservations(struct strbuf *out, const struct diff *diff)
{
	const struct model *before = diff->old_model;
	const struct model *after = diff->new_model;

	if (after->truncated || (before && before->truncated))
		strbuf_adds(out,
			    " This is incomplete: a snapshot is truncated.");
	if (missed_blocks(after) || (before && missed_blocks(before)))
		strbuf_adds(
			out,
			" Some allocations or frees were missed: see the end.");
}

static void
add_threads(struct strbuf *out, const struct report *report)
{
	const struct row *total = &report->diff->totals[ROW_THREAD];
	struct culprit culprit;

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
	if (worst_of(report, ROW_THREAD, &culprit)) {
		strbuf_adds(out, "; ");
		format_count(out, culprit.objects, false);
		strbuf_adds(out, " created in ");
		add_place(out, &culprit);
	}
	strbuf_adds(out, ".\n");
}

static void
add_resident(struct strbuf *out, const struct diff *diff)
{
	int64_t bytes = diff->totals[ROW_LEDGER].delta.bytes;

	if (!diff->count[ROW_LEDGER] || !diff->old_model ||
	    !diff->same_process || bytes == 0)
		return;
	strbuf_addf(out, "Resident memory %s by ",
		    bytes > 0 ? "grew" : "shrank");
	format_bytes(out, bytes < 0 ? -bytes : bytes, false);
	strbuf_adds(out, ".\n");
}

void
headline(struct strbuf *out, const struct report *report)
{
	add_heap(out, report);
	add_reservations(out, report->diff);
	strbuf_addc(out, '\n');
	add_threads(out, report);
	add_resident(out, report->diff);
}
