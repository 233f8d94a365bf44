/*
 * What several processes have in common, in the text report. One of the
 * report's rooms.
 */
#pragma once

#include "page.h"
#include "report.h"

/* The sentence that comes first, without a line's end; returns how it is to be
 * taken. */
enum page_style report_fleet_sentence(struct strbuf *out,
				      const struct report *report);
/* The sentence and a table. */
void report_fleet(struct page *page, const struct report *report);
/* What stands above each process's own report. */
void report_fleet_heading(struct page *page, const struct report *report,
			  size_t part);
