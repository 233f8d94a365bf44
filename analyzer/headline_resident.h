/*
 * Why resident memory grew: the memory ledger as a sentence, whose numbers
 * add up as they are printed.
 */
#pragma once

#include "diff.h"
#include "strbuf.h"

/* Adds one line; nothing if there is no ledger, or it compares different
 * processes. */
void headline_resident(struct strbuf *out, const struct diff *diff);
