/*
 * What is measured of one subject before it is judged: how each of its two
 * numbers moved, and what the survivors say about it. No thresholds but those
 * of the warm-up; verdict_clues.c weighs. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "trend.h"
#include "verdict.h"
#include "verdict_ages.h"

/* Survivors by the time of their birth, in the first and in the second half of
 * a window (about: the bins decide). */
struct births {
	bool known;
	double kept;     /* born a second in the first, over Sen's slope */
	double evenness; /* in the second, over those in the first */
};

/* The shares of the window whose rise is compared with an even one. */
enum { LATE_HALF, LATE_THIRD, LATE_QUARTER, LATE_COUNT };

/* How one of the numbers, objects or bytes, moved. */
struct growth {
	bool moves;   /* not all values are equal; else all else is 0 */
	double falls; /* the sum of its falls over that of its rises */
	/* Of the rising step function next to the whole window: in thirds, by
	 * the second. Before the window: survivors born in a third of its
	 * length; < 0 = not known. */
	double rates[3];
	double rate_before;
	double grown; /* that function's rise, warm-up and all */

	double highest_before; /* in the warm-up; 0 without one */
	size_t from; /* first point after the warm-up: the rest is from there */
	size_t count;
	double window_s;
	struct trend trend; /* by the second */
	/* Of the rising step function next to the values: its rise, and its
	 * last value. */
	double rise;
	double level;
	/* Its rise in the last half, third, quarter over what an even rise has
	 * there: 1 = even, 0 = it has ended. */
	double late[LATE_COUNT];
	/* At how many moments it rose, of at most 8; how long ago last, and
	 * the longest time between two, as shares of the window. */
	size_t steps;
	double pause;
	double pause_before;
	/* Of that rise, the share that survivors born meanwhile account for.
	 * Like all that follows, 0 without ages. */
	double support;
	double turned;       /* share of the first level that has died since */
	struct births whole; /* in the whole window */
	struct births tail;  /* after the warm-up */
	/* Sen's rise over the standard deviation that chance gives a count
	 * where as many died and were born; without ages, over that of what
	 * Sen's line leaves. */
	double z;
};

struct evidence {
	size_t count;
	double times[TREND_POINTS_MAX]; /* seconds since tracking began */
	double object_counts[TREND_POINTS_MAX];
	double byte_counts[TREND_POINTS_MAX];
	double window_s;
	bool counted; /* there are objects */
	struct survivors survivors;
	double weight; /* objects that a sampled one stands for */
	struct growth objects;
	struct growth bytes;
};

/* For 2 points or more whose times differ. */
void evidence_gather(const struct subject *subject,
		     const struct verdict_settings *settings,
		     struct evidence *evidence);
