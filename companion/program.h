/*
 * A program before it is started: where it is, what it is called once it
 * runs, and whether a library can be preloaded into it at all.
 */
#pragma once

#include "../analyzer/err.h"

/* The file that execvp(3) would run for `name`; the caller frees it. NULL with
 * errno: ENOENT there is none, EACCES there is but it can't be run. */
char *program_find(const char *name) __attribute__((warn_unused_result));

/*
 * -1 with `err` (ERR_OPEN) if the loader would not take our library into the
 * program at `path`, or must not: it is static, of another machine, raises
 * privileges, or was built with a sanitizer that is an allocator itself.
 * 0 if nothing speaks against it, also for scripts and for what can't be read.
 */
int program_check(const char *path, struct err *err)
	__attribute__((warn_unused_result));

/* What the shim will call it (%e, only=; preload/ident.c): the name that it is
 * started by, be it a link's, but the file's own of a script's interpreter.
 * NULL if that can't be told (env(1)). The caller frees it. */
char *program_name(const char *path) __attribute__((warn_unused_result));
