/*
 * Where a process's memory, files and namespaces are seen: in its own directory
 * of /proc, or, once its main thread has ended before the others (pthread_exit
 * in main), in that of a thread which lives. The process's own is empty then.
 *
 * It is looked for at each use: main may end at any time, and so may the thread
 * that stands in for it. Errors are those of procfs.h, in errno.
 */
#pragma once

#include "procfs.h"

/* The directory's descriptor; procfs_body_give() takes it back and keeps
 * errno. Never fails: of a process that has ended it is its own. */
int procfs_body_take(const struct procfs *proc)
	__attribute__((warn_unused_result));
void procfs_body_give(const struct procfs *proc, int body);

/* As procfs_text_open() and procfs_text_read(), of a file there. */
int procfs_body_open(const struct procfs *proc, const char *name, int flags)
	__attribute__((warn_unused_result));
char *procfs_body_read(const struct procfs *proc, const char *name)
	__attribute__((warn_unused_result));
