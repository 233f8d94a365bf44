/*
 * Exams of how a program is started: what a command line becomes after
 * wrappers (env, nice, sh -c), scripts and their interpreters, and whether
 * LD_PRELOAD lasts until there.
 */
#pragma once

#include "exam.h"
#include "exam_place.h"

/* Wrappers and interpreters followed; the kernel allows four of the latter. */
#define EXAM_START_STEPS 16

struct exam_start {
	/* The program at the end, its links resolved; NULL if that can't be told. Owned. */
	char *program;
	/* Its arguments, argv[0] as it was given; NULL with the above. Owned,
	 * as is each. */
	char **argv;
};

/*
 * Examines the command `argv`, which ends in NULL and has at least one word.
 * What it sets for the program is set in `place`. 0, or -1 with `err`
 * (ERR_TARGET) if there is no such program or it can't be run. exam_start_release() after 0 only.
 */
int exam_start(struct exam_start *start, struct exam *exam, char *const *argv,
	       struct exam_place *place, struct err *err)
	__attribute__((warn_unused_result));
void exam_start_release(struct exam_start *start);
