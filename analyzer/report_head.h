/*
 * The head of the text report: which process and snapshots, why and when they
 * were taken, and how completely was counted. One of the report's rooms.
 */
#pragma once

#include "diff.h"
#include "strbuf.h"

void report_head(struct strbuf *out, const struct diff *diff);
