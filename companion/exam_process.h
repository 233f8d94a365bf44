/*
 * Exams of a running process: how it is tracked, or what a restart under
 * leakshim would meet.
 */
#pragma once

#include "exam.h"
#include "exam_place.h"
#include "target.h"

/*
 * Examines the process and its program. `target` is open; whether it has a
 * status file is found here. `place` is the target's. 0, or -1 with `err`
 * (ERR_TARGET) once it has ended.
 */
int exam_process(struct exam *exam, struct target *target,
		 const struct exam_place *place, struct err *err)
	__attribute__((warn_unused_result));

/* The path of its program, or its command name where that may not be seen.
 * The caller frees it. */
char *exam_process_name(const struct target *target)
	__attribute__((warn_unused_result, returns_nonnull));

/* /proc/sys/kernel/yama/ptrace_scope, or another file instead; no finding
 * where there is none. */
void exam_process_ptrace(struct exam *exam, const char *path);

/* Whether a /proc/PID/auxv of this machine says AT_SECURE. Pure. */
bool exam_process_is_secure(const void *auxv, size_t bytes);
