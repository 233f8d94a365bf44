/*
 * Growth per unit of work: how many bytes a request, a reload or an iteration
 * leaves behind. Who drives the program (leakshim soak) knows how much work was
 * done at each snapshot; the snapshots themselves do not.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct header;
struct amount;

/* One snapshot of one process. */
struct work_entry {
	uint32_t pid; /* in its own namespace, as in the header */
	uint64_t start_ticks;
	uint64_t sequence;
	double units; /* done since the beginning; never falls */
};

struct work {
	const char *unit; /* in the singular: "request" */
	const struct work_entry *entries;
	size_t count;
};

/* Done when that snapshot was taken; not a number: not known. `work` may be
 * NULL. */
double work_at(const struct work *work, const struct header *header);

/* Theil-Sen slopes against the work, with their 95 % intervals. */
struct work_rate {
	const char *unit; /* borrowed; NULL = no rate is known */
	double bytes;
	double bytes_low;
	double bytes_high;
	double objects;
	double objects_low;
	double objects_high;
};

/*
 * Of `count` points, at most TREND_POINTS_MAX, and the units at each. Points
 * whose units are not known don't count, nor all but the last of those between
 * which no work was done. Less than 3 are no rate.
 */
void work_rate_of(const char *unit, const double *units,
		  const struct amount *points, size_t count,
		  struct work_rate *rate);
