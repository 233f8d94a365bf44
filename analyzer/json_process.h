/*
 * One process in the JSON report: what it is, its snapshots, totals, ledger,
 * what is hidden and what was lost. One of the JSON report's rooms.
 *
 * All return new references.
 */
#pragma once

#include <jansson.h>

#include "json_rows.h"
#include "report.h"
#include "strbuf.h"

/* All of the process but its heap and thread rows, of which there may be too
 * many to have at once. Sets rows->diff. */
json_t *json_process(struct json_rows *rows, const struct study_part *part);

/* The headline of the text report, a sentence each. */
json_t *json_process_headline(const struct report *report,
			      const struct diff *diff);
/* Lines as texts; the lines are taken apart. */
json_t *json_process_lines(struct strbuf *lines);
