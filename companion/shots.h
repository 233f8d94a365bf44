/*
 * The snapshot files of a process: those in the row that out= names, found
 * where the process put them, by their numbers.
 *
 * A file counts if it is a regular one with one link, of the process's user or
 * ours: what others plant in a shared directory does not.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "../analyzer/err.h"
#include "served.h"

/* keep= is 100 by default; a longer row shows its newest. */
#define SHOTS_MAX 1000

struct shot {
	uint64_t number;
	uint64_t bytes;
	uint64_t wall_ns; /* when the file was written */
};

/* By rising number. `out` has room for SHOTS_MAX. Returns how many, or -1 with
 * `err`. */
int shots_list(struct served_process *process, struct shot *out,
	       struct err *err) __attribute__((warn_unused_result));

/* Opens one for reading; -1 with `err` (ERR_TARGET: it is not there). */
int shots_open(struct served_process *process, uint64_t number, struct err *err)
	__attribute__((warn_unused_result));

/* Has the process write one, as `leakshim snapshot` does; its number, and *path
 * as we can open it, which the caller frees. 0 with `err`, and then no path. */
uint64_t shots_take(struct served_process *process, char **path,
		    struct err *err) __attribute__((warn_unused_result));
