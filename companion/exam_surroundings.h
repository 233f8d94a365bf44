/*
 * Exams of where a program would be tracked: the shim's library and options,
 * the place of the snapshots, limits, and what else is preloaded.
 */
#pragma once

#include "exam.h"
#include "exam_place.h"

/* All of the below. `program` is the base name of the executable, `libc` the C
 * library that it has or would load, as we can open it; NULL = unknown. */
void exam_surroundings(struct exam *exam, const struct exam_place *place,
		       const char *program, const char *libc);

/* The library at `path` can be loaded by programs of the place. */
void exam_surroundings_library(struct exam *exam,
			       const struct exam_place *place,
			       const char *path);
/* The C library at `libc` (as we can open it) has what ours at `path` needs. */
void exam_surroundings_libc(struct exam *exam, const char *path,
			    const char *libc);
void exam_surroundings_output(struct exam *exam, const struct exam_place *place,
			      const char *program);
void exam_surroundings_memory(struct exam *exam,
			      const struct exam_place *place);
