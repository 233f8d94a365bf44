/*
 * What a program's snapshots will be called, told before it runs, from the
 * options that it gets: the shim (preload/sink.h) decides, this foresees.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "../analyzer/err.h"

struct naming {
	char *prefix;   /* taken as it is, "" or with a final '/'; owned */
	char *template; /* with % codes; owned */
	char *exe;      /* NULL if it can't be known before; owned */
	bool elsewhere; /* not where it was asked to be */
	char *missing;  /* the directory asked for, if there is none; owned */
};

/* `options` is the text of LEAKSHIM= in force, `program` the file that is
 * started from the present directory by this user. */
void naming_init(struct naming *naming, const char *options,
		 const char *program);
/* The same of one that is called `exe`, NULL = unknown, once it runs, and
 * starts in `directory`; whether they can be written there is left open. */
void naming_init_unseen(struct naming *naming, const char *options,
			const char *exe, const char *directory);
void naming_release(struct naming *naming);

/* -1 with `err` (ERR_OPEN) if out= names a directory that is not there: the
 * shim would go elsewhere. */
int naming_check(const struct naming *naming, struct err *err)
	__attribute__((warn_unused_result));

/* True if the name has a number of its own (%n). */
bool naming_is_numbered(const struct naming *naming);

/*
 * Path of the first snapshot, the second, or with number "N" of any; a `*`
 * stands for what is known only later (a `pid` of 0), so that the shell finds
 * the file. The caller frees it.
 */
char *naming_path(const struct naming *naming, pid_t pid, const char *number)
	__attribute__((warn_unused_result, returns_nonnull));

/* The same as a pattern for glob(3) of all files that process `pid` (0: any)
 * may have written, whatever it was executed as. The caller frees it. */
char *naming_pattern(const struct naming *naming, pid_t pid)
	__attribute__((warn_unused_result, returns_nonnull));

/* The same of the files that it wrote as user `uid` if it could not write those
 * any more (a daemon that gave up root). NULL if that is no other place, or
 * there is no directory of that user's. The caller frees it. */
char *naming_fallback_pattern(const struct naming *naming, pid_t pid, uid_t uid)
	__attribute__((warn_unused_result));
