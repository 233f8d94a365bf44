/*
 * JSON values of what jansson refuses or knows no function for: texts that may
 * be no UTF-8, reals that may be no numbers. Setters take the place of
 * json_object_set_new with a constructor inside.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Repaired (utf8.h); NULL gives null. A new reference, never NULL. */
json_t *jsonval_text(const char *text);
/* null for infinities and what is no number. */
json_t *jsonval_real(double value);

/* Takes `value`. Keys are ASCII, and in no object yet. */
void jsonval_set(json_t *object, const char *key, json_t *value);
void jsonval_set_integer(json_t *object, const char *key, int64_t value);
/* Beyond int64_t, which nothing real is, the most that it holds. */
void jsonval_set_count(json_t *object, const char *key, uint64_t value);
void jsonval_set_real(json_t *object, const char *key, double value);
void jsonval_set_boolean(json_t *object, const char *key, bool value);
void jsonval_set_text(json_t *object, const char *key, const char *text);
/* null for "", by which the model says that there is none. */
void jsonval_set_name(json_t *object, const char *key, const char *text);
