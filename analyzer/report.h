/*
 * Reports: one writer per format, all of one shape.
 *
 * A writer formats a study and changes nothing. It writes to `out` in any way
 * it likes and leaves noticing a failed write (ferror, fclose) to the caller;
 * it returns -1 only for what ferror can't tell.
 *
 * Which rows are listed, and in which order, was decided before (select.h): a
 * writer shows those whose fate is FATE_LISTED, at most `top` of each kind, and
 * tells what the others sum to.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "diff.h"
#include "err.h"
#include "resolver.h"
#include "study.h"

struct report {
	const struct study *study;
	/* The process at hand: study->parts[0].diff to begin with. Writers of
	 * all processes go through the parts. */
	const struct diff *diff;
	struct resolver *resolver;
	size_t top;         /* heap and thread rows of each kind; 0 = all */
	bool all_frames;    /* text: also many wrappers inward of the blamed */
	bool color;         /* text: for a terminal */
	bool utf8;          /* text: may draw with characters beyond ASCII */
	unsigned int width; /* text: columns; 0 = any */
	uint64_t limit_bytes; /* --limit; 0 = the snapshot's own */
	bool growth_only;     /* pprof, folded: positive differences alone */
	bool net;     /* pprof: differences of either sign, as Go's ?seconds= */
	bool threads; /* pprof, folded, legacy: threads, not heap */
	/* pprof: what viewers show first; NULL: the last type. Borrowed. */
	const char *default_type;
	/* pprof and legacy, with threads: what was counted, "goroutine" for
	 * live stacks; NULL: threadcreate. Borrowed. With a period each count
	 * is so many nanoseconds of processor time: a CPU profile. */
	const char *counted;
	uint64_t cpu_period_ns;
	/* pprof: lines for its comments; NULL: none. Borrowed. */
	const char *notes;
	uint64_t duration_ns; /* pprof: of the window, where files don't tell */
};

typedef int report_writer(const struct report *report, FILE *out,
			  struct err *err);

report_writer report_text;
report_writer report_csv;
report_writer report_folded;
report_writer report_html;
report_writer report_json;
report_writer report_legacy;
report_writer report_pprof;
