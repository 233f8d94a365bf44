/*
 * The headline's sentences where there are verdicts: what leaks, how fast and
 * until when; or that nothing does, or that it is too early to say.
 */
#pragma once

#include <stdbool.h>

#include "page.h"
#include "report.h"
#include "strbuf.h"

/* Adds sentences on the heap, without the end of the line. */
enum page_style headline_trend(struct strbuf *out, const struct report *report);

/* Adds `9 snapshots over 2 h 5 min`. */
void headline_trend_span(struct strbuf *out, const struct diff *diff);

/* Adds a line on threads that leak. False: none do. */
bool headline_trend_threads(struct strbuf *out, const struct report *report);

/* Does nothing at all grow without end, listed or not, the call stacks of the
 * heap taken together, threads and the ledger included? */
bool headline_trend_is_clean(const struct diff *diff);
