/*
 * The memory that a process's cgroup lets it have, found as the shim does
 * (preload/cgroup.c): version 2 and 1 at their usual mount points.
 */
#pragma once

#include <stdint.h>

/* The tightest limit on the way up from the groups that `membership` names, a
 * /proc/PID/cgroup, in bytes; 0 = none or unknown. */
uint64_t memory_limit_of(const char *membership)
	__attribute__((warn_unused_result));

/* The same with other mount points than /sys/fs/cgroup and its memory/. */
uint64_t memory_limit_below(const char *membership, const char *v2,
			    const char *v1) __attribute__((warn_unused_result));
