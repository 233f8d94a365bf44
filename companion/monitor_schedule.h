/*
 * When to look. Looks are whole intervals after the first one, so that they
 * don't drift, and what a look costs decides how many intervals lie between
 * two: the processor time of looking stays a share of the time that passes.
 *
 * Times are nanoseconds of CLOCK_MONOTONIC. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Of one core, in percent: what a monitor may take in all, and what the part
 * of it may take that walks page tables. */
#define MONITOR_SCHEDULE_PERCENT 5
#define MONITOR_SCHEDULE_WALK_PERCENT 3

struct monitor_schedule {
	uint64_t start_ns;
	uint64_t interval_ns;
	uint64_t look;   /* the last one's number, from 0 */
	uint64_t stride; /* intervals between two looks; at least 1 */
};

void monitor_schedule_begin(struct monitor_schedule *schedule,
			    uint64_t start_ns, uint64_t interval_ns);

/* When the next one is due. Those that have passed while we were busy are
 * left out. */
uint64_t monitor_schedule_next(struct monitor_schedule *schedule,
			       uint64_t now_ns);

/* After a look that took `cost_ns` of processor time: true if the stride had
 * to be changed. It grows at once, and shrinks when half is enough. */
bool monitor_schedule_fit(struct monitor_schedule *schedule, uint64_t cost_ns);

/* How long after something that took `cost_ns` the same may be done again, to
 * take `percent` of the time. */
uint64_t monitor_schedule_rest(uint64_t cost_ns, unsigned int percent);
