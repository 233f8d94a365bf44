/*
 * The report for people: a headline, what was compared, sites by growth,
 * threads, the memory ledger, and what the numbers lack. Made as one text;
 * names from the file pass strbuf_add_printable.
 */
#include "report.h"

#include <inttypes.h>
#include <string.h>

#include "format.h"
#include "headline.h"
#include "stack.h"
#include "strbuf.h"

static const char *const line_words[LEDGER_LINE_COUNT] = {
#define X(name, words) [LEDGER_##name] = words,
	LEDGER_LINES(X)
#undef X
};

static void
add_objects(struct strbuf *out, int64_t objects, bool sign)
{
	format_count(out, objects, sign);
	strbuf_adds(out,
		    objects == 1 || objects == -1 ? " object" : " objects");
}

/* `old  FILE, number 2, 2026-11-20 09:30:00 UTC, 34 s after tracking began` */
static void
add_snapshot(struct strbuf *out, const char *label, const struct model *model)
{
	const struct header *header = &model->header;

	strbuf_addf(out, "%-10s", label);
	strbuf_add_printable(out, model->file);
	strbuf_addf(out, ", number %" PRIu64 ", ", header->sequence);
	format_time(out, header->wall_ns);
	if (header->monotonic_ns >= header->start_monotonic_ns) {
		strbuf_adds(out, ", ");
		format_duration(out, header->monotonic_ns -
					     header->start_monotonic_ns);
		strbuf_adds(out, " after tracking began");
	}
	if (model->truncated)
		strbuf_adds(out, ", truncated");
	strbuf_addc(out, '\n');
}

static void
add_process(struct strbuf *out, const char *label, const struct header *header)
{
	strbuf_addf(out, "%-10s", label);
	strbuf_add_printable(out, header->exe);
	strbuf_addf(out, ", pid %" PRIu32 " on ", header->pid);
	strbuf_add_printable(out, header->host);
	strbuf_addc(out, '\n');
}

static void
add_counting(struct strbuf *out, const struct header *header, const char *label)
{
	strbuf_addf(out, "%-10s", label);
	if (header->sample_bytes == 1) {
		strbuf_adds(out, "every allocation\n");
		return;
	}
	strbuf_adds(out, "a sample, one in ");
	format_bytes(out, (int64_t)(header->sample_bytes & INT64_MAX), false);
	strbuf_adds(out, " on average: amounts are estimates\n");
}

static void
add_subject(struct strbuf *out, const struct diff *diff)
{
	const struct model *old_model = diff->old_model;
	const struct model *new_model = diff->new_model;

	if (!old_model) {
		add_process(out, "process", &new_model->header);
		add_snapshot(out, "snapshot", new_model);
		add_counting(out, &new_model->header, "counted");
		return;
	}
	if (diff->same_process) {
		add_process(out, "process", &new_model->header);
	} else {
		add_process(out, "first", &old_model->header);
		add_process(out, "second", &new_model->header);
	}
	add_snapshot(out, "old", old_model);
	add_snapshot(out, "new", new_model);
	if (old_model->header.sample_bytes == new_model->header.sample_bytes) {
		add_counting(out, &new_model->header, "counted");
	} else {
		add_counting(out, &old_model->header, "old is");
		add_counting(out, &new_model->header, "new is");
	}
}

static void
add_stack(struct strbuf *out, const struct stack *stack)
{
	size_t i;

	for (i = 0; i < stack->count; i++) {
		const struct stack_frame *frame = &stack->frames[i];
		const struct symbol *symbol = frame->symbol;

		/* The mark points at the frame the site is named by. */
		strbuf_adds(out, i == stack->blamed ? "      > " : "        ");
		strbuf_add_printable(out, symbol->function);
		if (symbol->file) {
			strbuf_addc(out, ' ');
			strbuf_add_printable(out, symbol->file);
			if (symbol->line)
				strbuf_addf(out, ":%" PRIu32, symbol->line);
		}
		if (*frame->module->path) {
			strbuf_adds(out, " (");
			strbuf_add_printable(
				out, stack_base_name(frame->module->path));
			strbuf_addc(out, ')');
		}
		if (frame->inlined)
			strbuf_adds(out, " [inlined]");
		strbuf_addc(out, '\n');
	}
	if (stack->truncated)
		strbuf_adds(out, "        ... outer frames are missing\n");
}

/* `live 10.2 MiB in 1,300 objects (was 0.6 MiB in 66 objects)` */
static void
add_live(struct strbuf *out, const struct diff *diff, const struct row *row)
{
	strbuf_adds(out, "live ");
	format_bytes(out, row->live_new.bytes, false);
	strbuf_adds(out, " in ");
	add_objects(out, row->live_new.objects, false);
	if (!diff->old_model)
		return;
	strbuf_adds(out, " (was ");
	format_bytes(out, row->live_old.bytes, false);
	strbuf_adds(out, " in ");
	add_objects(out, row->live_old.objects, false);
	strbuf_addc(out, ')');
}

static void
add_traffic(struct strbuf *out, const struct diff *diff, const struct row *row)
{
	bool sign = !diff->same_process;

	if (!diff->old_model)
		strbuf_adds(out, "since the start: ");
	else if (diff->same_process)
		strbuf_adds(out, "in between: ");
	else
		strbuf_adds(out, "second against first: ");
	format_bytes(out, row->alloc.bytes, sign);
	strbuf_adds(out, " allocated in ");
	add_objects(out, row->alloc.objects, sign);
	strbuf_adds(out, ", ");
	format_bytes(out, row->release.bytes, sign);
	strbuf_adds(out, " freed in ");
	add_objects(out, row->release.objects, sign);
}

static void
add_heap_row(struct strbuf *out, const struct diff *diff, const struct row *row)
{
	bool sign = diff->old_model != NULL;

	format_bytes(out, row->delta.bytes, sign);
	strbuf_adds(out, " in ");
	add_objects(out, row->delta.objects, sign);
	strbuf_addc(out, '\n');
	if (sign) {
		strbuf_adds(out, "      ");
		add_live(out, diff, row);
		strbuf_addc(out, '\n');
	}
	strbuf_adds(out, "      ");
	add_traffic(out, diff, row);
	strbuf_addc(out, '\n');
}

/* `15 running (+12)`, or without the change where there is no old column. */
static void
add_state(struct strbuf *out, int64_t now, int64_t before, bool is_diff,
	  const char *state)
{
	format_count(out, now, false);
	strbuf_addf(out, " %s", state);
	if (is_diff) {
		strbuf_adds(out, " (");
		format_count(out, now - before, true);
		strbuf_addc(out, ')');
	}
}

static void
add_thread_row(struct strbuf *out, const struct diff *diff,
	       const struct row *row)
{
	bool sign = diff->old_model != NULL;
	int64_t threads = row->delta.objects;

	format_count(out, threads, sign);
	strbuf_adds(out,
		    threads == 1 || threads == -1 ? " thread, " : " threads, ");
	format_bytes(out, row->delta.bytes, sign);
	strbuf_adds(out, " of reserved stack\n      ");
	add_state(out, row->threads_new.running, row->threads_old.running, sign,
		  "running");
	strbuf_adds(out, ", ");
	add_state(out, row->threads_new.unjoined, row->threads_old.unjoined,
		  sign, "exited but never joined");
	strbuf_addc(out, '\n');
}

/* What stays unlisted: sites that grew but are not among the top, and in a
 * diff those that shrank or stayed, which would only be noise one by one. */
static void
add_rest(struct strbuf *out, const struct diff *diff, enum row_kind kind,
	 size_t shown)
{
	bool sign = diff->old_model != NULL;
	int64_t more_bytes = 0;
	int64_t less_bytes = 0;
	size_t more = 0;
	size_t less = 0;
	size_t i;

	for (i = shown; i < diff->count[kind]; i++) {
		const struct row *row = &diff->rows[diff->first[kind] + i];

		if (diff_grew(row)) {
			more++;
			more_bytes += row->delta.bytes;
		} else if (row->delta.bytes || row->delta.objects) {
			less++;
			less_bytes += row->delta.bytes;
		}
	}
	if (more) {
		strbuf_adds(out, " ... and ");
		format_count(out, (int64_t)more, false);
		strbuf_addf(out, " more %s (", more == 1 ? "site" : "sites");
		format_bytes(out, more_bytes, sign);
		strbuf_adds(out, ")\n");
	}
	if (less) {
		strbuf_adds(out, " ... and ");
		format_count(out, (int64_t)less, false);
		strbuf_addf(out, " %s that shrank (",
			    less == 1 ? "site" : "sites");
		format_bytes(out, less_bytes, sign);
		strbuf_adds(out, ")\n");
	}
}

static void
add_sites(struct strbuf *out, const struct report *report, enum row_kind kind)
{
	const struct diff *diff = report->diff;
	const struct row *rows = diff->rows + diff->first[kind];
	struct stack stack = { 0 };
	size_t i;

	for (i = 0; i < diff->count[kind] && diff_grew(&rows[i]); i++) {
		if (report->top && i == report->top)
			break;
		strbuf_addf(out, "%3zu. ", i + 1);
		if (kind == ROW_HEAP)
			add_heap_row(out, diff, &rows[i]);
		else
			add_thread_row(out, diff, &rows[i]);
		stack_resolve(&stack, report, &rows[i]);
		add_stack(out, &stack);
	}
	if (i == 0)
		strbuf_adds(out, diff->old_model ? "     no site grew\n"
						 : "     none\n");
	add_rest(out, diff, kind, i);
	stack_release(&stack);
}

static void
add_heap(struct strbuf *out, const struct report *report)
{
	const struct diff *diff = report->diff;
	const struct row *total = &diff->totals[ROW_HEAP];

	strbuf_adds(out, diff->old_model ? "\nHeap sites by growth\n"
					 : "\nHeap sites by live bytes\n");
	add_sites(out, report, ROW_HEAP);
	strbuf_adds(out, "total ");
	add_heap_row(out, diff, total);
}

static void
add_threads(struct strbuf *out, const struct report *report)
{
	const struct diff *diff = report->diff;

	if (diff->count[ROW_THREAD] == 0)
		return;
	strbuf_adds(out, "\nThreads by the call stack that created them\n");
	add_sites(out, report, ROW_THREAD);
	strbuf_adds(out, "total ");
	add_thread_row(out, diff, &diff->totals[ROW_THREAD]);
}

/* Adds a column of bytes, right-aligned. */
static void
add_cell(struct strbuf *out, int64_t bytes, bool sign)
{
	struct strbuf cell = { 0 };

	format_bytes(&cell, bytes, sign);
	strbuf_addf(out, "%14s", strbuf_text(&cell));
	strbuf_release(&cell);
}

static void
add_ledger(struct strbuf *out, const struct diff *diff)
{
	const struct row *rows = diff->rows + diff->first[ROW_LEDGER];
	size_t i;

	if (diff->count[ROW_LEDGER] == 0) {
		strbuf_adds(out, "\nMemory ledger: not measured\n");
		return;
	}
	strbuf_adds(out, "\nMemory ledger\n");
	if (diff->old_model)
		strbuf_addf(out, "%-26s%14s%14s%14s\n", "", "old", "new",
			    "difference");
	for (i = 0; i < diff->count[ROW_LEDGER]; i++) {
		const struct row *row = &rows[i];

		strbuf_addf(out, "  %-24s", line_words[row->line]);
		if (diff->old_model)
			add_cell(out, row->live_old.bytes, false);
		add_cell(out, row->live_new.bytes, false);
		if (diff->old_model)
			add_cell(out, row->delta.bytes, true);
		strbuf_addc(out, '\n');
	}
}

static void
add_loss(struct strbuf *out, const struct diff *diff, uint64_t new_count,
	 uint64_t old_count, const char *words)
{
	if (new_count == 0 && old_count == 0)
		return;
	strbuf_addf(out, "  %s: ", words);
	format_count(out, (int64_t)(new_count & INT64_MAX), false);
	if (diff->old_model) {
		strbuf_adds(out, " (old: ");
		format_count(out, (int64_t)(old_count & INT64_MAX), false);
		strbuf_addc(out, ')');
	}
	strbuf_addc(out, '\n');
}

static void
add_model_losses(struct strbuf *out, const struct model *model)
{
	if (model->truncated) {
		strbuf_adds(out, "  ");
		strbuf_add_printable(out, model->file);
		strbuf_addf(out,
			    " is truncated: what follows byte %" PRIu64
			    " (uncompressed) is missing",
			    model->prefix_bytes);
		if (model->dropped_rows)
			strbuf_addf(out,
				    ", and %" PRIu32 " sites could not be used",
				    model->dropped_rows);
		strbuf_addc(out, '\n');
	}
	if (model->losses.thinning_shift) {
		strbuf_adds(out, "  the memory cap was met: one block in 2^");
		strbuf_addf(out, "%" PRIu32 " is kept\n",
			    model->losses.thinning_shift);
	}
	if (*model->losses.disabled_because) {
		strbuf_adds(out, "  tracking stopped itself: ");
		strbuf_add_printable(out, model->losses.disabled_because);
		strbuf_addc(out, '\n');
	}
}

static void
add_not_compared(struct strbuf *out, size_t sites, const char *kind)
{
	if (sites == 0)
		return;
	strbuf_addf(out,
		    "  %s sites not compared, as only one snapshot has them: ",
		    kind);
	format_count(out, (int64_t)sites, false);
	strbuf_addc(out, '\n');
}

static void
add_losses(struct strbuf *out, const struct diff *diff)
{
	static const struct losses none;
	const struct losses *new_losses = &diff->new_model->losses;
	const struct losses *old_losses =
		diff->old_model ? &diff->old_model->losses : &none;
	struct strbuf lines = { 0 };

	if (diff->old_model && diff->old_model->truncated)
		add_model_losses(&lines, diff->old_model);
	add_model_losses(&lines, diff->new_model);
	add_not_compared(&lines, diff->not_compared[ROW_HEAP], "heap");
	add_not_compared(&lines, diff->not_compared[ROW_THREAD], "thread");
#define X(name, words)                                                         \
	add_loss(&lines, diff, new_losses->name, old_losses->name, words);
	LOSSES(X)
#undef X
	if (lines.len)
		strbuf_addf(out, "\nWhat the numbers lack\n%s",
			    strbuf_text(&lines));
	strbuf_release(&lines);
}

int
report_text(const struct report *report, FILE *out, struct err *err)
{
	struct strbuf text = { 0 };

	(void)err; /* a failed write is the caller's to notice */
	headline(&text, report);
	strbuf_addc(&text, '\n');
	add_subject(&text, report->diff);
	add_heap(&text, report);
	add_threads(&text, report);
	add_ledger(&text, report->diff);
	add_losses(&text, report->diff);
	fwrite(text.data, 1, text.len, out);
	strbuf_release(&text);
	return 0;
}
