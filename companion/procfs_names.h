/*
 * What a process is called: procfs.h for three files more.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>

#include "procfs.h"

/* The kernel's own threads have the longest names. */
#define PROCFS_COMM_BYTES 64

struct procfs_names {
	char comm[PROCFS_COMM_BYTES]; /* may be cut to 15 bytes */
	/* Base names; "" where there is none or we may not look. Owned. */
	char *exe;
	char *argv0;
	bool hidden; /* we may not look: comm is all there is */
	bool kernel; /* a thread of the kernel, which is no program */
};

/* procfs_names_release() after 0 only. */
int procfs_names(const struct procfs *proc, struct procfs_names *out)
	__attribute__((warn_unused_result));
void procfs_names_release(struct procfs_names *names);

/* The path of the executable in its own root, without the kernel's mark of a
 * file that was removed or replaced since, of which *deleted tells (may be
 * NULL). -1 with errno: ENOENT if it has none, EACCES if we may not look. */
int procfs_exe(const struct procfs *proc, char path[PATH_MAX], bool *deleted)
	__attribute__((warn_unused_result));

/* Whether `name` is the whole of one of them. */
bool procfs_names_match(const struct procfs_names *names, const char *name);
