#include "jsonval.h"

#include <math.h>
#include <stdlib.h>

#include "saturate.h"
#include "utf8.h"
#include "xalloc.h"

json_t *
jsonval_text(const char *text)
{
	json_t *value;
	char *copy;

	if (!text)
		return json_null();
	value = json_string(text);
	if (value)
		return value;
	copy = xstrdup(text);
	utf8_repair(copy);
	value = json_string(copy);
	free(copy);
	return value;
}

json_t *
jsonval_real(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

void
jsonval_set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new_nocheck(object, key, value);
}

void
jsonval_set_integer(json_t *object, const char *key, int64_t value)
{
	jsonval_set(object, key, json_integer(value));
}

void
jsonval_set_count(json_t *object, const char *key, uint64_t value)
{
	jsonval_set_integer(object, key, saturate_count(value));
}

void
jsonval_set_real(json_t *object, const char *key, double value)
{
	jsonval_set(object, key, jsonval_real(value));
}

void
jsonval_set_boolean(json_t *object, const char *key, bool value)
{
	jsonval_set(object, key, json_boolean(value));
}

void
jsonval_set_text(json_t *object, const char *key, const char *text)
{
	jsonval_set(object, key, jsonval_text(text));
}

void
jsonval_set_name(json_t *object, const char *key, const char *text)
{
	jsonval_set_text(object, key, *text ? text : NULL);
}
