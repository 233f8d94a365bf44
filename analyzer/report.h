/*
 * Reports: one writer per format, all of one shape.
 *
 * A writer formats a diff and changes nothing. It writes to `out` in any way
 * it likes and leaves noticing a failed write (ferror, fclose) to the caller;
 * it returns -1 only for what ferror can't tell.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "diff.h"
#include "err.h"

struct symbolizer;
struct blame;

struct report {
	const struct diff *diff;
	struct symbolizer *symbolizer; /* not const: it caches */
	const struct blame *blame;     /* frames to cut and to skip */
	size_t top;      /* heap and thread rows of each kind; 0 = all */
	bool all_frames; /* text: also many wrappers inward of the blamed */
};

int report_text(const struct report *report, FILE *out, struct err *err);
int report_csv(const struct report *report, FILE *out, struct err *err);
int report_pprof(const struct report *report, FILE *out, struct err *err);
