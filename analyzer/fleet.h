/*
 * What several processes have in common: which sites leak in how many of
 * them, and since which build of the program.
 */
#pragma once

#include <stddef.h>

#include "classes.h"
#include "diff.h"

/* One process. Both are borrowed, the text as long as the fleet is used. */
struct fleet_part {
	const struct diff *diff;
	const char *build_id; /* of the program, hexadecimal; "" = unknown */
};

struct fleet_row {
	const struct row *row; /* of the process where it grows fastest */
	const char *label; /* what the class has in common; NULL: the stack */
	size_t leaks;      /* processes that leak here: the verdict is leak
			          * or growing-buffer */
	const char *first_build;  /* build-id of the oldest program that does;
				  * "" = none known */
	const char *build_before; /* of the newest program older than that, of
				   * which no process leaks here; "" = none */
	double bytes_per_hour;    /* median over the processes that leak here */
	double total_per_hour;    /* and their sum */
};

/* `{ 0 }` is an empty one. */
struct fleet {
	struct fleet_row
		*rows; /* what costs all of them together most is first */
	size_t count;
	size_t judged; /* processes with snapshots enough for verdicts */
};

/* Looks at the listed heap rows of all parts, which are in the order of their
 * start; the classes are of all stacks of all of them. */
void fleet_build(struct fleet *fleet, const struct fleet_part *parts,
		 size_t part_count, const struct classes *classes);
void fleet_release(struct fleet *fleet);
