/*
 * leakdiff and its kin, as programs: where they are, and a run of one.
 */
#pragma once

#include "../analyzer/err.h"

/* The path of a program that lies beside this one, or in PATH. The caller
 * frees it. NULL with `err` (ERR_OPEN) if there is none. */
char *tool_find(const char *name, struct err *err)
	__attribute__((warn_unused_result));

/*
 * Runs the tool at `path` with `arguments` (argv[0] included, NULL at the end)
 * and waits for it; what it prints goes to `fd`. It is not tracked, whatever
 * the environment says. Returns its exit status, 128 + N if signal N killed
 * it, or -1 with `err` (ERR_STEP).
 */
int tool_run(const char *path, const char *const *arguments, int fd,
	     struct err *err) __attribute__((warn_unused_result));
