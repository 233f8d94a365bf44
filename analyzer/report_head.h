/*
 * The head of the text report: which process and snapshots, why and when they
 * were taken, how their sites were matched, and how completely was counted.
 * One of the report's rooms.
 */
#pragma once

#include "page.h"
#include "report.h"

void report_head(struct page *page, const struct report *report);

/* `/usr/bin/server, pid 1234 on example`. */
void report_head_process(struct strbuf *out, const struct header *header);
