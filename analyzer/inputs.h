/*
 * What the command line names as files, put in order: directories are opened,
 * and three or more files are grouped by process and sorted by time.
 *
 * Two files are a comparison and keep their order, whatever they are. The order
 * of arguments means nothing with more: a glob sorts x.10.snap before x.2.snap.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "model.h"
#include "strbuf.h"

struct input {
	char *file;          /* owned; "-" is standard input */
	struct model *facts; /* of its process and time; NULL where one or two
			      * files were given */
	bool found;          /* in a directory: not named by the user */
};

struct input_group {
	struct input *inputs; /* of one process, in the order of time */
	size_t count;
};

struct inputs {
	struct input_group *groups; /* in the order in which they started */
	size_t group_count;
	size_t left_out; /* files in a directory that could not be read */
};

/*
 * Fills `inputs`. -1 and `err`: a file can't be read, or a directory holds
 * nothing. Adds one line to `warnings` for each file in a directory that can't
 * be read and for each that is given twice; those are left out.
 * inputs_release() in either case.
 */
int inputs_collect(struct inputs *inputs, const char *const *args,
		   size_t arg_count, struct strbuf *warnings, struct err *err)
	__attribute__((warn_unused_result));
void inputs_release(struct inputs *inputs);
