/*
 * A process that is watched: one look after another at what it uses, and for a
 * tracked one its live heap.
 *
 * It is held by a descriptor on its /proc directory (procfs.h): a process that
 * gets its pid later is never taken for it. Every value says how old it is,
 * where it is not of the look itself: what walks page tables (PSS, USS) and
 * what the process has to count (live heap) is asked for as often as it fits.
 */
#pragma once

#include "../analyzer/strbuf.h"
#include "monitor_schedule.h"
#include "procfs_names.h"
#include "procfs_usage.h"
#include "smaps.h"
#include "smaps_diff.h"
#include "target.h"

/* A value with the time it was found at; 0: never. */
struct monitor_value {
	uint64_t bytes;
	uint64_t at_ns; /* CLOCK_MONOTONIC */
};

struct monitor_look {
	uint64_t wall_ns; /* CLOCK_REALTIME */
	uint64_t at_ns;   /* CLOCK_MONOTONIC */
	struct procfs_usage usage;
	bool has_descriptors;
	uint64_t descriptors;
	struct monitor_value pss;
	struct monitor_value uss;
	struct monitor_value heap; /* live, of a tracked process */
	uint64_t heap_objects;
	/* Since the look before; -1 and 0 at the first. */
	double cpu_percent;
	uint64_t minor_faults;
	uint64_t major_faults;
};

struct monitor {
	struct target target;
	char name[PROCFS_COMM_BYTES]; /* the kernel's word for it */
	int pidfd;                    /* readable once it has ended; -1: none */
	bool ended;
	bool with_maps;
	uint64_t looks;
	struct monitor_look first;
	struct monitor_look last;
	/* Not for us to see: told once, never tried again. */
	bool no_rollup;
	unsigned int sharers; /* processes watched, itself too */
	uint64_t rollup_due_ns;
	uint64_t heap_due_ns;
	bool tracked;            /* its status file was found */
	struct strbuf heap_note; /* why the heap isn't known: told once */
	uint64_t walk_ns;        /* processor time of the last look's walk */
	/* With maps: this look's and the one's before; a look that was the
	 * first has no difference. */
	struct smaps maps[2];
	unsigned int newest; /* of the two */
	struct smaps_diff diff;
	/* Lines to be told, each with its end; the caller empties it. */
	struct strbuf notes;
};

/*
 * Takes hold of `pid`; `sharers` is how many are watched in all. -1 with
 * ERR_TARGET. monitor_close() after 0 only.
 */
int monitor_open(struct monitor *monitor, pid_t pid, bool with_maps,
		 unsigned int sharers, struct err *err)
	__attribute__((warn_unused_result));
void monitor_close(struct monitor *monitor);

/* Fills monitor->last. Returns 1, or 0 once the process has ended, or -1 with
 * `err`. */
int monitor_look(struct monitor *monitor, struct err *err)
	__attribute__((warn_unused_result));

/* This look's mappings; with maps only. */
const struct smaps *monitor_maps(const struct monitor *monitor);

/* One line without its end: how much it grew over the run. */
void monitor_summary(struct strbuf *out, const struct monitor *monitor);
