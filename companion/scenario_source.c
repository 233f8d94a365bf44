/* Where a scenario comes from: a file, and options over it. */
#include "scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../analyzer/strbuf.h"
#include "../analyzer/textfile.h"
#include "../analyzer/xalloc.h"

const struct scenario_key scenario_keys[] = {
	{ "command", false },
	{ "setup", false },
	{ "teardown", false },
	{ "env", false },
	{ "ready", false },
	{ "process", false },
	{ "step", false },
	{ "iterations", false },
	{ "duration", false },
	{ "warmup", false },
	{ "settle", false },
	{ "snapshot-every", false },
	{ "before-snapshot", false },
	{ "trim", true },
	{ "unit", false },
	{ "timeout", false },
	{ "sample", false },
	{ "keep", false },
	{ "on-leak", false },
	{ "ab", false },
	{ "out", false },
	{ "limit", false },
	{ "fail-over", false },
	{ "fail-over-total", false },
	{ "fail-threads", false },
	{ "max-loss", false },
	{ "suppressions", false },
	{ "baseline", false },
	{ "memory-limit", false },
};
const size_t scenario_key_count =
	sizeof(scenario_keys) / sizeof(scenario_keys[0]);

static char *
current_directory(void)
{
	char *path = getcwd(NULL, 0);

	return path ? path : xstrdup(".");
}

void
scenario_source_init(struct scenario_source *source)
{
	*source = (struct scenario_source){
		.json = json_object(),
		.dir = current_directory(),
	};
}

void
scenario_source_release(struct scenario_source *source)
{
	json_decref(source->json);
	free(source->dir);
	*source = (struct scenario_source){ 0 };
}

/* --- the file --------------------------------------------------------------- */

static void
set_directory(struct scenario_source *source, const char *file)
{
	char *real = realpath(file, NULL), *slash;

	if (!real)
		return;
	slash = strrchr(real, '/');
	slash[slash == real] = '\0';
	free(source->dir);
	source->dir = real;
}

int
scenario_source_read(struct scenario_source *source, const char *file,
		     struct err *err)
{
	bool is_standard = !strcmp(file, "-");
	struct strbuf text = { 0 };
	json_error_t error;
	json_t *json;
	int result;

	result = is_standard
			 ? textfile_read_stream(stdin, file, SCENARIO_BYTES_MAX,
						&text, err)
			 : textfile_read(file, SCENARIO_BYTES_MAX, &text, NULL,
					 err);
	if (result) {
		strbuf_release(&text);
		return result;
	}
	json = json_loadb(strbuf_text(&text), text.len, JSON_REJECT_DUPLICATES,
			  &error);
	strbuf_release(&text);
	if (!json)
		return err_set(err, ERR_CORRUPT,
			       "'%s' is no JSON: line %d, column %d: %s", file,
			       error.line, error.column, error.text);
	if (!json_is_object(json)) {
		json_decref(json);
		return err_set(err, ERR_CORRUPT,
			       "'%s' holds no JSON object: a scenario is one",
			       file);
	}
	json_decref(source->json);
	source->json = json;
	if (!is_standard)
		set_directory(source, file);
	return 0;
}

/* --- options ---------------------------------------------------------------- */

static json_t *
own_array(struct scenario_source *source, const char *key, bool *given)
{
	if (!*given)
		json_object_set_new(source->json, key, json_array());
	*given = true;
	return json_object_get(source->json, key);
}

static int
add_env(struct scenario_source *source, const char *value, struct err *err)
{
	json_t *env = json_object_get(source->json, "env");
	const char *equals = strchr(value, '=');
	int result = 0;
	char *name;

	if (!equals || equals == value)
		return err_set(err, ERR_PATTERN,
			       "env takes NAME=VALUE, not '%s'", value);
	if (!json_is_object(env)) {
		env = json_object();
		json_object_set_new(source->json, "env", env);
	}
	name = xstrdup(value);
	name[equals - value] = '\0';
	if (json_object_set_new(env, name, json_string(equals + 1)))
		result = err_set(err, ERR_PATTERN, "env takes UTF-8 only");
	free(name);
	return result;
}

/* --ab NAME=COMMAND */
static int
add_variant(struct scenario_source *source, const char *value, struct err *err)
{
	const char *equals = strchr(value, '=');
	json_t *variant;

	if (!equals || equals == value || !equals[1])
		return err_set(err, ERR_PATTERN,
			       "ab takes NAME=COMMAND, not '%s'", value);
	variant = json_object();
	json_object_set_new(variant, "name",
			    json_stringn(value, (size_t)(equals - value)));
	json_object_set_new(variant, "command", json_string(equals + 1));
	json_array_append_new(own_array(source, "ab", &source->ab_given),
			      variant);
	return 0;
}

static int
add_step(struct scenario_source *source, const char *value, struct err *err)
{
	json_t *step = step_of_text(value, err);

	if (!step)
		return -1;
	json_array_append_new(own_array(source, "step", &source->step_given),
			      step);
	return 0;
}

int
scenario_source_set(struct scenario_source *source, const char *key,
		    const char *value, struct err *err)
{
	json_t *text;

	if (value && !*value)
		return err_set(err, ERR_PATTERN, "%s needs a value", key);
	if (value && !strcmp(key, "env"))
		return add_env(source, value, err);
	if (value && !strcmp(key, "ab"))
		return add_variant(source, value, err);
	if (value && !strcmp(key, "step"))
		return add_step(source, value, err);
	text = value ? json_string(value) : json_true();
	if (!text)
		return err_set(err, ERR_PATTERN, "%s takes UTF-8 only", key);
	json_object_set_new(source->json, key, text);
	/* One is instead of the other. */
	if (!strcmp(key, "iterations"))
		json_object_del(source->json, "duration");
	if (!strcmp(key, "duration"))
		json_object_del(source->json, "iterations");
	return 0;
}

void
scenario_source_set_command(struct scenario_source *source, char *const *words)
{
	json_t *list = json_array();

	/* What is no UTF-8 is refused as a word that is no text. */
	for (; *words; words++)
		if (json_array_append_new(list, json_string(*words)))
			json_array_append_new(list, json_null());
	json_object_set_new(source->json, "command", list);
}

/* --- texts ------------------------------------------------------------------ */

static json_t *
fill_text(const char *text, const char *const *names, const char *const *values,
	  size_t count)
{
	struct strbuf out = { 0 };
	const char *start = text;
	json_t *json;
	size_t i, len;

	while (*text) {
		for (i = 0; *text == '{' && i < count; i++) {
			len = strlen(names[i]);
			if (!strncmp(text + 1, names[i], len) &&
			    text[1 + len] == '}')
				break;
		}
		if (*text != '{' || i == count ||
		    (text > start && text[-1] == '$')) {
			strbuf_addc(&out, *text++);
			continue;
		}
		strbuf_adds(&out, values[i]);
		text += strlen(names[i]) + 2;
	}
	json = json_stringn_nocheck(strbuf_text(&out), out.len);
	strbuf_release(&out);
	return json;
}

json_t *
scenario_fill(const json_t *json, const char *const *names,
	      const char *const *values, size_t count)
{
	json_t *copy, *value;
	const char *key;
	size_t i;

	if (json_is_string(json))
		return fill_text(json_string_value(json), names, values, count);
	if (json_is_array(json)) {
		copy = json_array();
		for (i = 0; i < json_array_size(json); i++)
			json_array_append_new(
				copy, scenario_fill(json_array_get(json, i),
						    names, values, count));
		return copy;
	}
	if (json_is_object(json)) {
		copy = json_object();
		json_object_foreach((json_t *)(uintptr_t)json, key, value)
		{
			json_object_set_new(copy, key,
					    scenario_fill(value, names, values,
							  count));
		}
		return copy;
	}
	return json_copy((json_t *)(uintptr_t)json);
}

json_t *
scenario_words(const char *text)
{
	struct strbuf word = { 0 };
	json_t *list = json_array();
	bool in_word = false;
	char quote = '\0';

	for (;; text++) {
		bool is_end = !*text || strchr(" \t\n", *text);

		if (!*text && quote)
			break;
		if (!quote && is_end) {
			if (in_word)
				json_array_append_new(
					list, json_string(strbuf_text(&word)));
			strbuf_clear(&word);
			in_word = false;
			if (!*text)
				break;
			continue;
		}
		in_word = true;
		if (!quote && (*text == '\'' || *text == '"'))
			quote = *text;
		else if (quote && *text == quote)
			quote = '\0';
		else if (*text == '\\' && quote != '\'' && text[1] &&
			 (!quote || strchr("\"\\$`", text[1])))
			strbuf_addc(&word, *++text);
		else
			strbuf_addc(&word, *text);
	}
	strbuf_release(&word);
	if (!quote && json_array_size(list))
		return list;
	json_decref(list);
	return NULL;
}
