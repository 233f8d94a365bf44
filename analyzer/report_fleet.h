/*
 * What several processes have in common, in the text report. One of the
 * report's rooms.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "page.h"
#include "report.h"

/* The sentence that comes first, without a line's end; returns how it is to be
 * taken. */
enum page_style report_fleet_sentence(struct strbuf *out,
				      const struct report *report);
/* The sentence and a table. */
void report_fleet(struct page *page, const struct report *report);

/* A process, and how much it asks of the reader. */
struct report_fleet_part {
	size_t part;             /* index in study->parts */
	const struct row *worst; /* listed; NULL: has no rows */
	bool quiet;              /* headline_is_quiet */
};
/* All processes of the study, the worst first and quiet ones last; the caller
 * frees the array. */
struct report_fleet_part *report_fleet_order(const struct report *report)
	__attribute__((warn_unused_result, malloc));

/* What stands above the own report of the process, which is the `number`th
 * that is shown; of a quiet one that is all. */
void report_fleet_heading(struct page *page, const struct report *report,
			  const struct report_fleet_part *part, size_t number);
