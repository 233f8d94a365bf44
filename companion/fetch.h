/*
 * Files that a target wrote, put where the user wants them.
 */
#pragma once

#include "../analyzer/err.h"

/*
 * Moves the regular file `from` to `to`, which must not exist (unless it is
 * that very file), by its name or as a copy (0600) that is complete before `from` is removed. -1 with ERR_STEP:
 * then `from` is where it was and there is no `to`.
 */
int fetch_file(const char *from, const char *to, struct err *err)
	__attribute__((warn_unused_result));
