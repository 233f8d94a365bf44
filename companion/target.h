/*
 * A process that the user named, and its status file.
 *
 * The process may live in another pid, mount or user namespace, or in a
 * chroot: its file is looked for where it would have put it, under each of
 * its user ids, and its paths are printed as we can open them.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "../analyzer/err.h"
#include "procfs.h"
#include "status.h"

struct target {
	struct procfs proc;
	struct procfs_stat stat;
	struct procfs_status who;
	uint64_t pid_namespace; /* inode */
	int root; /* of its other root, -1 = ours; owned; target_find() looks
		   * anew */
	char root_name[32]; /* "/proc/PID/root" */
	/* After target_find() said 1. */
	struct status status;
	struct status_place place;
};

/* -1 with ERR_TARGET if /proc shows another pid namespace than ours, as after
 * unshare(1) without --mount-proc: its numbers then mean other processes than
 * ours do, and signals would reach the wrong ones. All that follows asks it. */
int target_check_proc(struct err *err) __attribute__((warn_unused_result));

/* Takes hold of process `pid`. -1 with ERR_TARGET if there is no such
 * process, it has ended, or we may not look. target_close() after 0 only. */
int target_open(struct target *target, pid_t pid, struct err *err)
	__attribute__((warn_unused_result));
void target_close(struct target *target);

/* What target_open() does on the way: removes the status files of this user's
 * processes that ended without removing theirs (kill -9). */
void target_sweep(void);
/* target_open() without that, for who opens many. */
int target_hold(struct target *target, pid_t pid, struct err *err)
	__attribute__((warn_unused_result));

/*
 * Reads the target's status file, the newest if there are several; files of
 * dead processes that had its pid are removed on the way. Returns 1, 0 if it
 * has none, -1 with `err` if the only ones there are do not count. May be
 * called again for fresh content; until it says 1 the old one stays.
 */
int target_find(struct target *target, struct err *err)
	__attribute__((warn_unused_result));

/* As target_find(), but none is an error too, with the reason. 0 or -1. */
int target_require(struct target *target, struct err *err)
	__attribute__((warn_unused_result));

/* False once the process has ended; updates `stat`. */
bool target_alive(struct target *target);

/* Whether the status that was found is of a program that the process has
 * replaced since by another, without the shim: its bell has no handler, and
 * the shim is not mapped. Updates `who`. */
bool target_moved_on(struct target *target);

/* `path` as the process names it in its status file, so after target_find()
 * said 1, as we can open it; the caller frees it. */
char *target_path(const struct target *target, const char *path)
	__attribute__((warn_unused_result, returns_nonnull));

/* Whether such a path may be handed on, as to a shell's $(...): that of another
 * user's process is its own word. -1 with `err` (ERR_STEP) if it is no absolute
 * path, or would be taken apart into something with an option in it. */
int target_check_path(const struct target *target, const char *path,
		      struct err *err) __attribute__((warn_unused_result));
