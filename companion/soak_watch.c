/* Verdicts of a soak, while it runs and at its end. */
#include "soak_parts.h"

#include <stdlib.h>
#include <string.h>

#include "../analyzer/output.h"
#include "../analyzer/xalloc.h"
#include "soak_children.h"
#include "soak_result.h"

/* Judging while it runs may take this part of the time. */
#define ROLLING_SHARE 20
/* Runs of this length have a verdict before their end. */
#define ROLLING_S 600.0

static void
add_variable(char **list, size_t *count, const char *name, const json_t *value)
{
	struct strbuf text = { 0 };

	strbuf_addf(&text, "LEAKSHIM_%s=", name);
	if (json_is_string(value))
		strbuf_add_printable(&text, json_string_value(value));
	else if (json_is_number(value))
		strbuf_addf(&text, "%.15g", json_number_value(value));
	list[(*count)++] = strbuf_detach(&text);
}

/* --on-leak, for one finding. False: it took all its time, and so would the
 * next ones. */
static bool
tell_leak(struct soak *soak, const struct soak_finding *finding)
{
	static const struct {
		const char *name;
		const char *key;
	} variables[] = {
		{ "SITE", "site" },
		{ "VERDICT", "verdict" },
		{ "KIND", "kind" },
		{ "FUNCTION", "function" },
		{ "BYTES_PER_HOUR", "bytes_per_hour" },
		{ "BYTES_PER_UNIT", "bytes_per_unit" },
		{ "OBJECTS_PER_UNIT", "objects_per_unit" },
		{ "UNIT", "unit" },
	};
	char *list[sizeof(variables) / sizeof(variables[0]) + 1];
	struct soak_command command = soak_command_of(soak);
	double begin = soak_children_now();
	size_t count = 0, i;
	struct err err;

	for (i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		add_variable(list, &count, variables[i].name,
			     json_object_get(finding->json, variables[i].key));
	list[count] = NULL;
	command.extra = (const char *const *)list;
	command.should_stop = NULL;
	if (soak_command_run(&command, soak->scenario->on_leak,
			     soak->scenario->timeout_s, &err))
		soak_tell(soak, false, "on-leak: %s", err.text);
	while (count)
		free(list[--count]);
	return soak_children_now() - begin < soak->scenario->timeout_s;
}

static bool
is_told(const struct soak *soak, const char *key)
{
	size_t i;

	for (i = 0; i < soak->told_count; i++)
		if (!strcmp(soak->told[i], key))
			return true;
	return false;
}

static void
tell_findings(struct soak *soak, const struct soak_verdict *verdict)
{
	bool in_time = true;
	size_t i;

	for (i = 0; i < verdict->finding_count; i++) {
		const struct soak_finding *finding = &verdict->findings[i];

		/* Those that are left are told the next time. */
		if (!in_time) {
			soak_tell(soak, false,
				  "on-leak: not run for %zu other verdicts: "
				  "it did not end in time",
				  verdict->finding_count - i);
			return;
		}
		if (is_told(soak, finding->key) ||
		    soak->told_count == SOAK_TOLD_MAX)
			continue;
		soak->told[soak->told_count++] = xstrdup(finding->key);
		soak_tell(soak, false, "%s: %s",
			  json_string_value(
				  json_object_get(finding->json, "verdict")),
			  finding->place);
		if (soak->scenario->on_leak)
			in_time = tell_leak(soak, finding);
	}
}

/* Puts a text in the run's directory, whole. */
int
soak_write_text(const struct soak *soak, const char *name, const char *text,
		struct err *err)
{
	struct strbuf path = { 0 };
	struct output *output;
	int result = -1;

	strbuf_addf(&path, "%s/%s", soak->scenario->out, name);
	output = output_open(strbuf_text(&path), err);
	if (output) {
		fputs(text, output_stream(output));
		result = output_commit(output, err);
	}
	strbuf_release(&path);
	return result;
}

void
soak_write_table(struct soak *soak)
{
	struct strbuf table = { 0 };
	struct err err;

	soak_shots_csv(&soak->run->shots, soak->scenario->unit, &table);
	if (soak_write_text(soak, "work.csv", strbuf_text(&table), &err))
		soak_tell(soak, false, "%s", err.text);
	strbuf_release(&table);
}

/* Reads what there is so far. With `reports` for the last time. */
void
soak_judge_now(struct soak *soak, bool reports)
{
	struct soak_run *run = soak->run;
	struct err err;

	if (run->judged)
		soak_verdict_release(&run->verdict);
	run->judged = false;
	if (soak_judge_run(soak->judge, soak->scenario, &run->shots,
			   soak->target.main,
			   reports ? soak->scenario->out : NULL, &run->verdict,
			   &err)) {
		soak_tell(soak, false, "cannot judge: %s", err.text);
		if (reports)
			run->judge_failure = xstrdup(err.text);
		return;
	}
	run->judged = true;
	if (run->verdict.report_failure) {
		soak_tell(soak, false, "%s", run->verdict.report_failure);
		run->judge_failure = xstrdup(run->verdict.report_failure);
	}
	tell_findings(soak, &run->verdict);
}

static bool
is_rolling(const struct soak *soak)
{
	return soak->scenario->on_leak ||
	       soak->scenario->duration_s >= ROLLING_S;
}

void
soak_roll(struct soak *soak)
{
	double begin = soak_children_now();
	json_t *result;
	char *text;
	struct err err;

	if (!is_rolling(soak) || begin < soak->next_verdict_s ||
	    soak->run->shots.rounds < SOAK_SHOTS_TREND)
		return;
	soak_judge_now(soak, false);
	soak->run->elapsed_s = begin - soak->begin;
	result = soak_result_run_json(soak->run);
	text = json_dumps(result, JSON_INDENT(2));
	if (text && soak_write_text(soak, "verdict.json", text, &err))
		soak_tell(soak, false, "%s", err.text);
	free(text);
	json_decref(result);
	soak_write_table(soak);
	soak->next_verdict_s = soak_children_now() +
			       (soak_children_now() - begin) * ROLLING_SHARE;
}
