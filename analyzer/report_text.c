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
#include "report_head.h"
#include "report_stack.h"
#include "strbuf.h"
#include "symbolize.h"

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
	/* A buffer that grows is no new object. */
	if (sign && row->delta.bytes && !row->delta.objects) {
		strbuf_adds(out, "the same ");
		strbuf_adds(out,
			    row->live_new.objects == 1 ? "" : "number of ");
		strbuf_adds(out,
			    row->live_new.objects == 1 ? "object" : "objects");
	} else {
		add_objects(out, row->delta.objects, sign);
	}
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

/* `15 running (+12)`, or without the change where there is none. */
static void
add_state(struct strbuf *out, int64_t now, int64_t before, bool is_diff,
	  const char *state)
{
	format_count(out, now, false);
	strbuf_addf(out, " %s", state);
	if (is_diff && now != before) {
		strbuf_adds(out, " (");
		format_count(out, now - before, true);
		strbuf_addc(out, ')');
	}
}

/* `+5 threads, +40.0 MiB of reserved stack` */
static void
add_thread_change(struct strbuf *out, const struct row *row, bool sign)
{
	int64_t threads = row->delta.objects;

	format_count(out, threads, sign);
	strbuf_adds(out,
		    threads == 1 || threads == -1 ? " thread, " : " threads, ");
	format_bytes(out, row->delta.bytes, sign);
	strbuf_adds(out, " of reserved stack");
}

static void
add_thread_row(struct strbuf *out, const struct diff *diff,
	       const struct row *row)
{
	bool sign = diff->old_model != NULL;

	if (sign && !row->delta.objects && !row->delta.bytes)
		strbuf_adds(out, "no change in threads that hold resources");
	else
		add_thread_change(out, row, sign);
	strbuf_adds(out, "\n      ");
	add_state(out, row->threads_new.running, row->threads_old.running, sign,
		  "running");
	strbuf_adds(out, ", ");
	add_state(out, row->threads_new.unjoined, row->threads_old.unjoined,
		  sign, "exited but never joined");
	strbuf_addc(out, '\n');
}

static bool
shrank(const struct row *row)
{
	return !diff_grew(row) && (row->delta.bytes || row->delta.objects);
}

struct tally {
	size_t sites;
	int64_t bytes;
};

static void
add_rest(struct strbuf *out, const struct tally *tally, bool sign,
	 const char *words, const char *more)
{
	if (!tally->sites)
		return;
	strbuf_adds(out, " ... and ");
	format_count(out, (int64_t)tally->sites, false);
	strbuf_addf(out, " %s%s%s (", more,
		    tally->sites == 1 ? "site" : "sites", words);
	format_bytes(out, tally->bytes, sign);
	strbuf_adds(out, ")\n");
}

/* The sites listed so far. */
struct listing {
	const struct report *report;
	enum row_kind kind;
	struct stack stack; /* scratch */
	struct report_nameless nameless;
	size_t count;
};

static void
list_site(struct strbuf *out, struct listing *listing, const struct row *row)
{
	const struct report *report = listing->report;

	strbuf_addf(out, "%3zu. ", ++listing->count);
	if (listing->kind == ROW_HEAP)
		add_heap_row(out, report->diff, row);
	else
		add_thread_row(out, report->diff, row);
	stack_resolve(&listing->stack, report, row);
	report_stack(out, &listing->stack, report->all_frames);
	report_nameless_add(&listing->nameless, &listing->stack);
}

/*
 * Lists the sites that grew, or only if none did those that shrank, the most
 * shrunk first, and counts the others: those that shrank while others grew
 * would be noise one by one.
 */
static void
add_sites(struct strbuf *out, const struct report *report, enum row_kind kind)
{
	const struct diff *diff = report->diff;
	const struct row *rows = diff->rows + diff->first[kind];
	struct listing listing = { .report = report, .kind = kind };
	size_t top = report->top ? report->top : SIZE_MAX;
	struct tally more = { 0, 0 }, less = { 0, 0 };
	bool sign = diff->old_model != NULL;
	size_t count = diff->count[kind];
	size_t i, grown;

	for (i = 0; i < count && diff_grew(&rows[i]); i++) {
		if (listing.count < top) {
			list_site(out, &listing, &rows[i]);
		} else {
			more.sites++;
			more.bytes += rows[i].delta.bytes;
		}
	}
	grown = i;
	if (!grown)
		strbuf_adds(out, sign ? "     no site grew\n" : "     none\n");
	/* Sorted by growth: the most shrunk are last. */
	for (i = count; i > grown; i--) {
		if (!shrank(&rows[i - 1]))
			continue;
		if (!grown && listing.count < top) {
			list_site(out, &listing, &rows[i - 1]);
		} else {
			less.sites++;
			less.bytes += rows[i - 1].delta.bytes;
		}
	}
	add_rest(out, &more, sign, "", "more ");
	add_rest(out, &less, sign, " that shrank", grown ? "" : "more ");
	if (symbolizer_options(report->symbolizer)->use_symbols)
		report_nameless(out, &listing.nameless);
	stack_release(&listing.stack);
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

/* A line of one snapshot, which a comparison has to name. */
static void
begin_loss(struct strbuf *out, const struct diff *diff,
	   const struct model *model)
{
	strbuf_adds(out, "  ");
	if (!diff->old_model)
		return;
	strbuf_add_printable(out, model->file);
	strbuf_adds(out, ": ");
}

static void
add_model_losses(struct strbuf *out, const struct diff *diff,
		 const struct model *model)
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
		begin_loss(out, diff, model);
		format_thinning(out, model->losses.thinning_shift);
		strbuf_addc(out, '\n');
	}
	if (*model->losses.disabled_because) {
		begin_loss(out, diff, model);
		strbuf_adds(out, "tracking stopped itself: ");
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

	if (diff->old_model)
		add_model_losses(&lines, diff, diff->old_model);
	add_model_losses(&lines, diff, diff->new_model);
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
	report_head(&text, report->diff);
	add_heap(&text, report);
	add_threads(&text, report);
	add_ledger(&text, report->diff);
	add_losses(&text, report->diff);
	fwrite(text.data, 1, text.len, out);
	strbuf_release(&text);
	return 0;
}
