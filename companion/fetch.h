/*
 * Files that a target wrote, put where the user wants them.
 */
#pragma once

#include <sys/types.h>

#include "../analyzer/err.h"

/* -1 with ERR_STEP if fetch_file() could not put a file at `to`: for who has it
 * written first, and would leave it where it is. */
int fetch_check(const char *to, struct err *err)
	__attribute__((warn_unused_result));

/*
 * Moves the regular file `from` to `to`, which must not exist (unless it is
 * that very file), by its name or as a copy (0600) that is complete before
 * `from` is removed. That it is there is the word of a process of `owner`,
 * which may lie: who is root moves and removes nothing that `owner` could not.
 * -1 with ERR_STEP: then `from` is where it was and there is no `to`.
 */
int fetch_file(const char *from, uid_t owner, const char *to, struct err *err)
	__attribute__((warn_unused_result));

/*
 * Removes such a file, with that user's rights alone: what was a directory on the
 * way when the file was read may be a link by now. -1 with errno.
 */
int fetch_remove(uid_t owner, const char *path);

/*
 * The same of a file in another root, whose descriptor `root` is, where `from`
 * is its path: the links that the process made there lead nowhere else, though
 * it may be called root as we are.
 */
int fetch_file_inside(int root, const char *from, uid_t owner, const char *to,
		      struct err *err) __attribute__((warn_unused_result));
