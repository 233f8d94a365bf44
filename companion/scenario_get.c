#include "scenario_get.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../analyzer/parse.h"
#include "../analyzer/strbuf.h"

#define SECONDS_MAX (10.0 * 365 * 86400)
/* A list's text, with all its commas. */
#define LIST_TEXT_MAX 65536

static const char *
type_name(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a text";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "true or false";
	case JSON_NULL:
		break;
	}
	return "null";
}

static int
refuse(const json_t *value, const char *key, const char *wanted,
       struct err *err)
{
	struct strbuf text = { 0 };

	if (json_is_string(value))
		strbuf_add_quoted(&text, json_string_value(value));
	else
		strbuf_adds(&text, type_name(value));
	err_set(err, ERR_PATTERN, "%s takes %s, not %s", key, wanted,
		strbuf_text(&text));
	strbuf_release(&text);
	return -1;
}

static bool
is_plain(const json_t *value)
{
	const char *text = json_string_value(value);

	return text && *text && !strchr(text, '\n');
}

int
scenario_get_text(const json_t *object, const char *key, const char **out,
		  struct err *err)
{
	const json_t *value = json_object_get(object, key);

	if (!value)
		return 0;
	if (!is_plain(value))
		return refuse(value, key, "a text of one line", err);
	*out = json_string_value(value);
	return 0;
}

int
scenario_get_count(const json_t *object, const char *key, uint64_t min,
		   uint64_t max, uint64_t *out, struct err *err)
{
	const json_t *value = json_object_get(object, key);
	char wanted[96];
	uint64_t count;
	bool good = false;

	if (!value)
		return 0;
	if (json_is_integer(value) && json_integer_value(value) >= 0) {
		count = (uint64_t)json_integer_value(value);
		good = true;
	} else if (json_is_string(value)) {
		good = parse_count(json_string_value(value), &count);
	}
	if (good && count >= min && count <= max) {
		*out = count;
		return 0;
	}
	snprintf(wanted, sizeof(wanted),
		 "a whole number from %" PRIu64 " to %" PRIu64, min, max);
	if (good) {
		err_set(err, ERR_PATTERN, "%s takes %s, not %" PRIu64, key,
			wanted, count);
		return -1;
	}
	return refuse(value, key, wanted, err);
}

/* Digits with at most one point; strtod would take a locale's, hexadecimal
 * digits and "inf". */
static bool
parse_number(const char *text, double *out)
{
	size_t digits = strspn(text, "0123456789.");
	const char *point = strchr(text, '.');
	json_t *value;
	bool good;

	if (!*text || text[digits] || digits > 32 ||
	    (point && strchr(point + 1, '.')))
		return false;
	value = json_loads(text, JSON_DECODE_ANY, NULL);
	good = json_is_number(value);
	if (good)
		*out = json_number_value(value);
	json_decref(value);
	return good;
}

int
scenario_get_number(const json_t *object, const char *key, double min,
		    double max, double *out, struct err *err)
{
	const json_t *value = json_object_get(object, key);
	char wanted[96];
	double number = NAN;

	if (!value)
		return 0;
	if (json_is_number(value))
		number = json_number_value(value);
	else if (json_is_string(value) &&
		 !parse_number(json_string_value(value), &number))
		number = NAN;
	if (number >= min && number <= max) {
		*out = number;
		return 0;
	}
	snprintf(wanted, sizeof(wanted), "a number from %g to %g", min, max);
	return refuse(value, key, wanted, err);
}

int
scenario_get_seconds(const json_t *object, const char *key, double *out,
		     struct err *err)
{
	const json_t *value = json_object_get(object, key);
	double seconds = NAN;

	if (!value)
		return 0;
	if (json_is_number(value))
		seconds = json_number_value(value);
	else if (json_is_string(value) &&
		 !parse_duration(json_string_value(value), &seconds) &&
		 !parse_number(json_string_value(value), &seconds))
		seconds = NAN;
	if (seconds >= 0 && seconds <= SECONDS_MAX) {
		*out = seconds;
		return 0;
	}
	return refuse(value, key, "a time such as 500ms, 30s, 5m or 8h", err);
}

int
scenario_get_boolean(const json_t *object, const char *key, bool *out,
		     struct err *err)
{
	const json_t *value = json_object_get(object, key);

	if (!value)
		return 0;
	if (!json_is_boolean(value))
		return refuse(value, key, "true or false", err);
	*out = json_is_true(value);
	return 0;
}

/* "a,b" */
static json_t *
split(const char *text)
{
	json_t *list = json_array();
	size_t bytes;

	for (;; text += bytes + 1) {
		bytes = strcspn(text, ",");
		json_array_append_new(list, json_stringn(text, bytes));
		if (!text[bytes])
			return list;
	}
}

int
scenario_get_list(const json_t *object, const char *key, size_t most,
		  json_t **out, struct err *err)
{
	static const char wanted[] = "a list of texts";
	json_t *value = json_object_get(object, key), *list;
	size_t i;

	if (!value)
		return 0;
	if (json_is_array(value))
		list = json_incref(value);
	else if (is_plain(value) && json_string_length(value) < LIST_TEXT_MAX)
		list = split(json_string_value(value));
	else
		return refuse(value, key, wanted, err);
	if (!json_array_size(list) || json_array_size(list) > most) {
		err_set(err, ERR_PATTERN, "%s takes 1 to %zu texts, not %zu",
			key, most, json_array_size(list));
		json_decref(list);
		return -1;
	}
	for (i = 0; i < json_array_size(list); i++) {
		if (is_plain(json_array_get(list, i)))
			continue;
		err_set(err, ERR_PATTERN,
			"%s takes %s of one line each; number %zu is none", key,
			wanted, i + 1);
		json_decref(list);
		return -1;
	}
	json_decref(*out);
	*out = list;
	return 0;
}

int
scenario_get_known(const json_t *object, const char *const *known,
		   const char *where, struct err *err)
{
	struct strbuf text = { 0 };
	const char *key;
	json_t *value;
	size_t i;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		if (key[0] == '#')
			continue;
		for (i = 0; known[i] && strcmp(known[i], key) != 0; i++)
			continue;
		if (known[i])
			continue;
		strbuf_add_quoted(&text, key);
		strbuf_addf(&text, " is no key of %s; there are: ", where);
		for (i = 0; known[i]; i++)
			strbuf_addf(&text, "%s%s", i ? ", " : "", known[i]);
		err_set(err, ERR_PATTERN, "%s", strbuf_text(&text));
		strbuf_release(&text);
		return -1;
	}
	return 0;
}
