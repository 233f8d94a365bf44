/*
 * Call stacks in the text report, and what it advises where they lack names.
 * One of the report's rooms.
 */
#pragma once

#include <stdbool.h>

#include "page.h"
#include "stack.h"

/* One line per frame, shortened to the page's width. More than three wrappers
 * inward of the blamed frame are one line, and what runs before main or a
 * thread's function is "...", unless `all_frames`. */
void report_stack(struct page *page, const struct stack *stack,
		  bool all_frames);

/* Files to be named in one line: beyond that it is clear enough. */
#define REPORT_NAMELESS_MAX 4

/* Files whose blamed frames have no name. `{ 0 }` is none. */
struct report_nameless {
	const char *paths[REPORT_NAMELESS_MAX]; /* borrowed */
	size_t count;
};

void report_nameless_add(struct report_nameless *nameless,
			 const struct stack *stack);
/* The advice; nothing if there are none. */
void report_nameless(struct page *page, const struct report_nameless *nameless);
