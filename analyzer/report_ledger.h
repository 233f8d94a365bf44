/*
 * The memory ledger in the text report. One of the report's rooms.
 */
#pragma once

#include "diff.h"
#include "page.h"

void report_ledger(struct page *page, const struct diff *diff);
