#include "soak_result.h"

#include <inttypes.h>
#include <string.h>

#include "../analyzer/format.h"
#include "../analyzer/html_page.h"
#include "../analyzer/jsonval.h"
#include "../analyzer/parse.h"
#include "../analyzer/saturate.h"
#include "human.h"

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
	if (run->failure || run->judge_failure || run->deaths.crashed)
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
soak_result_of_all(const struct scenario_set *set, const struct soak_run *runs,
		   size_t count)
{
	/* Not all was done: that nothing was found then says nothing. */
	enum soak_outcome worst = count < set->count ? SOAK_UNSURE : SOAK_CLEAN;
	size_t i;

	for (i = 0; i < count; i++)
		if (soak_result_of(&runs[i]) > worst)
			worst = soak_result_of(&runs[i]);
	return worst;
}

/* --- which of two ----------------------------------------------------------- */

/* 0 or 1: that one's interval lies above the other's; -1 they meet. */
static int
which_is_above(double low_a, double high_a, double low_b, double high_b)
{
	if (low_a > high_b)
		return 0;
	return low_b > high_a ? 1 : -1;
}

/* Of two variants, one of which leaks more: its index; -1 they are alike, or it
 * can't be told. Only intervals that do not meet are different. Where bytes and
 * threads say the contrary there is no worse one. */
static int
which_grows(const struct soak_run *runs, bool *both)
{
	const struct soak_verdict *a = &runs[0].verdict, *b = &runs[1].verdict;
	bool first = runs[0].judged && a->finding_count;
	bool second = runs[1].judged && b->finding_count;
	int bytes, threads;

	*both = first && second;
	if (!runs[0].judged || !runs[1].judged)
		return -1;
	if (first != second) {
		/* Of the other it must be known that it does not. */
		const struct soak_run *other = &runs[first ? 1 : 0];

		return soak_result_of(other) == SOAK_CLEAN ? !first : -1;
	}
	if (!first)
		return -1;
	bytes = which_is_above(a->bytes_per_unit_low, a->bytes_per_unit_high,
			       b->bytes_per_unit_low, b->bytes_per_unit_high);
	threads = which_is_above(a->threads_per_unit_low,
				 a->threads_per_unit_high,
				 b->threads_per_unit_low,
				 b->threads_per_unit_high);
	if (bytes < 0 || threads < 0)
		return bytes < 0 ? threads : bytes;
	return bytes == threads ? bytes : -1;
}

/* "+64 B per request (95%: +63 B to +65 B)"; an interval that reads as a
 * point is left out. */
static void
add_per_unit(struct strbuf *out, const char *unit, double bytes, double low,
	     double high)
{
	struct strbuf from = { 0 }, to = { 0 };

	format_mean_bytes(out, bytes, true);
	strbuf_addf(out, " per %s", unit);
	format_mean_bytes(&from, low, true);
	format_mean_bytes(&to, high, true);
	if (strcmp(strbuf_text(&from), strbuf_text(&to)) != 0)
		strbuf_addf(out, " (95%%: %s to %s)", strbuf_text(&from),
			    strbuf_text(&to));
	strbuf_release(&from);
	strbuf_release(&to);
}

static void
add_rate(struct strbuf *out, const struct soak_run *run)
{
	const struct soak_verdict *verdict = &run->verdict;
	bool has_threads = verdict->threads_per_unit != 0;
	bool has_bytes = verdict->bytes_per_unit != 0 || !has_threads;

	if (has_bytes) {
		add_per_unit(out, run->scenario->unit, verdict->bytes_per_unit,
			     verdict->bytes_per_unit_low,
			     verdict->bytes_per_unit_high);
	}
	if (has_threads)
		strbuf_addf(out, "%s%+.4g threads per %s",
			    has_bytes ? " and " : "", verdict->threads_per_unit,
			    run->scenario->unit);
}

static bool
is_unknown(const struct soak_run *run)
{
	enum soak_outcome outcome = soak_result_of(run);

	return outcome == SOAK_UNSURE || outcome == SOAK_FAILED;
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
	} else if (both) {
		strbuf_adds(out, "both grow: ");
		add_rate(out, more);
		strbuf_adds(out, " and ");
		add_rate(out, less);
		strbuf_adds(out, ", which is no difference");
	} else if (is_unknown(&runs[0]) || is_unknown(&runs[1])) {
		strbuf_adds(out, "not enough evidence to say which one grows");
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
		jsonval_set_count(step, "units", tally->result.units);
		jsonval_set_real(step, "seconds", tally->seconds);
		jsonval_set_text(step, "note",
				 tally->result.note.len
					 ? strbuf_text(&tally->result.note)
					 : NULL);
		if (tally->result.numbers)
			jsonval_set(step, "total",
				    json_incref(tally->result.numbers));
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

static json_t *
describe_deaths(const struct soak_deaths *deaths)
{
	json_t *list = json_array();
	char name[HUMAN_SIGNAL_BYTES + 3] = "SIG";
	size_t i;

	for (i = 0; i < deaths->killed && i < SOAK_DEATHS_MAX; i++) {
		const struct soak_death *death = &deaths->list[i];
		json_t *json = json_object();

		jsonval_set_text(json, "name", death->name);
		jsonval_set_count(json, "pid", (uint64_t)death->pid);
		human_signal(name + 3, (uint64_t)death->signal);
		jsonval_set_text(json, "signal", death->signal ? name : NULL);
		jsonval_set_boolean(json, "crashed",
				    soak_deaths_is_crash(death->signal));
		jsonval_set_count(json, "iteration", death->iteration);
		json_array_append_new(list, json);
	}
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
	jsonval_set_count(json, "killed", run->deaths.killed);
	jsonval_set_count(json, "crashed", run->deaths.crashed);
	jsonval_set(json, "deaths", describe_deaths(&run->deaths));
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
			 names[soak_result_of_all(set, runs, count)]);
	if (set->is_ab) {
		which = count == 2 ? which_grows(runs, &both) : -1;
		jsonval_set_text(json, "grows",
				 which < 0 ? NULL : runs[which].scenario->name);
	}
	for (i = 0; i < count; i++)
		json_array_append_new(list, soak_result_run_json(&runs[i]));
	jsonval_set(json, "runs", list);
	jsonval_set_count(json, "runs_left_out", set->count - count);
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

/* "leak: remember (server.c:10): +64 B per request (95%: ...), +1.2 MiB/h, 99%
 * sure" */
static void
add_finding(struct strbuf *out, const struct soak_finding *finding)
{
	bool is_thread = !strcmp(text_of(finding, "kind"), "thread");

	strbuf_addf(out, "  %s: %s: ", text_of(finding, "verdict"),
		    finding->place);
	if (is_thread) {
		strbuf_addf(out, "%+.4g threads per %s",
			    number(finding, "objects_per_unit"),
			    text_of(finding, "unit"));
	} else {
		add_per_unit(out, text_of(finding, "unit"),
			     number(finding, "bytes_per_unit"),
			     number(finding, "bytes_per_unit_low"),
			     number(finding, "bytes_per_unit_high"));
		strbuf_adds(out, ", ");
		format_byte_rate(out, number(finding, "bytes_per_hour"), true);
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

/* Does something grow that the limit bears? */
static bool
is_within_limit(const struct soak_run *run)
{
	const struct scenario *scenario = run->scenario;

	return soak_result_of(run) == SOAK_CLEAN &&
	       run->verdict.finding_count > 0 &&
	       (scenario->limit || scenario->fail_over ||
		scenario->fail_threads);
}

static void
add_limit(struct strbuf *out, const struct scenario *scenario)
{
	int64_t bytes;

	if (scenario->limit && parse_size(scenario->limit, &bytes)) {
		format_bytes(out, bytes, false);
		strbuf_addf(out, " per %s at a call stack", scenario->unit);
	} else if (scenario->limit || scenario->fail_over) {
		strbuf_add_printable(out, scenario->limit
						  ? scenario->limit
						  : scenario->fail_over);
		strbuf_adds(out, " at a call stack");
	}
	if (!scenario->fail_threads)
		return;
	strbuf_adds(out, scenario->limit || scenario->fail_over ? " and " : "");
	strbuf_add_printable(out, scenario->fail_threads);
	strbuf_adds(out, " threads in all");
}

/* "leaks 76 B per request; the limit is 1000 B per request at a call stack" */
static void
add_within(struct strbuf *out, const struct soak_run *run)
{
	const struct soak_verdict *verdict = &run->verdict;
	bool has_threads = verdict->threads_per_unit != 0;

	strbuf_adds(out, "  leaks ");
	if (verdict->bytes_per_unit != 0 || !has_threads)
		format_mean_bytes(out, verdict->bytes_per_unit, false);
	if (has_threads)
		strbuf_addf(out, "%s%.4g threads",
			    verdict->bytes_per_unit != 0 ? " and " : "",
			    verdict->threads_per_unit);
	strbuf_addf(out, " per %s; the limit is ", run->scenario->unit);
	add_limit(out, run->scenario);
	strbuf_addc(out, '\n');
}

/* "10 iterations, 5,000 requests in 20 s, 11 snapshots of 1 process (...)" */
static void
add_done(struct strbuf *out, const struct soak_run *run)
{
	const struct scenario *scenario = run->scenario;

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
	if (run->judged && run->verdict.processes)
		strbuf_addf(out, " of %zu process%s", run->verdict.processes,
			    run->verdict.processes == 1 ? "" : "es");
	if (run->target)
		strbuf_addf(out, " (%s)", run->target);
	strbuf_adds(out, run->stopped ? ", ended by a signal\n" : "\n");
	/* Without any that was judged the gate says so. */
	if (run->judged && run->verdict.processes && run->verdict.too_few)
		strbuf_addf(out,
			    "  %zu more process%s lived through too few "
			    "snapshots to be judged\n",
			    run->verdict.too_few,
			    run->verdict.too_few == 1 ? "" : "es");
}

/* "3 processes of the target died by a signal, 1 in a crash: ..." */
static void
add_deaths(struct strbuf *out, const struct soak_deaths *deaths)
{
	strbuf_addf(out,
		    "%" PRIu64 " process%s of the target died by a "
		    "signal, %" PRIu64 " in a crash: ",
		    deaths->killed, deaths->killed == 1 ? "" : "es",
		    deaths->crashed);
	soak_deaths_describe(&deaths->list[0], out);
	strbuf_adds(out, deaths->killed > 1 ? " ...\n" : "\n");
}

/* The failures and their evidence, the first of them behind "failed: ". */
static void
add_failure(struct strbuf *out, const struct soak_run *run)
{
	const char *before = "";

	if (run->failure) {
		strbuf_adds(out, run->failed_at);
		if (run->failed_iteration)
			strbuf_addf(out, " in iteration %" PRIu64,
				    run->failed_iteration);
		strbuf_addf(out, ": %s\n", run->failure);
		before = "  ";
	}
	if (run->deaths.killed && (run->failure || run->deaths.crashed)) {
		strbuf_adds(out, before);
		add_deaths(out, &run->deaths);
		before = "  ";
	}
	if (run->judge_failure)
		strbuf_addf(out, "%s%s: %s\n", before,
			    run->judged ? "no reports" : "not judged",
			    run->judge_failure);
	if (run->last_lines && *run->last_lines)
		strbuf_addf(out, "  the target's last lines: %s\n",
			    run->last_lines);
}

static void
add_head(struct strbuf *out, const struct soak_run *run)
{
	enum soak_outcome outcome = soak_result_of(run);
	bool is_within = is_within_limit(run);

	if (*run->scenario->name) {
		strbuf_add_printable(out, run->scenario->name);
		strbuf_adds(out, ": ");
	}
	strbuf_addf(out,
		    "%s: ", is_within ? "within the limit" : names[outcome]);
	if (outcome == SOAK_FAILED) {
		add_failure(out, run);
		if (run->shots.rounds)
			strbuf_adds(out, "  done until then: ");
	}
	/* Before the first snapshot nothing counts. */
	if (outcome != SOAK_FAILED || run->shots.rounds)
		add_done(out, run);
	if (outcome != SOAK_FAILED && run->deaths.killed) {
		strbuf_adds(out, "  ");
		add_deaths(out, &run->deaths);
	}
	if (is_within)
		add_within(out, run);
}

static void
add_lines(struct strbuf *out, const struct strbuf *lines)
{
	const char *line = strbuf_text(lines), *end;

	for (; (end = strchr(line, '\n')); line = end + 1)
		strbuf_addf(out, "  %.*s\n", (int)(end - line), line);
}

static void
add_findings(struct strbuf *out, const struct soak_verdict *verdict)
{
	size_t i;

	for (i = 0; i < verdict->finding_count && i < TEXT_FINDINGS; i++) {
		add_finding(out, &verdict->findings[i]);
		add_stack(out, &verdict->findings[i]);
	}
	if (verdict->finding_count > i)
		strbuf_addf(out, "  ... and %zu more\n",
			    verdict->finding_count - i + verdict->more);
}

static void
add_run(struct strbuf *out, const struct soak_run *run)
{
	size_t i;

	add_head(out, run);
	if (run->judged)
		add_findings(out, &run->verdict);
	for (i = 0; i < run->scenario->step_count; i++)
		if (run->tallies[i].result.note.len)
			strbuf_addf(out, "  step %zu (%s): %s\n", i + 1,
				    run->scenario->steps[i].kind->name,
				    strbuf_text(&run->tallies[i].result.note));
	add_lines(out, &run->notes);
	if (!run->judged || run->judge_failure || !run->verdict.processes)
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
	if (count < set->count)
		strbuf_addf(out,
			    "%zu of %zu runs were not done: ended by a "
			    "signal\n",
			    set->count - count, set->count);
	if (set->is_ab && count == 2)
		add_comparison(out, runs);
}
