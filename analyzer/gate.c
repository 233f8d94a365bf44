#include "gate.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "gate_weigh.h"
#include "path.h"
#include "process.h"
#include "saturate.h"
#include "shorten.h"
#include "stack.h"

/* Sites that a reason names. */
#define GATE_WORST 3
/* A site that grew by three times the sample's mean goes unseen in 5 of 100
 * samples (e^-3). */
#define GATE_SEEN 3

/* Rows that gates are about. */
static bool
counts(const struct row *row)
{
	return row->fate != FATE_SUPPRESSED && row->fate != FATE_ACCEPTED;
}

/* --- telling ---------------------------------------------------------------- */

struct judging {
	const struct gate *gate;
	const struct study *study;
	const struct judge_settings *judge;
	struct suppress *suppress;
	struct strbuf *lines;
	size_t line_count;
	size_t lines_left_out;
	enum gate_outcome outcome;
	struct stack stack;
	/* Of the process at hand. */
	const struct study_part *part;
};

static void
worsen(struct judging *judging, enum gate_outcome outcome)
{
	if (outcome > judging->outcome)
		judging->outcome = outcome;
}

/* Begins a line; false: there were enough. */
static bool
begin_line(struct judging *judging, enum gate_outcome outcome)
{
	worsen(judging, outcome);
	if (judging->line_count == GATE_LINES) {
		judging->lines_left_out++;
		return false;
	}
	judging->line_count++;
	strbuf_adds(judging->lines, "gate: ");
	if (outcome == GATE_UNSURE)
		strbuf_adds(judging->lines, "not enough evidence: ");
	if (judging->study->count > 1) {
		process_name_printable(judging->lines,
				       &judging->part->diff->new_model->header);
		strbuf_adds(judging->lines, ": ");
	}
	return true;
}

/* `limit` says what it is per. */
static void
add_amount(struct strbuf *out, double amount, const struct gate_limit *limit,
	   bool sign)
{
	format_bytes(out, saturate_round(amount), sign);
	if (limit->per_hour)
		strbuf_adds(out, "/h");
	else if (limit->per_unit)
		strbuf_adds(out, " per unit of work");
}

static void
add_limit(struct strbuf *out, const struct gate_limit *limit)
{
	add_amount(out, (double)limit->bytes, limit, false);
}

/* "remember (server.c:10)" */
static void
add_place(struct judging *judging, const struct row *row)
{
	struct strbuf *out = judging->lines;
	const struct symbol *symbol;

	if (row->label) {
		shorten_standard(out, row->label);
		return;
	}
	stack_resolve(&judging->stack, judging->study->resolver, row);
	symbol = judging->stack.frames[judging->stack.blamed].symbol;
	shorten_standard(out, symbol->function);
	if (symbol->file && symbol->line) {
		strbuf_adds(out, " (");
		strbuf_add_printable(out, path_base(symbol->file));
		strbuf_addf(out, ":%" PRIu32 ")", symbol->line);
	}
}

/* "remember (server.c:10) +9.0 MiB" */
static void
add_site(struct judging *judging, const struct row *row,
	 const struct weighed *weighed, const struct gate_limit *limit)
{
	add_place(judging, row);
	strbuf_addc(judging->lines, ' ');
	add_amount(judging->lines, weighed->amount, limit, true);
}

/* --- sites ------------------------------------------------------------------ */

/* The worst of one kind of finding. */
struct worst {
	size_t count;
	size_t kept;
	const struct row *rows[GATE_WORST];
	struct weighed weighed[GATE_WORST];
};

static void
keep_worst(struct worst *worst, const struct row *row, struct weighed weighed)
{
	size_t at = worst->kept;

	worst->count++;
	while (at > 0 && worst->weighed[at - 1].amount < weighed.amount)
		at--;
	if (at == GATE_WORST)
		return;
	if (worst->kept < GATE_WORST)
		worst->kept++;
	memmove(&worst->rows[at + 1], &worst->rows[at],
		(worst->kept - 1 - at) * sizeof(worst->rows[0]));
	memmove(&worst->weighed[at + 1], &worst->weighed[at],
		(worst->kept - 1 - at) * sizeof(worst->weighed[0]));
	worst->rows[at] = row;
	worst->weighed[at] = weighed;
}

static void
add_worst(struct judging *judging, const struct worst *worst,
	  const struct gate_limit *limit)
{
	size_t i;

	for (i = 0; i < worst->kept; i++) {
		strbuf_adds(judging->lines, i ? ", " : ": ");
		add_site(judging, worst->rows[i], &worst->weighed[i], limit);
	}
	if (worst->count > worst->kept)
		strbuf_adds(judging->lines, ", ...");
	strbuf_addc(judging->lines, '\n');
}

static void
tell_found(struct judging *judging, const struct worst *worst,
	   const struct gate_limit *limit)
{
	struct strbuf *out = judging->lines;
	bool single = !judging->part->diff->old_model;

	if (!begin_line(judging, GATE_FAILED))
		return;
	format_count(out, (int64_t)worst->count, false);
	strbuf_adds(out, worst->count == 1 ? " site " : " sites ");
	if (single)
		strbuf_adds(out, worst->count == 1 ? "holds more than "
						   : "hold more than ");
	else
		strbuf_adds(out, "grew more than ");
	add_limit(out, limit);
	add_worst(judging, worst, limit);
}

static void
tell_doubt(struct judging *judging, const struct worst *worst,
	   const struct gate_limit *limit)
{
	const struct row *row = worst->rows[0];
	const char *doubt = worst->weighed[0].doubt;
	struct strbuf *out = judging->lines;

	if (!begin_line(judging, GATE_UNSURE))
		return;
	format_count(out, (int64_t)worst->count, false);
	strbuf_adds(out, worst->count == 1
				 ? " site may have grown more than "
				 : " sites may have grown more than ");
	add_limit(out, limit);
	if (doubt) {
		strbuf_addf(out, ", but %s", doubt);
	} else {
		strbuf_adds(out, ", but there are too few snapshots");
		if (row->verdict.more_snapshots) {
			strbuf_addf(out, ": take %u more, ",
				    row->verdict.more_snapshots);
			format_duration(out,
					(uint64_t)saturate_round(
						row->verdict.spacing_s * 1e9));
			strbuf_adds(out, " apart");
		}
	}
	add_worst(judging, worst, limit);
}

/* Work from the first snapshot to the last, as far as it is known. */
static double
units_between(const struct history *history)
{
	double units = history->point_count
			       ? history->units[history->point_count - 1] -
					 history->units[0]
			       : 0;

	return units > 0 ? units : 0;
}

/*
 * A sample that may have missed growth of the limit whole. For thinned tables
 * by the mean size of blocks: one large block would be missed more easily, a
 * leak is many.
 */
static bool
is_unseeable(struct judging *judging, const struct gate_limit *limit)
{
	const struct diff *diff = judging->part->diff;
	const struct row *total = &diff->totals[ROW_HEAP];
	uint64_t sample = diff->new_model->header.sample_bytes;
	uint32_t shift = diff->new_model->losses.thinning_shift;
	double bytes = (double)limit->bytes;
	double least = sample > 1 ? (double)sample : 0;

	if (shift && total->alloc_ever.objects > 0)
		least = fmax(least,
			     ldexp((double)total->alloc_ever.bytes /
					   (double)total->alloc_ever.objects,
				   (int)(shift < 62 ? shift : 62)));
	if (limit->per_unit)
		bytes *= units_between(judging->part->history);
	if (limit->per_hour)
		bytes *= (double)(history_time_ns(&diff->new_model->header) -
				  history_time_ns(&diff->old_model->header)) /
			 3.6e12;
	if (least == 0 || bytes >= GATE_SEEN * least)
		return false;
	if (!begin_line(judging, GATE_UNSURE))
		return true;
	strbuf_adds(judging->lines, "the snapshots are samples, which can "
				    "miss growth of less than ");
	format_bytes(judging->lines, saturate_round(GATE_SEEN * least), false);
	strbuf_adds(judging->lines, ": a gate of ");
	add_limit(judging->lines, limit);
	strbuf_adds(judging->lines, " can't pass\n");
	return true;
}

/* A rate of two snapshots has no interval. */
static bool
lacks_rate(struct judging *judging, const struct gate_limit *limit,
	   const char *option)
{
	size_t count = judging->part->diff->snapshot_count;

	if ((!limit->per_hour && !limit->per_unit) ||
	    judging->part->diff->judged)
		return false;
	if (begin_line(judging, GATE_UNSURE))
		strbuf_addf(judging->lines,
			    "%s by the %s needs three or more snapshots of "
			    "one process, and there %s %zu\n",
			    option, limit->per_hour ? "hour" : "unit of work",
			    count == 1 ? "is" : "are", count);
	return true;
}

static void
judge_sites(struct judging *judging)
{
	const struct gate_limit *limit = &judging->gate->site;
	const struct diff *diff = judging->part->diff;
	struct worst found = { 0 }, doubts = { 0 };
	size_t i;

	if (!limit->given || lacks_rate(judging, limit, "--fail-over"))
		return;
	for (i = 0; i < diff->count[ROW_HEAP]; i++) {
		const struct row *row = &diff->rows[diff->first[ROW_HEAP] + i];
		struct weighed weighed;

		if (!counts(row))
			continue;
		weighed = gate_weigh(diff, row, limit);
		if (weighed.finding == FINDING_FOUND &&
		    suppress_is_unsure(judging->suppress,
				       judging->study->resolver, row)) {
			weighed.finding = FINDING_DOUBT;
			weighed.doubt = "without the names of the C library's "
					"functions it may be what that keeps";
		}
		if (weighed.finding == FINDING_FOUND)
			keep_worst(&found, row, weighed);
		else if (weighed.finding == FINDING_DOUBT)
			keep_worst(&doubts, row, weighed);
	}
	if (found.count)
		tell_found(judging, &found, limit);
	else if (doubts.count)
		tell_doubt(judging, &doubts, limit);
	else
		is_unseeable(judging, limit);
}

/* --- the sum ---------------------------------------------------------------- */

static void
subtract(struct amount *from, struct amount amount)
{
	from->bytes -= amount.bytes;
	from->objects -= amount.objects;
}

/* All heap rows that count, judged as one. `points` is room for them. */
static struct row
total_of(const struct judging *judging, struct amount *points)
{
	const struct diff *diff = judging->part->diff;
	struct row total = diff->totals[ROW_HEAP];
	size_t i, k;

	if (total.points)
		memcpy(points, total.points,
		       diff->point_count * sizeof(*points));
	for (i = 0; i < diff->count[ROW_HEAP]; i++) {
		const struct row *row = &diff->rows[diff->first[ROW_HEAP] + i];

		if (counts(row))
			continue;
		subtract(&total.live_old, row->live_old);
		subtract(&total.live_new, row->live_new);
		subtract(&total.delta, row->delta);
		subtract(&total.inherited, row->inherited);
		subtract(&total.alloc, row->alloc);
		subtract(&total.release, row->release);
		subtract(&total.alloc_ever, row->alloc_ever);
		subtract(&total.release_ever, row->release_ever);
		/* Of many processes only the rows of interest have points. */
		for (k = 0;
		     total.points && row->points && k < diff->point_count; k++)
			subtract(&points[k], row->points[k]);
	}
	if (total.points) {
		total.points = points;
		judge_sum(diff, judging->judge, &total);
	}
	return total;
}

/* The sites of which it is known that they grow, added up: theirs is the
 * evidence, even where the rest moves so much that the sum shows nothing. */
static double
sum_growing(const struct diff *diff, bool per_hour)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < diff->count[ROW_HEAP]; i++) {
		const struct row *row = &diff->rows[diff->first[ROW_HEAP] + i];

		if (!counts(row) || !verdict_is_leak(&row->verdict))
			continue;
		sum += per_hour ? row->verdict.bytes_per_hour_low
				: (double)row->delta.bytes -
					  gate_error_of(diff, row);
	}
	return sum;
}

static void
judge_total(struct judging *judging)
{
	const struct gate_limit *limit = &judging->gate->total;
	const struct diff *diff = judging->part->diff;
	struct amount points[HISTORY_POINTS_MAX];
	struct weighed weighed;
	struct row total;
	double growing;

	if (!limit->given || lacks_rate(judging, limit, "--fail-over-total"))
		return;
	total = total_of(judging, points);
	weighed = gate_weigh(diff, &total, limit);
	growing = diff->judged ? sum_growing(diff, limit->per_hour) : 0;
	if (weighed.finding != FINDING_FOUND &&
	    growing > (double)limit->bytes) {
		weighed.finding = FINDING_FOUND;
		weighed.amount = growing;
	}
	if (weighed.finding == FINDING_NONE) {
		is_unseeable(judging, limit);
		return;
	}
	if (!begin_line(judging, weighed.finding == FINDING_FOUND
					 ? GATE_FAILED
					 : GATE_UNSURE))
		return;
	if (weighed.finding == FINDING_FOUND)
		strbuf_adds(judging->lines,
			    diff->old_model ? "all sites together grew more "
					      "than "
					    : "all sites together hold more "
					      "than ");
	else
		strbuf_adds(judging->lines,
			    "all sites together may have grown more than ");
	add_limit(judging->lines, limit);
	if (weighed.finding == FINDING_DOUBT)
		strbuf_addf(judging->lines, ", but %s",
			    weighed.doubt ? weighed.doubt
					  : "there are too few snapshots");
	strbuf_adds(judging->lines, ": ");
	add_amount(judging->lines, weighed.amount, limit, true);
	strbuf_addc(judging->lines, '\n');
}

/* --- threads ---------------------------------------------------------------- */

static int64_t
untracked_threads(const struct diff *diff)
{
	uint64_t after = diff->new_model->losses.threads_untracked;
	uint64_t before =
		diff->old_model ? diff->old_model->losses.threads_untracked : 0;

	if (after <= before)
		return 0;
	return after - before > INT64_MAX / 2 ? INT64_MAX / 2
					      : (int64_t)(after - before);
}

static void
judge_threads(struct judging *judging)
{
	const struct diff *diff = judging->part->diff;
	int64_t limit = judging->gate->threads;
	int64_t untracked = untracked_threads(diff);
	struct worst worst = { 0 };
	struct strbuf *out = judging->lines;
	int64_t added = 0;
	size_t i;

	if (!judging->gate->threads_given)
		return;
	for (i = 0; i < diff->count[ROW_THREAD]; i++) {
		const struct row *row =
			&diff->rows[diff->first[ROW_THREAD] + i];
		struct weighed weighed = { FINDING_FOUND,
					   (double)row->delta.objects, NULL };

		if (!counts(row))
			continue;
		added += row->delta.objects;
		if (row->delta.objects > 0)
			keep_worst(&worst, row, weighed);
	}
	if (added <= limit && added + untracked <= limit)
		return;
	if (!begin_line(judging, added > limit ? GATE_FAILED : GATE_UNSURE))
		return;
	if (added > limit) {
		strbuf_adds(out, "more than ");
		format_count(out, limit, false);
		strbuf_adds(out, limit == 1 ? " thread was added: "
					    : " threads were added: ");
		format_count(out, added, true);
		for (i = 0; i < worst.kept; i++) {
			strbuf_adds(out, i ? ", " : ", by ");
			add_place(judging, worst.rows[i]);
		}
	} else {
		format_count(out, untracked, false);
		strbuf_adds(out, " threads are missing from the thread list");
	}
	strbuf_addc(out, '\n');
}

/* --- the whole -------------------------------------------------------------- */

static void
judge_part(struct judging *judging)
{
	const struct study_part *part = judging->part;
	size_t given = part->given;
	size_t left_out = given - part->history->snapshot_count;
	struct strbuf reason = { 0 };

	if (gate_is_blind(part, judging->gate->max_loss, &reason)) {
		if (begin_line(judging, GATE_UNSURE)) {
			strbuf_adds(judging->lines, strbuf_text(&reason));
			strbuf_addc(judging->lines, '\n');
		}
		strbuf_release(&reason);
		return;
	}
	judge_sites(judging);
	judge_total(judging);
	judge_threads(judging);
	if (left_out && begin_line(judging, GATE_UNSURE))
		strbuf_addf(judging->lines,
			    "%zu of %zu snapshots %s left out\n", left_out,
			    given, left_out == 1 ? "was" : "were");
	strbuf_release(&reason);
}

/* "no site grew more than 1.0 MiB, all sites together not more than ..." */
static void
tell_passed(const struct judging *judging)
{
	const struct gate *gate = judging->gate;
	struct strbuf *out = judging->lines;
	bool single = judging->study->count == 1 &&
		      !judging->part->diff->old_model;
	const char *did = single ? "holds" : "grew";

	strbuf_adds(out, "gate: passed: ");
	if (gate->site.given) {
		strbuf_addf(out, "no site %s more than ", did);
		add_limit(out, &gate->site);
	}
	if (gate->total.given) {
		strbuf_addf(out, "%sall sites together %s no more than ",
			    gate->site.given ? ", " : "",
			    single ? "hold" : "grew");
		add_limit(out, &gate->total);
	}
	if (gate->threads_given) {
		strbuf_adds(out,
			    gate->site.given || gate->total.given ? ", " : "");
		if (gate->threads)
			strbuf_adds(out, "no more than ");
		if (gate->threads)
			format_count(out, gate->threads, false);
		else
			strbuf_adds(out, "no");
		strbuf_adds(out, gate->threads == 1 ? " thread was added"
						    : " threads were added");
	}
	if (judging->study->count > 1)
		strbuf_addf(out, ", in any of %zu processes",
			    judging->study->count);
	strbuf_addc(out, '\n');
}

enum gate_outcome
gate_judge(const struct gate *gate, const struct study *study,
	   const struct inputs *inputs, const struct judge_settings *judge,
	   struct suppress *suppress, struct strbuf *lines)
{
	struct judging judging = {
		.gate = gate,
		.study = study,
		.judge = judge,
		.suppress = suppress,
		.lines = lines,
	};
	size_t i;

	for (i = 0; i < study->count; i++) {
		judging.part = &study->parts[i];
		judge_part(&judging);
	}
	if (inputs->left_out) {
		worsen(&judging, GATE_UNSURE);
		strbuf_addf(lines,
			    "gate: not enough evidence: %zu file%s could not "
			    "be read\n",
			    inputs->left_out, inputs->left_out == 1 ? "" : "s");
	}
	if (study->left_out) {
		worsen(&judging, GATE_UNSURE);
		strbuf_addf(lines,
			    "gate: not enough evidence: %zu process%s left "
			    "out\n",
			    study->left_out,
			    study->left_out == 1 ? " was" : "es were");
	}
	if (judging.lines_left_out)
		strbuf_addf(lines, "gate: ... and %zu more\n",
			    judging.lines_left_out);
	if (judging.outcome == GATE_PASSED)
		tell_passed(&judging);
	stack_release(&judging.stack);
	return judging.outcome;
}
