/*
 * Exams of what runs in a program: interpreters and virtual machines have
 * memory of their own, which is not, or not one by one, malloc's.
 */
#pragma once

#include "exam.h"
#include "exam_place.h"

/*
 * `program` is the path or base name of the executable, `argv` its arguments
 * (argv[0] its name), NULL = unknown. What it means depends on the place's
 * environment.
 */
void exam_runtime(struct exam *exam, const char *program, char *const *argv,
		  const struct exam_place *place);

/* The library at `path` is in the program: it may bring a runtime with it. For
 * after exam_runtime(). */
void exam_runtime_library(struct exam *exam, const char *path);
