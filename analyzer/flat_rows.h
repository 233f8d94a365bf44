/*
 * Rows for the formats that are one flat list of call stacks: pprof and folded
 * stacks. What other formats tally beside the list must stand in it here, or
 * the sum would not be the total: each row comes, and one that is hidden or
 * beyond --top comes with the name of the frame that stands for all its kind.
 */
#pragma once

#include <stddef.h>

#include "report.h"

/* "[suppressed]" and the like; NULL for FATE_LISTED. */
const char *flat_rows_fate_name(enum row_fate fate);

/* `{ 0 }` begins. */
struct flat_cursor {
	size_t next;
	size_t listed;
};

/* The next heap row, or with report->threads the next thread row; NULL after
 * the last. *merged is NULL, or "[suppressed]" and the like. */
const struct row *flat_rows_next(const struct report *report,
				 struct flat_cursor *cursor,
				 const char **merged);
