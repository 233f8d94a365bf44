/*
 * The JSON report as a value, for the writers that hold one: --json and the
 * HTML page. doc/leakdiff.schema.json says what is in it.
 *
 * Texts are repaired to UTF-8 (utf8.h), so that no name in a file can make it
 * invalid. Numbers that JSON can't hold are null.
 */
#pragma once

#include <jansson.h>

#include "report.h"

/* Raised when a program that reads the reports would misread them. New members
 * don't raise it. */
#define REPORT_JSON_SCHEMA 1

/* Digits of a real, in --json and in the page: rates of up to terabytes, to the
 * byte. */
#define REPORT_JSON_DIGITS 15

/* Never NULL: without memory the program ends (xalloc.h). The caller owns it
 * and calls json_decref. */
json_t *report_json_build(const struct report *report)
	__attribute__((warn_unused_result));
