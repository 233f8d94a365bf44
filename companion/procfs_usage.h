/*
 * What a process uses, by the kernel's cheap accounts: nothing here walks its
 * memory or holds its locks, so that it may be asked every second.
 *
 * Errors are those of procfs.h, in errno.
 */
#pragma once

#include "procfs.h"

struct procfs_usage {
	char state;
	/* False for a kernel thread and for a process that is ending: then the
	 * two amounts are 0. */
	bool has_memory;
	uint64_t rss_bytes; /* VmRSS of status */
	uint64_t swap_bytes;
	uint64_t threads;
	uint64_t cpu_ticks; /* user and system, of all threads that ever were */
	uint64_t minor_faults;
	uint64_t major_faults;
	uint64_t start_ticks;
};

int procfs_usage(const struct procfs *proc, struct procfs_usage *out)
	__attribute__((warn_unused_result));

/* Open file descriptors. */
int procfs_descriptors(const struct procfs *proc, uint64_t *count)
	__attribute__((warn_unused_result));

/* The parser of the above; pure. Texts are terminated by NUL. */
int procfs_parse_usage(const char *stat, const char *status,
		       struct procfs_usage *out);
