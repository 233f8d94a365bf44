/*
 * The memory cgroup of this process: its limit and what is charged to it.
 *
 * Found once at boot through /proc/self/cgroup and the usual mount points
 * (/sys/fs/cgroup, v2; /sys/fs/cgroup/memory, v1). Inside a container the
 * path there is often not visible: then the mount's root is the container.
 */
#pragma once

#include "lks.h"

/* BOOT. Finds the group; returns the tightest limit on the way up to the root
 * in bytes, 0 = none or unknown. */
uint64_t lks_cgroup_init(void);

/* WRITER. Bytes charged to the process's own group now, 0 = unknown. */
uint64_t lks_cgroup_usage_bytes(void);
