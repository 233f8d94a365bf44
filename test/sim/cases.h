/*
 * Processes that leak and processes that don't, drawn at random: doc/VERDICTS.md
 * says what each family is and what makes a leak detectable.
 */
#pragma once

#include "world.h"

enum line {
	LINE_SITE,    /* a call stack: objects, bytes, ages */
	LINE_THREADS, /* threads by creation stack: each of 8 MiB */
	/* The rest are of the memory ledger: bytes alone. */
	LINE_LIVE, /* live heap */
	LINE_PEAK, /* resident memory of an allocator that gives none back */
	LINE_KEPT, /* what that allocator keeps */
};

struct story {
	struct world world;
	struct dice dice;
	enum line line;
	const char *family;
	bool leaks;
	bool few;          /* 4 to 7 snapshots instead of 8 to 60 */
	bool uneven;       /* snapshots at odd times, gaps of any length */
	double first, end; /* of the snapshots */
};

size_t cases_count(bool leaks);

/* How the snapshots lie. */
enum frame { FRAME_MANY, FRAME_FEW, FRAME_UNEVEN };

/* Draws a story of family number `family` and runs it. The caller releases
 * story->world. */
void cases_tell(struct story *story, bool leaks, enum frame frame,
		size_t family, uint64_t seed);

/*
 * Could one tell at all? What leaked is 10 blocks at least, and an earlier peak
 * doesn't hide it; a cache was full when 60 % of the window were over; a memo
 * grows in the last third at most 0.4 of what it did in the first, or in the
 * third before it, and there by 24 blocks at least; records of a peak come more
 * slowly, too: the second half has at most half as many bytes as the first.
 */
bool cases_can_be_told(const struct story *story);
