/*
 * The numbers of a heap or thread row in the text report. One of the report's
 * rooms.
 */
#pragma once

#include "diff.h"
#include "page.h"

/* `+9.0 MiB in +9,000 objects`, without the line's end; of one snapshot what
 * is live. */
void report_change(struct page *page, const struct diff *diff,
		   const struct row *row);

/* Indented lines: what is live and was, and what came and went in between. */
void report_details(struct page *page, const struct diff *diff,
		    const struct row *row);
