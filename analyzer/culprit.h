/*
 * The function that most is blamed on: all growing or leaking sites that one
 * function is blamed for, together.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report.h"
#include "stack.h"
#include "strbuf.h"

/* The worst function is looked for among this many of the worst sites: below
 * them nothing is left that could change the answer much, and symbols cost
 * time. */
#define CULPRIT_SITES 1000

struct culprit {
	const char *function; /* borrowed, as are the others */
	const char *module;
	const char *file; /* NULL: unknown, or not one */
	uint32_t line;    /* 0: unknown, or more than one */
	size_t rows;
	size_t sites;          /* call stacks of those rows that did it */
	size_t buffers;        /* of them that grow as buffers do */
	const struct row *row; /* the worst */
	int64_t bytes;         /* growth */
	int64_t objects;
	int64_t live_objects;
	double bytes_per_hour; /* sums of the rows' slopes */
	double objects_per_hour;
	double weight; /* likewise, verdict_weight */
};

/* Of the listed sites that grew. False: none did. */
bool culprit_of_growth(const struct report *report, enum row_kind kind,
		       struct culprit *culprit)
	__attribute__((warn_unused_result));

/* All sites that were looked at, whatever function is blamed. */
struct culprit_all {
	size_t sites;
	size_t buffers;
	double bytes_per_hour;
	double objects_per_hour;
};

/* Of the listed sites with a verdict from `least` to `most`: the function of
 * the worst kind, and of these that with the highest rate. What did not grow
 * is no culprit as long as the verdict is VERDICT_INSUFFICIENT. False: there
 * are none. */
bool culprit_of_verdict(const struct report *report, enum row_kind kind,
			enum verdict_kind least, enum verdict_kind most,
			struct culprit *culprit, struct culprit_all *all)
	__attribute__((warn_unused_result));

/* `create (object.c:45)`. */
void culprit_add_place(struct strbuf *out, const struct culprit *culprit);
/* The same of a frame. */
void culprit_add_frame(struct strbuf *out, const struct stack_frame *frame);
