#include "flat_rows.h"

const char *
flat_rows_fate_name(enum row_fate fate)
{
	static const char *const names[FATE_COUNT] = {
		[FATE_SUPPRESSED] = "[suppressed]",
		[FATE_ACCEPTED] = "[accepted by the baseline]",
		[FATE_FILTERED] = "[filtered out]",
		[FATE_SMALL] = "[below --min-bytes]",
	};

	return names[fate];
}

const struct row *
flat_rows_next(const struct report *report, struct flat_cursor *cursor,
	       const char **merged)
{
	const struct diff *diff = report->diff;
	enum row_kind kind = report->threads ? ROW_THREAD : ROW_HEAP;
	const struct row *row;

	if (cursor->next == diff->count[kind])
		return NULL;
	row = &diff->rows[diff->first[kind] + cursor->next++];
	*merged = flat_rows_fate_name(row->fate);
	if (row->fate == FATE_LISTED && report->top &&
	    cursor->listed++ >= report->top)
		*merged = "[other call stacks]";
	return row;
}
