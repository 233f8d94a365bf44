/*
 * What a process's status file counts, copied, so that it can be had while
 * somebody asks the process for something.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "status.h"

/* Kinds of losses there are. */
#define TOTALS_LOSSES_MAX 64

struct totals_loss {
	char name[32];
	uint64_t count;
};

struct totals {
	bool is_read; /* a status file was, and says the state */
	enum status_state state;
	bool counted; /* what is alive and was allocated is known */
	bool is_sampled;
	pid_t helper;        /* of the shim, as we see it; 0 = none */
	uint64_t counted_ns; /* CLOCK_REALTIME */
	uint64_t live_objects;
	uint64_t live_bytes;
	uint64_t alloc_objects;
	uint64_t alloc_bytes;
	uint64_t free_objects;
	uint64_t free_bytes;
	uint64_t threads_unjoined;
	uint64_t own_bytes;
	uint64_t writer_cpu_ns;
	uint64_t longest_hold_ns;
	uint64_t snapshots;
	struct totals_loss losses[TOTALS_LOSSES_MAX];
	size_t loss_count;
};
