/*
 * What a report says first: one sentence on the heap, and one each on threads
 * and on resident memory if there is something to say. Written so that it
 * never claims more than the numbers hold: an estimate is called one, and so
 * are two different processes and a truncated snapshot.
 */
#pragma once

#include <stdbool.h>

#include "page.h"
#include "report.h"
#include "strbuf.h"

/* Adds one line per sentence. Returns how the first one is to be taken. */
enum page_style headline(struct strbuf *out, const struct report *report);

/* Does nothing leak in the report's process, without any reservation: is there
 * no more to say of it than that? */
bool headline_is_quiet(const struct report *report);
