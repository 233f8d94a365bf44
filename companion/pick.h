/*
 * The processes that a user means by a word: a pid, or the name of a program.
 *
 * A name is compared with the base name of a process's executable, with its
 * command name (comm) and with the base name of argv[0]; it must be the whole
 * of one of them. Kernel threads, zombies, threads and the caller itself are
 * never meant. Processes that we may not look at are compared by comm alone.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "../analyzer/err.h"

struct pick {
	pid_t *pids; /* owned; ascending */
	size_t count;
};

/* A word of digits only, which is never a name. Pure. */
bool pick_is_pid(const char *word);

/*
 * -1 with ERR_TARGET if there is none. A word of digits only is a pid, and
 * then it is not looked whether there is such a process: the caller's
 * target_open() or procfs_open() says it better. pick_release() after 0 only.
 */
int pick_processes(struct pick *out, const char *word, struct err *err)
	__attribute__((warn_unused_result));
/* Every process that /proc lists, also those that no name means, but the
 * caller. -1 with ERR_TARGET if it can't be read. */
int pick_all(struct pick *out, struct err *err)
	__attribute__((warn_unused_result));
void pick_release(struct pick *pick);
