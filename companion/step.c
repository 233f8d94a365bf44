#include "step.h"

#include <stdlib.h>
#include <string.h>

#include "../analyzer/saturate.h"
#include "../analyzer/xalloc.h"
#include "scenario_get.h"

#define REPEAT_MAX 1000000
#define UNITS_MAX 1000000000

static const struct step_kind *const kinds[] = {
	&step_exec,
	&step_http,
	&step_reload,
	&step_signal,
};

#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

void
step_kind_names(struct strbuf *out)
{
	size_t i;

	for (i = 0; i < KIND_COUNT; i++)
		strbuf_addf(out, "%s, ", kinds[i]->name);
	/* scenario.c sees to it. */
	strbuf_adds(out, "config");
}

static const struct step_kind *
find_kind(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < KIND_COUNT; i++)
		if (strlen(kinds[i]->name) == len &&
		    !memcmp(kinds[i]->name, name, len))
			return kinds[i];
	return NULL;
}

static int
refuse_kind(const char *name, size_t len, struct err *err)
{
	struct strbuf cut = { 0 }, text = { 0 };

	strbuf_add(&cut, name, len);
	strbuf_adds(&text, "no kind of step: ");
	strbuf_add_quoted(&text, strbuf_text(&cut));
	strbuf_adds(&text, "; there are: ");
	step_kind_names(&text);
	err_set(err, ERR_PATTERN, "%s", strbuf_text(&text));
	strbuf_release(&cut);
	strbuf_release(&text);
	return -1;
}

json_t *
step_of_text(const char *text, struct err *err)
{
	size_t len = strcspn(text, ":");
	const struct step_kind *kind;
	const char *main_key;
	json_error_t error;
	json_t *step;

	if (text[0] == '{') {
		step = json_loads(text, JSON_REJECT_DUPLICATES, &error);
		if (!step)
			err_set(err, ERR_PATTERN,
				"step is no JSON: column %d: %s", error.column,
				error.text);
		return step;
	}
	kind = find_kind(text, len);
	if (!kind && !(len == 6 && !memcmp(text, "config", 6))) {
		refuse_kind(text, len, err);
		return NULL;
	}
	main_key = kind ? kind->main_key : "files";
	if (!text[len] || !text[len + 1]) {
		err_set(err, ERR_PATTERN, "step '%s' needs its %s: %s:TEXT",
			text, main_key, kind ? kind->name : "config");
		return NULL;
	}
	step = json_object();
	json_object_set_new(step, "kind", json_stringn(text, len));
	json_object_set_new(step, main_key, json_string(text + len + 1));
	return step;
}

/* Puts where it is before a message. */
static int
place(const struct step_kind *kind, struct err *err)
{
	struct err inner = *err;

	return err_set(err, inner.code, "step %s: %s", kind->name, inner.text);
}

/* "repeat", "unit" and "units" are of every kind. */
static int
take_common(struct step *step, json_t *options, struct err *err)
{
	const char *unit = NULL;

	step->repeat = 1;
	step->scale = 1;
	if (scenario_get_count(options, "repeat", 1, REPEAT_MAX, &step->repeat,
			       err) ||
	    scenario_get_text(options, "unit", &unit, err) ||
	    scenario_get_count(options, "units", 1, UNITS_MAX, &step->scale,
			       err))
		return -1;
	if (unit)
		step->owned_unit = xstrdup(unit);
	step->unit = unit ? step->owned_unit : step->kind->unit;
	json_object_del(options, "repeat");
	json_object_del(options, "unit");
	json_object_del(options, "units");
	json_object_del(options, "kind");
	return 0;
}

static int
take_kind(struct step *step, const json_t *options, struct err *err)
{
	const char *name = NULL;

	if (!json_is_object(options))
		return err_set(err, ERR_PATTERN, "step takes objects");
	if (scenario_get_text(options, "kind", &name, err))
		return -1;
	if (!name)
		return err_set(err, ERR_PATTERN, "a step needs its kind");
	step->kind = find_kind(name, strlen(name));
	return step->kind ? 0 : refuse_kind(name, strlen(name), err);
}

int
step_parse(struct step *out, json_t *take_options, struct err *err)
{
	int result;

	memset(out, 0, sizeof(*out));
	result = take_kind(out, take_options, err);
	if (!result) {
		result = take_common(out, take_options, err);
		if (!result)
			result = out->kind->parse(take_options, &out->options,
						  err);
		if (result)
			result = place(out->kind, err);
	}
	json_decref(take_options);
	if (result)
		step_release(out);
	return result;
}

int
step_run(const struct step *step, const struct step_world *world,
	 struct step_result *result, struct err *err)
{
	uint64_t before = result->units;
	int failed;

	result->units = 0;
	failed = step->kind->run(step->options, world, result, err);
	if (__builtin_mul_overflow(result->units, step->scale, &result->units))
		result->units = SATURATE_MAX;
	if (__builtin_add_overflow(result->units, before, &result->units))
		result->units = SATURATE_MAX;
	return failed;
}

void
step_result_release(struct step_result *result)
{
	strbuf_release(&result->note);
	json_decref(result->numbers);
	free(result->sum);
	*result = (struct step_result){ 0 };
}

void
step_release(struct step *step)
{
	if (step->kind && step->options)
		step->kind->free(step->options);
	free(step->owned_unit);
	memset(step, 0, sizeof(*step));
}
