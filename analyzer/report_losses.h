/*
 * What the numbers of the text report lack: losses and what is missing of a
 * truncated snapshot. One of the report's rooms.
 */
#pragma once

#include "diff.h"
#include "page.h"

/* Nothing if nothing is lacking. */
void report_losses(struct page *page, const struct diff *diff);
