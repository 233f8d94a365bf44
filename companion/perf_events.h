/*
 * The kernel's sampler of processor time, perf_event_open(2), on one process:
 * which of its threads run, and where, PERF_EVENTS_HZ times in each second of
 * processor time that a thread uses. Nobody is stopped, and no system call ends
 * for it.
 *
 * A thread's event belongs to one processor, since events that threads inherit
 * can't be read otherwise: there are threads times processors of them, which
 * write into one ring for each processor. Threads that start later have them by
 * inheritance; what a thread starts in the milliseconds
 * between being listed and having its own is missed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../analyzer/err.h"
#include "perf_ring.h"
#include "procfs.h"

/* As Go's. */
#define PERF_EVENTS_HZ 100
/*
 * Of a thread's stack, copied into each sample. To copy 8 or 56 KiB differs by a
 * microsecond of the 16 that a sample costs (on a virtual machine; as many if
 * the kernel follows frame pointers instead), so what bounds it is the ring. Of
 * python3's stacks in a deep recursion 5% were cut at 16 KiB, 1% at 32.
 */
#define PERF_EVENTS_STACK_BYTES 32768

struct perf_events {
	struct perf_event_ring *rings; /* owned; one a processor */
	size_t ring_count;
	/* Time in the kernel is not sampled: we may not. */
	bool user_only;
};

/*
 * Begins to sample all threads but `helper`, 0 = none. `registers` are those of
 * a sample. -1 with `err`, which says why in one line: it is not allowed, or
 * threads and processors are too many. perf_events_close() after 0 only.
 */
int perf_events_open(struct perf_events *events, const struct procfs *proc,
		     pid_t helper, uint64_t registers, struct err *err)
	__attribute__((warn_unused_result));
void perf_events_close(struct perf_events *events);

/* Hands on what was recorded since the last time. The rings hold a
 * seventh of a second or more. `record` is of one call only. */
typedef void perf_events_visit(enum perf_ring_kind kind,
			       const struct perf_record *record, void *context);
void perf_events_read(struct perf_events *events, perf_events_visit *visit,
		      void *context);
