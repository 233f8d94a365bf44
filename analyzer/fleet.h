/*
 * What several processes have in common: which sites leak in how many of
 * them, and since which build of the program.
 */
#pragma once

#include <stddef.h>

struct atlas;
struct resolver;
struct row;
struct study_part;

struct fleet_row {
	const struct row *row; /* of the process where it grows fastest */
	size_t leaks; /* processes that leak here: the verdict is leak or
			         * growing-buffer */
	const char *first_build;  /* build-id of the oldest program that does;
				  * "" = none known */
	const char *build_before; /* of the newest program older than that, of
				   * which no process leaks here; "" = none */
	double bytes_per_hour;    /* median over those that leak */
};

/* `{ 0 }` is an empty one. */
struct fleet {
	struct fleet_row *rows; /* most processes first, then fastest growth */
	size_t count;
	size_t judged; /* processes with snapshots enough for verdicts */
};

/* Looks at the rows of all parts, which are in the order of their start. */
void fleet_build(struct fleet *fleet, const struct study_part *parts,
		 size_t part_count, const struct atlas *atlas,
		 struct resolver *resolver);
void fleet_release(struct fleet *fleet);
