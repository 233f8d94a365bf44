/*
 * All tracked processes that are ours to ask: this user's, and for root
 * everybody's.
 *
 * Processes are walked, not status files, so that those in containers and
 * chroots are found where their own paths lead, and files of dead processes
 * mislead nobody. Costs some twenty system calls a process.
 */
#pragma once

#include "../analyzer/err.h"
#include "../analyzer/strbuf.h"

struct target;

/*
 * Removes stale status files, then calls `visit` for each tracked process, in
 * the order of their pids, with its status file read (target.h); it may ask
 * it. Until one call returns non-zero, which is then the result; 0 after the
 * last. -1 with ERR_TARGET if /proc can't be read. Adds to `warnings`, if it
 * is not NULL, a line for each status file that is there but does not count.
 */
int tracked_each(int (*visit)(struct target *target, void *arg), void *arg,
		 struct strbuf *warnings, struct err *err);
