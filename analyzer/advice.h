/*
 * What to do next about a verdict: one line, the same in all reports.
 */
#pragma once

#include <stdbool.h>

#include "diff.h"
#include "stack.h"
#include "strbuf.h"

/*
 * Adds the line, without its end. `stack` is that of the row; NULL for lines
 * of the ledger. False, and nothing is added: the row has no verdict, or there
 * is nothing to do.
 */
bool advice(struct strbuf *out, const struct row *row,
	    const struct stack *stack);
