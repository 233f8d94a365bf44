/* One run of a scenario: what its keys mean. */
#include "scenario_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../analyzer/parse.h"
#include "../analyzer/xalloc.h"
#include "scenario_get.h"
#include "step_signals.h"

/* Snapshots over a run, unless it says how far apart: a trend wants 8 or more,
 * its cost rises with their square. */
#define SNAPSHOTS 20
#define FOREVER_EVERY_S 600.0
#define EVERY_MIN_S 0.1
#define ITERATIONS 20
#define SETTLE_S 1.0
/* Pauses are at most half of a run. */
#define SETTLE_SHARE 40
/* Load is not worth starting for less. */
#define SPAN_MIN_S 0.1
#define TIMEOUT_S 60.0
#define TIMEOUT_MIN_S 0.1
#define KEEP 64
#define KEEP_MIN 8
#define KEEP_MAX 10000

static int
get_span(const json_t *json, const char *key, struct scenario_span *out,
	 struct err *err)
{
	const json_t *value = json_object_get(json, key);
	uint64_t count;

	if (!value)
		return 0;
	if (json_is_integer(value) ||
	    (json_is_string(value) &&
	     parse_count(json_string_value(value), &count)))
		return scenario_get_count(json, key, 0, SCENARIO_ITERATIONS_MAX,
					  &out->iterations, err);
	return scenario_get_seconds(json, key, &out->seconds, err);
}

static int
get_duration(const json_t *json, struct scenario *out, struct err *err)
{
	const char *text = json_string_value(json_object_get(json, "duration"));

	if (text && !strcmp(text, "forever")) {
		out->duration_s = HUGE_VAL;
		return 0;
	}
	if (scenario_get_seconds(json, "duration", &out->duration_s, err))
		return -1;
	if (json_object_get(json, "duration") && out->duration_s <= 0)
		return err_set(err, ERR_PATTERN, "duration takes more than 0");
	return 0;
}

static int
get_lengths(const json_t *json, struct scenario *out, struct err *err)
{
	bool has_both = json_object_get(json, "iterations") &&
			json_object_get(json, "duration");

	if (has_both)
		return err_set(err, ERR_PATTERN,
			       "iterations and duration: one of them is the "
			       "end");
	out->iterations = json_object_get(json, "duration") ? 0 : ITERATIONS;
	out->timeout_s = TIMEOUT_S;
	out->keep = KEEP;
	if (scenario_get_count(json, "iterations", 1, SCENARIO_ITERATIONS_MAX,
			       &out->iterations, err) ||
	    get_duration(json, out, err))
		return -1;
	out->settle_s = out->iterations ? SETTLE_S
					: fmin(SETTLE_S,
					       out->duration_s / SETTLE_SHARE);
	if (get_span(json, "warmup", &out->warmup, err) ||
	    get_span(json, "snapshot-every", &out->every, err) ||
	    scenario_get_seconds(json, "settle", &out->settle_s, err) ||
	    scenario_get_seconds(json, "timeout", &out->timeout_s, err) ||
	    scenario_get_count(json, "keep", KEEP_MIN, KEEP_MAX, &out->keep,
			       err))
		return -1;
	if (out->timeout_s < TIMEOUT_MIN_S)
		return err_set(err, ERR_PATTERN, "timeout takes %g s or more",
			       TIMEOUT_MIN_S);
	if (json_object_get(json, "snapshot-every")) {
		if (!out->every.iterations && out->every.seconds <= 0)
			return err_set(err, ERR_PATTERN,
				       "snapshot-every takes more than 0");
	} else if (out->iterations) {
		out->every.iterations =
			(out->iterations + SNAPSHOTS - 1) / SNAPSHOTS;
	} else {
		/* What is between two snapshots, without the pause. */
		out->every.seconds =
			isinf(out->duration_s)
				? FOREVER_EVERY_S
				: fmax(fmax(out->duration_s / SNAPSHOTS -
						    out->settle_s,
					    out->duration_s / SNAPSHOTS / 2),
				       EVERY_MIN_S);
	}
	return 0;
}

/* What each run of a step that lasts may take of the time between two
 * snapshots, and below the time-out. */
static void
set_span(struct scenario *out)
{
	double seconds = out->every.seconds;
	uint64_t runs = 0;
	size_t i;

	for (i = 0; i < out->step_count; i++)
		runs += out->steps[i].kind->lasts ? out->steps[i].repeat : 0;
	if (!runs)
		return;
	if (!out->iterations && out->every.iterations)
		seconds = out->duration_s /
			  (SNAPSHOTS * (double)out->every.iterations);
	out->span_s = out->timeout_s / 2;
	if (out->iterations)
		return;
	seconds = fmin(seconds, out->duration_s) / (double)runs;
	out->span_s = fmin(out->span_s, fmax(seconds, SPAN_MIN_S));
}

/* A number will do where a size or count is wanted. */
static int
get_word(json_t *json, const char *key, const char **out, struct err *err)
{
	const json_t *value = json_object_get(json, key);

	if (json_is_integer(value))
		json_object_set_new(json, key,
				    json_sprintf("%" JSON_INTEGER_FORMAT,
						 json_integer_value(value)));
	else if (json_is_real(value))
		json_object_set_new(json, key,
				    json_sprintf("%.9f",
						 json_real_value(value)));
	return scenario_get_text(json, key, out, err);
}

static int
get_gate(json_t *json, struct scenario *out, struct err *err)
{
	const char *memory = NULL;

	if (get_word(json, "limit", &out->limit, err) ||
	    get_word(json, "fail-over", &out->fail_over, err) ||
	    get_word(json, "fail-over-total", &out->fail_over_total, err) ||
	    get_word(json, "fail-threads", &out->fail_threads, err) ||
	    get_word(json, "max-loss", &out->max_loss, err) ||
	    scenario_get_text(json, "suppressions", &out->suppressions, err) ||
	    scenario_get_text(json, "baseline", &out->baseline, err) ||
	    get_word(json, "memory-limit", &memory, err))
		return -1;
	if (memory &&
	    (!parse_size(memory, &out->memory_limit) || out->memory_limit <= 0))
		return err_set(err, ERR_PATTERN,
			       "memory-limit takes a size such as 512M, not "
			       "'%s'",
			       memory);
	if (out->limit && out->fail_over)
		return err_set(err, ERR_PATTERN,
			       "limit and fail-over: one of them is the limit "
			       "of a site");
	return 0;
}

/* What is sent is known before it is time to. */
static int
check_signal(const char *what, struct err *err)
{
	int number;

	if (!what || strncmp(what, "signal:", 7) != 0 ||
	    step_signals_parse(what + 7, &number))
		return 0;
	return err_set(err, ERR_PATTERN, "before-snapshot: no signal '%s'",
		       what + 7);
}

static int
get_texts(json_t *json, struct scenario *out, struct err *err)
{
	const json_t *env = json_object_get(json, "env");
	const char *key;
	json_t *value;

	if (scenario_get_text(json, "setup", &out->setup, err) ||
	    scenario_get_text(json, "teardown", &out->teardown, err) ||
	    scenario_get_text(json, "ready", &out->ready, err) ||
	    scenario_get_text(json, "process", &out->process, err) ||
	    scenario_get_text(json, "before-snapshot", &out->before_snapshot,
			      err) ||
	    scenario_get_text(json, "on-leak", &out->on_leak, err) ||
	    get_word(json, "sample", &out->sample, err) ||
	    scenario_get_boolean(json, "trim", &out->trim, err))
		return -1;
	if (env && !json_is_object(env))
		return err_set(err, ERR_PATTERN,
			       "env takes an object of texts");
	json_object_foreach((json_t *)(uintptr_t)env, key, value)
	{
		if (!*key || strchr(key, '=') || !json_is_string(value))
			return err_set(err, ERR_PATTERN,
				       "env takes texts by name: '%s' is none",
				       key);
	}
	out->env = env;
	return check_signal(out->before_snapshot, err);
}

static int
get_command(json_t *json, struct scenario *out, struct err *err)
{
	json_t *value = json_object_get(json, "command"), *words;
	const char **list;
	size_t i, count;

	if (!value)
		return err_set(err, ERR_PATTERN, "command is missing");
	if (json_is_string(value)) {
		words = scenario_words(json_string_value(value));
		if (!words)
			return err_set(err, ERR_PATTERN,
				       "command has no word, or a quote that "
				       "is not closed");
		json_object_set_new(json, "command", words);
		value = words;
	}
	count = json_array_size(value);
	if (!json_is_array(value) || !count || count > SCENARIO_WORDS_MAX)
		return err_set(err, ERR_PATTERN,
			       "command takes a text or 1 to %d words",
			       SCENARIO_WORDS_MAX);
	list = xcalloc(count + 1, sizeof(*list));
	out->command = list;
	for (i = 0; i < count; i++) {
		list[i] = json_string_value(json_array_get(value, i));
		if (!list[i])
			return err_set(err, ERR_PATTERN,
				       "command takes texts: word %zu is none",
				       i + 1);
	}
	if (!*list[0])
		return err_set(err, ERR_PATTERN, "command needs a program");
	return 0;
}

/* What all steps that count anything count. */
static const char *
common_unit(const struct scenario *scenario)
{
	const char *unit = NULL;
	size_t i;

	for (i = 0; i < scenario->step_count; i++) {
		const char *own = scenario->steps[i].unit;

		if (own && unit && strcmp(own, unit) != 0)
			return "iteration";
		unit = own ? own : unit;
	}
	return unit ? unit : "iteration";
}

static int
get_unit(const json_t *json, struct scenario *out, struct err *err)
{
	size_t i;

	out->unit = out->step_count ? common_unit(out) : "second";
	if (scenario_get_text(json, "unit", &out->unit, err))
		return -1;
	if (!strcmp(out->unit, "iteration") || !out->step_count)
		return 0;
	for (i = 0; i < out->step_count; i++)
		if (out->steps[i].unit &&
		    !strcmp(out->steps[i].unit, out->unit))
			return 0;
	return err_set(err, ERR_PATTERN, "unit: no step counts '%s'",
		       out->unit);
}

static int
get_steps(json_t *json, struct scenario *out, struct err *err)
{
	json_t *list = json_object_get(json, "step");
	size_t i, count = json_array_size(list);

	if (!count && out->iterations)
		return err_set(err, ERR_PATTERN,
			       "step is missing: there is nothing to iterate "
			       "(with a duration there may be none)");
	out->steps = xcalloc(count + 1, sizeof(*out->steps));
	for (i = 0; i < count; i++) {
		if (step_parse(&out->steps[i],
			       json_deep_copy(json_array_get(list, i)), err))
			return -1;
		out->step_count++;
	}
	set_span(out);
	return get_unit(json, out, err);
}

void
scenario_release(struct scenario *scenario)
{
	size_t i;

	for (i = 0; i < scenario->step_count; i++)
		step_release(&scenario->steps[i]);
	free(scenario->steps);
	free((void *)(uintptr_t)scenario->command);
	json_decref(scenario->json);
}

/* `json` is filled in. */
int
scenario_take_apart(struct scenario *out, json_t *take_json, struct err *err)
{
	*out = (struct scenario){ .json = take_json };
	out->name = json_string_value(json_object_get(take_json, "#name"));
	out->config = json_string_value(json_object_get(take_json, "#config"));
	out->out = json_string_value(json_object_get(take_json, "#out"));
	out->dir = json_string_value(json_object_get(take_json, "#dir"));
	out->port = (uint64_t)json_integer_value(
		json_object_get(take_json, "#port"));
	if (get_lengths(take_json, out, err) ||
	    get_texts(take_json, out, err) || get_gate(take_json, out, err) ||
	    get_command(take_json, out, err) ||
	    get_steps(take_json, out, err)) {
		scenario_release(out);
		return -1;
	}
	return 0;
}
