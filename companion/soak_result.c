#include "soak_result.h"

#include <inttypes.h>
#include <string.h>

#include "../analyzer/format.h"
#include "../analyzer/html_page.h"
#include "../analyzer/jsonval.h"
#include "../analyzer/saturate.h"

/* Findings in words; the report has all. */
#define TEXT_FINDINGS 5
#define TEXT_FRAMES 8

static const char *const names[] = {
	[SOAK_CLEAN] = "clean",
	[SOAK_UNSURE] = "not enough evidence",
	[SOAK_FOUND] = "found",
	[SOAK_FAILED] = "failed",
};

const char *
soak_result_name(enum soak_outcome outcome)
{
	return names[outcome];
}

enum soak_outcome
soak_result_of(const struct soak_run *run)
{
	if (run->failure || run->judge_failure)
		return SOAK_FAILED;
	if (!run->judged)
		return SOAK_UNSURE;
	switch (run->verdict.outcome) {
	case GATE_PASSED:
		return SOAK_CLEAN;
	case GATE_FAILED:
		return SOAK_FOUND;
	case GATE_UNSURE:
		break;
	}
	return SOAK_UNSURE;
}

enum soak_outcome
soak_result_of_all(const struct soak_run *runs, size_t count)
{
	enum soak_outcome worst = SOAK_CLEAN;
	size_t i;

	for (i = 0; i < count; i++)
		if (soak_result_of(&runs[i]) > worst)
			worst = soak_result_of(&runs[i]);
	return worst;
}

/* --- which of two ----------------------------------------------------------- */

/* Of two variants, one of which leaks more: its index; -1 they are alike, or it
 * can't be told. Only intervals that do not meet are different. */
static int
which_grows(const struct soak_run *runs, bool *both)
{
	const struct soak_verdict *a = &runs[0].verdict, *b = &runs[1].verdict;
	bool first = runs[0].judged && a->finding_count;
	bool second = runs[1].judged && b->finding_count;

	*both = first && second;
	if (!runs[0].judged || !runs[1].judged)
		return -1;
	if (first != second) {
		/* Of the other it must be known that it does not. */
		const struct soak_verdict *other = first ? b : a;

		if (other->outcome == GATE_UNSURE)
			return -1;
		return first ? 0 : 1;
	}
	if (!first)
		return -1;
	if (a->bytes_per_unit_low > b->bytes_per_unit_high)
		return 0;
	return b->bytes_per_unit_low > a->bytes_per_unit_high ? 1 : -1;
}

static void
add_rate(struct strbuf *out, const struct soak_run *run)
{
	const struct soak_verdict *verdict = &run->verdict;

	format_bytes(out, saturate_round(verdict->bytes_per_unit), true);
	strbuf_addf(out, " per %s (95%%: ", run->scenario->unit);
	format_bytes(out, saturate_round(verdict->bytes_per_unit_low), true);
	strbuf_adds(out, " to ");
	format_bytes(out, saturate_round(verdict->bytes_per_unit_high), true);
	strbuf_addc(out, ')');
}

static void
add_comparison(struct strbuf *out, const struct soak_run *runs)
{
	bool both;
	int which = which_grows(runs, &both);
	const struct soak_run *more = &runs[which == 1 ? 1 : 0];
	const struct soak_run *less = &runs[which == 1 ? 0 : 1];

	strbuf_adds(out, "ab: ");
	if (which >= 0) {
		strbuf_addf(out, "%s grows%s, ", more->scenario->name,
			    both ? " more" : "");
		add_rate(out, more);
		strbuf_addf(out, "; %s ", less->scenario->name);
		if (both)
			add_rate(out, less);
		else
			strbuf_adds(out, "does not");
	} else if (!runs[0].judged || !runs[1].judged ||
		   runs[0].verdict.outcome == GATE_UNSURE ||
		   runs[1].verdict.outcome == GATE_UNSURE) {
		strbuf_adds(out, "not enough evidence to say which one grows");
	} else if (both) {
		strbuf_adds(out, "both grow: ");
		add_rate(out, more);
		strbuf_adds(out, " and ");
		add_rate(out, less);
		strbuf_adds(out, ", which is no difference");
	} else {
		strbuf_adds(out, "neither grows");
	}
	strbuf_addc(out, '\n');
}

/* --- for machines ------------------------------------------------------------ */

static json_t *
describe_steps(const struct soak_run *run)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < run->scenario->step_count; i++) {
		const struct soak_tally *tally = &run->tallies[i];
		json_t *step = json_object();

		jsonval_set_text(step, "kind",
				 run->scenario->steps[i].kind->name);
		jsonval_set_text(step, "unit", run->scenario->steps[i].unit);
		jsonval_set_count(step, "runs", tally->runs);
		jsonval_set_count(step, "units", tally->units);
		jsonval_set_real(step, "seconds", tally->seconds);
		jsonval_set_text(step, "note", tally->note);
		if (tally->numbers)
			jsonval_set(step, "last", json_incref(tally->numbers));
		json_array_append_new(list, step);
	}
	return list;
}

static json_t *
describe_failure(const struct soak_run *run)
{
	json_t *failure;

	if (!run->failure)
		return json_null();
	failure = json_object();
	jsonval_set_text(failure, "at", run->failed_at);
	jsonval_set_count(failure, "iteration", run->failed_iteration);
	jsonval_set_text(failure, "text", run->failure);
	jsonval_set_text(failure, "last_lines", run->last_lines);
	return failure;
}

static json_t *
describe_lines(const struct strbuf *lines)
{
	json_t *list = json_array();
	const char *line = strbuf_text(lines), *end;
	struct strbuf one = { 0 };

	for (; (end = strchr(line, '\n')); line = end + 1) {
		strbuf_clear(&one);
		strbuf_add(&one, line, (size_t)(end - line));
		json_array_append_new(list, jsonval_text(strbuf_text(&one)));
	}
	strbuf_release(&one);
	return list;
}

json_t *
soak_result_run_json(const struct soak_run *run)
{
	const struct scenario *scenario = run->scenario;
	json_t *json = json_object(), *findings = json_array();
	size_t i;

	jsonval_set_name(json, "name", scenario->name);
	jsonval_set_text(json, "config", scenario->config);
	jsonval_set_text(json, "outcome", names[soak_result_of(run)]);
	jsonval_set_text(json, "out", scenario->out);
	jsonval_set_text(json, "target", run->target);
	jsonval_set_text(json, "unit", scenario->unit);
	jsonval_set_count(json, "units", run->units);
	jsonval_set_count(json, "iterations", run->iterations);
	jsonval_set_real(json, "elapsed_s", run->elapsed_s);
	jsonval_set_boolean(json, "stopped", run->stopped);
	jsonval_set_count(json, "snapshots", run->shots.rounds);
	jsonval_set_count(json, "processes",
			  run->judged ? run->verdict.processes : 0);
	jsonval_set_count(json, "processes_not_judged",
			  run->judged ? run->verdict.too_few : 0);
	jsonval_set(json, "steps", describe_steps(run));
	jsonval_set(json, "failure", describe_failure(run));
	for (i = 0; run->judged && i < run->verdict.finding_count; i++)
		json_array_append(findings, run->verdict.findings[i].json);
	jsonval_set(json, "findings", findings);
	jsonval_set(json, "notes", describe_lines(&run->notes));
	jsonval_set_count(json, "more_findings",
			  run->judged ? run->verdict.more : 0);
	jsonval_set(json, "gate",
		    run->judged ? describe_lines(&run->verdict.lines)
				: json_array());
	return json;
}

json_t *
soak_result_json(const struct scenario_set *set, const struct soak_run *runs,
		 size_t count)
{
	json_t *json = json_object(), *list = json_array();
	bool both;
	int which;
	size_t i;

	jsonval_set_integer(json, "schema_version", SOAK_RESULT_SCHEMA);
	jsonval_set_text(json, "outcome",
			 names[soak_result_of_all(runs, count)]);
	if (set->is_ab && count == 2) {
		which = which_grows(runs, &both);
		jsonval_set_text(json, "grows",
				 which < 0 ? NULL : runs[which].scenario->name);
	}
	for (i = 0; i < count; i++)
		json_array_append_new(list, soak_result_run_json(&runs[i]));
	jsonval_set(json, "runs", list);
	return json;
}

/* --- in words ----------------------------------------------------------------- */

static double
number(const struct soak_finding *finding, const char *key)
{
	return json_number_value(json_object_get(finding->json, key));
}

static const char *
text_of(const struct soak_finding *finding, const char *key)
{
	return json_string_value(json_object_get(finding->json, key));
}

/* "leak: remember (server.c:10): +64 B per request (95%: ...), 99% sure" */
static void
add_finding(struct strbuf *out, const struct soak_finding *finding)
{
	bool is_thread = !strcmp(text_of(finding, "kind"), "thread");
	double low = number(finding, "bytes_per_unit_low");
	double high = number(finding, "bytes_per_unit_high");

	strbuf_addf(out, "  %s: %s: ", text_of(finding, "verdict"),
		    finding->place);
	if (is_thread) {
		strbuf_addf(out, "%+.4g threads per %s",
			    number(finding, "objects_per_unit"),
			    text_of(finding, "unit"));
	} else {
		format_bytes(out,
			     saturate_round(number(finding, "bytes_per_unit")),
			     true);
		strbuf_addf(out, " per %s", text_of(finding, "unit"));
		if (low != high) {
			strbuf_adds(out, " (95%: ");
			format_bytes(out, saturate_round(low), true);
			strbuf_adds(out, " to ");
			format_bytes(out, saturate_round(high), true);
			strbuf_addc(out, ')');
		}
	}
	strbuf_adds(out, ", ");
	format_share(out, (int64_t)(number(finding, "confidence") * 1000),
		     1000);
	strbuf_adds(out, " sure\n");
}

/* The guilty stack, from the blamed function on. */
static void
add_stack(struct strbuf *out, const struct soak_finding *finding)
{
	const json_t *stack = json_object_get(finding->json, "stack");
	size_t i, count = json_array_size(stack);

	strbuf_adds(out, "    ");
	for (i = 0; i < count && i < TEXT_FRAMES; i++) {
		const char *name = json_string_value(json_array_get(stack, i));

		if (i)
			strbuf_adds(out, " < ");
		strbuf_add_printable(out, name);
		/* What starts it is the same everywhere. */
		if (!strcmp(name, "main"))
			break;
	}
	strbuf_adds(out, i == TEXT_FRAMES && i < count ? " < ...\n" : "\n");
}

static void
add_done(struct strbuf *out, const struct soak_run *run)
{
	const struct scenario *scenario = run->scenario;

	if (*scenario->name) {
		strbuf_add_printable(out, scenario->name);
		strbuf_adds(out, ": ");
	}
	strbuf_addf(out, "%s: ", names[soak_result_of(run)]);
	format_count(out, (int64_t)run->iterations, false);
	strbuf_adds(out, run->iterations == 1 ? " iteration" : " iterations");
	if (strcmp(scenario->unit, "iteration") != 0) {
		strbuf_adds(out, ", ");
		format_count(out, saturate_round((double)run->units), false);
		strbuf_addf(out, " %s%s", scenario->unit,
			    run->units == 1 ? "" : "s");
	}
	strbuf_adds(out, " in ");
	format_seconds(out, run->elapsed_s);
	strbuf_addf(out, ", %zu snapshot%s", run->shots.rounds,
		    run->shots.rounds == 1 ? "" : "s");
	if (run->judged)
		strbuf_addf(out, " of %zu process%s", run->verdict.processes,
			    run->verdict.processes == 1 ? "" : "es");
	if (run->target)
		strbuf_addf(out, " (%s)", run->target);
	strbuf_adds(out, run->stopped ? ", ended by a signal\n" : "\n");
	if (run->judged && run->verdict.too_few)
		strbuf_addf(out,
			    "  %zu more process%s lived through too few "
			    "snapshots to be judged\n",
			    run->verdict.too_few,
			    run->verdict.too_few == 1 ? "" : "es");
}

static void
add_failure(struct strbuf *out, const struct soak_run *run)
{
	if (run->failure)
		strbuf_addf(out, "  failed in iteration %" PRIu64 ", %s: %s\n",
			    run->failed_iteration, run->failed_at,
			    run->failure);
	if (run->last_lines && *run->last_lines)
		strbuf_addf(out, "  its last lines: %s\n", run->last_lines);
	if (run->judge_failure)
		strbuf_addf(out, "  not judged: %s\n", run->judge_failure);
}

static void
add_lines(struct strbuf *out, const struct strbuf *lines)
{
	const char *line = strbuf_text(lines), *end;

	for (; (end = strchr(line, '\n')); line = end + 1)
		strbuf_addf(out, "  %.*s\n", (int)(end - line), line);
}

static void
add_run(struct strbuf *out, const struct soak_run *run)
{
	const struct soak_verdict *verdict = &run->verdict;
	size_t i;

	add_done(out, run);
	add_failure(out, run);
	for (i = 0; i < run->scenario->step_count; i++)
		if (run->tallies[i].note)
			strbuf_addf(out, "  step %zu (%s): %s\n", i + 1,
				    run->scenario->steps[i].kind->name,
				    run->tallies[i].note);
	add_lines(out, &run->notes);
	if (!run->judged)
		return;
	for (i = 0; i < verdict->finding_count && i < TEXT_FINDINGS; i++) {
		add_finding(out, &verdict->findings[i]);
		add_stack(out, &verdict->findings[i]);
	}
	if (verdict->finding_count > i)
		strbuf_addf(out, "  ... and %zu more\n",
			    verdict->finding_count - i + verdict->more);
	if (run->judge_failure || !verdict->processes)
		return;
	strbuf_addf(out, "  report: %s/%s\n", run->scenario->out,
		    html_page_template().len ? "report.html" : "report.txt");
}

void
soak_result_text(struct strbuf *out, const struct scenario_set *set,
		 const struct soak_run *runs, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		add_run(out, &runs[i]);
	if (set->is_ab && count == 2)
		add_comparison(out, runs);
}
