/*
 * Values of a scenario's JSON objects, checked. Whatever the command line gives
 * is a text, so that each kind of value may also be one: 20 and "20" are the
 * same count, 1.5 and "1500ms" the same time.
 *
 * A key that is not there leaves *out as it is. -1 and `err` (ERR_PATTERN): the
 * message of a usage error, which names the key.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "../analyzer/err.h"

/* Borrowed from the object. Never "" and never with a newline or NUL. */
int scenario_get_text(const json_t *object, const char *key, const char **out,
		      struct err *err) __attribute__((warn_unused_result));
/* A whole number, min .. max. */
int scenario_get_count(const json_t *object, const char *key, uint64_t min,
		       uint64_t max, uint64_t *out, struct err *err)
	__attribute__((warn_unused_result));
/* Any number from min to max, as 2.5 or "2.5". */
int scenario_get_number(const json_t *object, const char *key, double min,
			double max, double *out, struct err *err)
	__attribute__((warn_unused_result));
/* "30s", "5m", "8h", "100ms", or a number of seconds; 0 .. 10 years. */
int scenario_get_seconds(const json_t *object, const char *key, double *out,
			 struct err *err) __attribute__((warn_unused_result));
/* true, false, or an option without a value. */
int scenario_get_boolean(const json_t *object, const char *key, bool *out,
			 struct err *err) __attribute__((warn_unused_result));
/* An array of texts, or one text of them with commas between. A new array in
 * *out, which the caller gives back by json_decref; at most `most` texts. */
int scenario_get_list(const json_t *object, const char *key, size_t most,
		      json_t **out, struct err *err)
	__attribute__((warn_unused_result));

/* Is every key one of `known`, which ends with NULL? The message names one
 * that is not, and `where` it is ("a step of kind http"). */
int scenario_get_known(const json_t *object, const char *const *known,
		       const char *where, struct err *err)
	__attribute__((warn_unused_result));
