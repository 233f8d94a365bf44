/*
 * How a process is doing at this moment: what the kernel counts, and the totals
 * of its status file, as fresh as they can be had without the program noticing.
 *
 * A process with a helper thread is asked as often as the caller wants. Asking
 * a single-threaded one interrupts the system call that it waits in, so it is
 * asked at most every PULSE_ALONE_S seconds; in between its last totals hold,
 * as they do while somebody else's request is under way (the first ones are
 * waited for).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "procfs_usage.h"
#include "served.h"
#include "totals.h"

#define PULSE_ALONE_S 5
/* One that did not answer is not asked again for so long. */
#define PULSE_SILENT_S 30
#define PULSE_TIMEOUT_S 2
struct pulse {
	uint64_t wall_ns;
	struct procfs_usage usage;
	uint64_t descriptors;
	uint64_t descriptors_max; /* soft limit; 0 = none */
	uint64_t virtual_bytes;
	double start_s; /* of the process, since 1970 */
	double cpu_s;   /* user and system */
	struct totals totals;
};

/*
 * Totals are asked for anew if they are older than `max_age_ms` and the process
 * is not busy with somebody else's request. -1: it has ended (errno of
 * procfs.h).
 */
int pulse_take(struct served_process *process, unsigned int max_age_ms,
	       struct pulse *out) __attribute__((warn_unused_result));
/* The same with the last totals that were had: asks nobody, and does not wait. */
int pulse_glance(struct served_process *process, struct pulse *out)
	__attribute__((warn_unused_result));
