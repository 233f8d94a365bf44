/*
 * How a row of the text report went over time: its verdict, its series as a
 * line of characters, the ages of what is live. One of the report's rooms.
 */
#pragma once

#include "diff.h"
#include "page.h"

/* `leak (99% sure), +12.3 MiB/h (95%: +11.9 MiB/h to +12.8 MiB/h)`, without
 * the line's end; nothing if there is no verdict. */
void report_trend_verdict(struct page *page, const struct row *row);

/* How a verdict is to be taken. */
enum page_style report_trend_style(enum verdict_kind kind);

/* The live bytes over the points as characters from low to high; nothing if
 * they never change, or there are none. */
void report_trend_series(struct page *page, const struct diff *diff,
			 const struct row *row);

/* A line `      born: 34% in the last 11 s, 66% more than 11 s ago`; nothing
 * without ages. */
void report_trend_ages(struct page *page, const struct diff *diff,
		       const struct row *row);
