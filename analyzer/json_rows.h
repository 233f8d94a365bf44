/*
 * Rows and call stacks as JSON. One of the JSON report's rooms.
 *
 * A stack is an array of indices into one table of frames: the same frame
 * stands in most stacks, and a page that holds each once loads.
 */
#pragma once

#include <jansson.h>

#include "hashtab.h"
#include "report.h"
#include "select.h"
#include "stack.h"

struct json_rows {
	const struct report *report;
	const struct diff *diff; /* the process at hand; set before rows */
	json_t *frames;          /* the table; owned until taken */
	struct hashtab by_frame; /* struct json_frame */
	struct stack stack;      /* scratch */
};

void json_rows_init(struct json_rows *rows, const struct report *report);
void json_rows_release(struct json_rows *rows);

/* The next listed row of a kind that stands for call stacks, at most
 * report->top; NULL after the last. This and the following are new
 * references. */
json_t *json_rows_next(struct json_rows *rows, enum row_kind kind,
		       struct select_cursor *cursor);
json_t *json_rows_ledger(struct json_rows *rows);

/* The ten columns of the CSV report. */
void json_rows_set_amounts(json_t *object, const struct row *row);
/* "id", "function", "file", "line", "module" of a row; rows->stack is left
 * resolved. */
void json_rows_set_site(struct json_rows *rows, json_t *object,
			const struct row *row);
