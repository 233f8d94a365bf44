/*
 * What to do next about a verdict: one line, the same in all reports.
 */
#pragma once

#include <stdbool.h>

#include "diff.h"
#include "stack.h"
#include "strbuf.h"

/* A line of the ledger that grows by less than this share of what RSS grows by
 * is none of the reasons why memory climbs: an allocator keeps some more of it
 * whenever the heap grows. It stays in the table. */
#define ADVICE_LEDGER_SHARE 0.1
/* Where RSS doesn't grow, this share of it: some pages come and go in any
 * program. */
#define ADVICE_RESIDENT_SHARE 0.01

/* Does a line of the ledger explain enough of RSS to be spoken of? */
bool advice_is_worth(const struct diff *diff, const struct row *row);

/*
 * Adds the line, without its end. `stack` is that of the row; NULL for lines
 * of the ledger. False, and nothing is added: the row has no verdict, or there
 * is nothing to do.
 */
bool advice(struct strbuf *out, const struct row *row,
	    const struct stack *stack);
