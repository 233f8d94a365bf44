/*
 * The survivors: of what is live in the last snapshot, how much was born
 * before a given time. What a leak keeps of every cohort, a cache that rotates
 * has lost of the old ones.
 */
#pragma once

#include <stdbool.h>

#include "trend.h"
#include "verdict.h"

/* Two for each bin of the file format. */
#define SURVIVOR_EDGES_MAX 128

struct survivors {
	bool known;
	size_t count;                       /* of edges; 0 if not known */
	double times[SURVIVOR_EDGES_MAX];   /* seconds since tracking began */
	double objects[SURVIVOR_EDGES_MAX]; /* born before; rising */
	double bytes[SURVIVOR_EDGES_MAX];
};

/* Not known: the subject has no ages, or they miss too much of what is live. */
void survivors_of(const struct subject *subject, struct survivors *survivors);

/* Born before a time and still live at the end. 0 where nothing is known. */
double survivors_objects(const struct survivors *survivors, double time);
double survivors_bytes(const struct survivors *survivors, double time);

/*
 * The first moment from `time` on at which it is known how many were born
 * before: an edge of a bin (within a bin nobody knows when its blocks were
 * born), or `time` itself where nothing that survived was born.
 */
double survivors_known_at(const struct survivors *survivors, double time);
