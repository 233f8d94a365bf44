/*
 * All sites as rows. The header is a promise to scripts: its fixed columns are
 * always the first, in this order. What follows depends on what was given, and
 * is found by name:
 *
 * - three or more snapshots of a process: the verdict's columns, empty in rows
 *   that have none
 * - leakshim soak, which knows the work done: growth per unit of it
 * - several processes: process, always the last
 *
 * What is suppressed, and what the baseline accepts, is one row each, so that
 * a column still sums to the total unless the user left rows out. What was lost
 * is a row for each kind of loss, behind all others.
 */
#include "report.h"

#include <math.h>
#include <string.h>

#include "csv_fields.h"
#include "flat_rows.h"
#include "process.h"
#include "saturate.h"
#include "select.h"
#include "stack.h"
#include "strbuf.h"

struct csv {
	const struct report *report;
	bool has_verdicts;
	bool has_work;
	bool has_process;
	struct strbuf process; /* as a field */
	struct strbuf line;
	struct strbuf scratch;
	struct stack stack;
};

static void
add_amounts(struct strbuf *line, const struct row *row)
{
	const int64_t columns[] = {
		row->delta.bytes,      row->delta.objects,
		row->live_old.bytes,   row->live_new.bytes,
		row->live_old.objects, row->live_new.objects,
		row->alloc.bytes,      row->alloc.objects,
		row->release.bytes,    row->release.objects,
	};

	csv_add_integers(line, columns, sizeof(columns) / sizeof(columns[0]));
}

/* ",1.5" with so many digits; no "-0", which some readers take for a text. */
static void
add_real(struct strbuf *line, double value, int digits)
{
	char text[352]; /* of DBL_MAX */

	strbuf_addc(line, ',');
	if (!isfinite(value))
		return;
	snprintf(text, sizeof(text), "%.*f", digits, value);
	strbuf_adds(line, text[0] == '-' && !text[strspn(text, "-0.")]
				  ? text + 1
				  : text);
}

static void
add_verdict(struct strbuf *line, const struct verdict *verdict)
{
	if (verdict->kind == VERDICT_NONE) {
		strbuf_adds(line, ",,,,,");
		return;
	}
	strbuf_addc(line, ',');
	strbuf_adds(line, verdict_name(verdict->kind));
	add_real(line, verdict->confidence, 3);
	add_real(line, verdict->bytes_per_hour, 0);
	add_real(line, verdict->objects_per_hour, 1);
	add_real(line, verdict->eta_hours < 0 ? NAN : verdict->eta_hours, 2);
}

static void
add_per_unit(struct strbuf *line, const struct work_rate *rate)
{
	if (!rate->unit) {
		strbuf_adds(line, ",,,,");
		return;
	}
	add_real(line, rate->bytes, 3);
	add_real(line, rate->bytes_low, 3);
	add_real(line, rate->bytes_high, 3);
	add_real(line, rate->objects, 6);
}

/* What depends on what was given. */
static void
add_rest(struct csv *csv, const struct verdict *verdict,
	 const struct work_rate *rate)
{
	struct strbuf *line = &csv->line;

	if (csv->has_verdicts)
		add_verdict(line, verdict);
	if (csv->has_work)
		add_per_unit(line, rate);
	if (csv->has_process) {
		strbuf_addc(line, ',');
		strbuf_add(line, strbuf_text(&csv->process), csv->process.len);
	}
	strbuf_addc(line, '\n');
}

/* From "file" on. */
static void
add_place(struct csv *csv, const struct row *row)
{
	struct strbuf *line = &csv->line;

	if (row->kind == ROW_LEDGER) {
		strbuf_adds(line, ",,,,");
	} else if (row->fate != FATE_LISTED) {
		strbuf_adds(line, ",,,,");
		csv_add_field(line, flat_rows_fate_name(row->fate));
	} else {
		csv_add_place(line, &csv->scratch, &csv->stack);
	}
	add_rest(csv, &row->verdict, &row->per_unit);
}

/* One that is not listed is the sum of all that have its fate. */
static void
write_row(struct csv *csv, const struct row *row, FILE *out)
{
	const struct stack *stack = &csv->stack;
	struct strbuf *line = &csv->line;
	const char *function;

	if (row->kind == ROW_LEDGER) {
		function = csv_ledger_name(row->line);
	} else if (row->fate != FATE_LISTED) {
		function = flat_rows_fate_name(row->fate);
	} else {
		stack_resolve(&csv->stack, csv->report->resolver, row);
		function = stack->frames[stack->blamed].symbol->function;
	}
	strbuf_clear(line);
	strbuf_adds(line, csv_kind_name(row->kind));
	strbuf_addc(line, ',');
	csv_add_field(line, function);
	add_amounts(line, row);
	add_place(csv, row);
	fwrite(line->data, 1, line->len, out);
}

static void
add_amount(struct amount *sum, struct amount amount)
{
	sum->bytes += amount.bytes;
	sum->objects += amount.objects;
}

static void
write_hidden(struct csv *csv, const struct diff *diff, enum row_kind kind,
	     enum row_fate fate, FILE *out)
{
	const struct row *rows = diff->rows + diff->first[kind];
	struct row sum = { .kind = kind, .fate = fate };
	bool is_any = false;
	size_t i;

	for (i = 0; i < diff->count[kind]; i++) {
		if (rows[i].fate != fate)
			continue;
		is_any = true;
		add_amount(&sum.live_old, rows[i].live_old);
		add_amount(&sum.live_new, rows[i].live_new);
		add_amount(&sum.delta, rows[i].delta);
		add_amount(&sum.alloc, rows[i].alloc);
		add_amount(&sum.release, rows[i].release);
	}
	if (is_any)
		write_row(csv, &sum, out);
}

/* Counts of what is missing stand in the columns of objects, and in that of
 * the stack what there is to say. */
static void
write_loss(struct csv *csv, const char *name, uint64_t before, uint64_t now,
	   const char *text, FILE *out)
{
	const int64_t old_count = saturate_count(before);
	const int64_t new_count = saturate_count(now);
	const int64_t columns[] = {
		0, new_count - old_count, 0, 0, old_count, new_count, 0, 0, 0, 0
	};
	const struct verdict no_verdict = { .kind = VERDICT_NONE };
	const struct work_rate no_rate = { .unit = NULL };
	struct strbuf *line = &csv->line;

	if (!old_count && !new_count)
		return;
	strbuf_clear(line);
	strbuf_addf(line, "loss,%s", name);
	csv_add_integers(line, columns, sizeof(columns) / sizeof(columns[0]));
	strbuf_adds(line, ",,,,");
	csv_add_field(line, text);
	add_rest(csv, &no_verdict, &no_rate);
	fwrite(line->data, 1, line->len, out);
}

static void
write_losses(struct csv *csv, const struct diff *diff, FILE *out)
{
	static const struct losses none = { .disabled_because = "" };
	const struct model *old_model = diff->old_model;
	const struct losses *before = old_model ? &old_model->losses : &none;
	const struct losses *now = &diff->new_model->losses;

#define X(name, words)                                                         \
	write_loss(csv, #name, before->name, now->name, words, out);
	LOSSES(X)
#undef X
	write_loss(csv, "thinning_shift", before->thinning_shift,
		   now->thinning_shift, "", out);
	write_loss(csv, "disabled_because", *before->disabled_because != '\0',
		   *now->disabled_because != '\0',
		   *now->disabled_because ? now->disabled_because
					  : before->disabled_because,
		   out);
	write_loss(csv, "truncated", old_model && old_model->truncated,
		   diff->new_model->truncated, "", out);
}

static void
write_part(struct csv *csv, const struct diff *diff, FILE *out)
{
	struct strbuf name = { 0 };
	unsigned int kind;

	process_name(&name, &diff->new_model->header, true);
	strbuf_clear(&csv->process);
	csv_add_field(&csv->process, strbuf_text(&name));
	strbuf_release(&name);
	for (kind = 0; kind < ROW_KIND_COUNT; kind++) {
		size_t top = kind == ROW_LEDGER ? 0 : csv->report->top;
		struct select_cursor cursor = { 0 };
		const struct row *row;

		while ((row = select_next(diff, (enum row_kind)kind, &cursor,
					  top)))
			write_row(csv, row, out);
		write_hidden(csv, diff, (enum row_kind)kind, FATE_SUPPRESSED,
			     out);
		write_hidden(csv, diff, (enum row_kind)kind, FATE_ACCEPTED,
			     out);
	}
	write_losses(csv, diff, out);
}

int
report_csv(const struct report *report, FILE *out, struct err *err)
{
	const struct study *study = report->study;
	struct csv csv = {
		.report = report,
		.has_process = study->count > 1,
	};
	size_t i;

	(void)err; /* a failed write is the caller's to notice */
	for (i = 0; i < study->count; i++) {
		size_t count = study->parts[i].diff->snapshot_count;

		csv.has_verdicts |= count > 2;
		csv.has_work |= study->parts[i].history->work != NULL;
	}
	fputs("kind,function,delta_bytes,delta_objects,"
	      "live_bytes_old,live_bytes_new,"
	      "live_objects_old,live_objects_new,"
	      "alloc_bytes,alloc_objects,free_bytes,free_objects," CSV_PLACE_COLUMNS,
	      out);
	if (csv.has_verdicts)
		fputs(",verdict,confidence,bytes_per_hour,objects_per_hour,"
		      "eta_hours",
		      out);
	if (csv.has_work)
		fputs(",bytes_per_unit,bytes_per_unit_low,bytes_per_unit_high,"
		      "objects_per_unit",
		      out);
	fputs(csv.has_process ? ",process\n" : "\n", out);
	for (i = 0; i < study->count; i++)
		write_part(&csv, study->parts[i].diff, out);
	stack_release(&csv.stack);
	strbuf_release(&csv.process);
	strbuf_release(&csv.line);
	strbuf_release(&csv.scratch);
	return 0;
}
