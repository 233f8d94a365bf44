/*
 * What `leakshim monitor` prints of a look: a line of a table, a row of CSV or
 * an object of JSON; with maps the mappings that changed.
 *
 * Names and paths are another program's and log lines anybody's: none drives
 * the terminal or breaks the syntax.
 */
#pragma once

#include <jansson.h>

#include "logtail.h"
#include "monitor.h"

/* Raised when a program that reads it would misread it. */
#define MONITOR_REPORT_SCHEMA 1

enum monitor_form {
	MONITOR_TEXT,
	MONITOR_CSV,
	MONITOR_JSON,
};

/* The line above a table, or the first of CSV; nothing for JSON, nor for text
 * with maps. `log`: with a column for its lines. */
void monitor_report_header(struct strbuf *out, enum monitor_form form,
			   bool with_maps, bool log);

/* The last look. `log` may be NULL; text leaves it to monitor_report_log(). */
void monitor_report_look(struct strbuf *out, const struct monitor *monitor,
			 enum monitor_form form, const struct logtail *log);

/* The log's lines, for people. */
void monitor_report_log(struct strbuf *out, const struct logtail *log);
