/*
 * The sites of a process in the text report, heap or threads: those that
 * matter, what to do about them, and what is not listed. One of the report's
 * rooms.
 */
#pragma once

#include "page.h"
#include "report.h"

/* Nothing of threads if there are none. */
void report_sites(struct page *page, const struct report *report,
		  enum row_kind kind);
