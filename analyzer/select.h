/*
 * Which rows a report lists, and in which order: --focus, --ignore,
 * --min-bytes, --sort and --top, the same for every writer.
 *
 * Selecting hides rows and moves them, but never changes a number: totals are
 * of all rows, and what is hidden is counted by the reason. It comes after
 * suppressions and baseline, whose fates stay.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "diff.h"
#include "resolver.h"

struct err;
struct select;

/* Selects everything, in the default order. Never NULL. */
struct select *select_new(void) __attribute__((warn_unused_result));
void select_free(struct select *select); /* NULL is allowed */

/*
 * Adds a POSIX extended regular expression, searched for in the function,
 * source file and module path of each frame that a report would show. Of
 * several, any may match. Returns 0, or -1 and fills `err` (ERR_PATTERN).
 */
int select_focus(struct select *select, const char *regex, struct err *err)
	__attribute__((warn_unused_result));
int select_ignore(struct select *select, const char *regex, struct err *err)
	__attribute__((warn_unused_result));

/* Hides heap rows whose live bytes changed by less, over the first and the
 * last snapshot. */
void select_min_bytes(struct select *select, int64_t bytes);

/* ORDER_DEFAULT is: by verdict, where there are any; of one snapshot by
 * suspicion if ages say anything, else by live bytes; of two by growth. */
void select_order(struct select *select, enum row_order order);
/* The order of a name as of --sort. False: there is no such name. */
bool select_order_of(const char *name, enum row_order *order);

/*
 * Divides the classes that hold both stacks which --focus and --ignore let
 * through and stacks which they don't, so that what is listed of a function
 * or file is what goes through the focus. For use before diff_new. Does
 * nothing if neither was given.
 */
void select_divide(const struct select *select, const struct atlas *atlas,
		   struct resolver *resolver, enum row_kind kind,
		   struct classes *classes);

/* Sets the fates of the heap and thread rows that are FATE_LISTED, and sorts
 * the rows of each kind in place. An order for verdicts falls back to growth
 * where there are none; diff->order says what it is. */
void select_apply(const struct select *select, struct diff *diff,
		  struct resolver *resolver);

/* Walks the listed rows of a kind. `{ 0 }` begins. */
struct select_cursor {
	size_t next;   /* index within the kind */
	size_t listed; /* so far */
};

/* The next listed row; NULL after the last, or after `top` (0 = all). Needs no
 * select_apply. */
const struct row *select_next(const struct diff *diff, enum row_kind kind,
			      struct select_cursor *cursor, size_t top);

struct select_tally {
	size_t sites;
	int64_t delta_bytes;
	int64_t live_bytes; /* in the last snapshot */
	int64_t delta_objects;
	int64_t live_objects;
};

/* What a writer of at most `top` rows doesn't list, and what it does:
 * by_fate[FATE_LISTED] is what select_next gives, and of all tallies the sum
 * is diff->totals. */
struct select_hidden {
	struct select_tally by_fate[FATE_COUNT];
	struct select_tally beyond_top;
};

void select_hidden(const struct diff *diff, enum row_kind kind, size_t top,
		   struct select_hidden *hidden);
