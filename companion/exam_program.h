/*
 * Exams of the program that would be tracked, by its file: whether a library
 * can be preloaded into it, whether its allocations go through that library,
 * and what the reports will be able to say about its code.
 */
#pragma once

#include <stdbool.h>

#include "elf_file.h"
#include "exam.h"

/*
 * `name` is what the file is called in findings. `is_start`: it would be
 * started by us, so that rights that the file gives count; for a process the
 * kernel knows it better (exam_process.h).
 */
void exam_program(struct exam *exam, const struct elf_file *file,
		  const char *name, bool is_start);

/* The library at `path` is in the program, or would be. */
void exam_program_library(struct exam *exam, const char *path);
