/*
 * A simulated process, block by block.
 *
 * A site is up to PARTS parts; each part is one reason why blocks are born and
 * die: requests, a cache, a pool, a leak. The parts draw from one load, which
 * varies with the time. Nothing here knows how growth is judged, and no line
 * is drawn: what a snapshot shows is what is left of the blocks.
 *
 * Times are seconds since tracking began.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dice.h"

#define PARTS 6
#define POINTS 64
#define BINS 64
#define FOREVER 1e300

enum load_law { LOAD_EVEN, LOAD_SINE, LOAD_SQUARE, LOAD_WANDER };

struct load {
	enum load_law law;
	double period;
	double depth; /* 0 = even .. 1 = down to nothing */
	double phase; /* in periods */
	/* No load at all in between, and what is not kept is lost. */
	double outage_from;
	double outage_to;
};

enum part_law {
	PART_POOL,   /* `capacity` blocks between `from` and `to`, kept */
	PART_CHURN,  /* `rate` * load births, each with a life of its own */
	PART_QUEUE,  /* a cache: at `capacity` the oldest goes */
	PART_BAG,    /* a cache: at `capacity` any one goes */
	PART_KEYS,   /* a memo: one block for each of `capacity` keys */
	PART_TOOTH,  /* births collect; all go when `period` is over */
	PART_BATCH,  /* jobs at random times: all born, some time, all gone */
	PART_LEAK,   /* `rate` * load births, kept */
	PART_STEPS,  /* every `period`, `capacity` blocks are born and kept */
	PART_BUFFER, /* one block that `rate` bytes a second fill; when full it
		      * is reallocated to size * `factor` + `chunk` */
	PART_SPOOL,  /* one block, reallocated at random, up and down */
};

enum life_law { LIFE_EXPONENTIAL, LIFE_FIXED, LIFE_LOGNORMAL, LIFE_PARETO };
enum size_law { SIZE_FIXED, SIZE_LOGNORMAL, SIZE_PARETO };

struct block {
	double birth;
	double death;
	double bytes;   /* weighted, when sampled */
	double objects; /* the block's weight */
};

struct part {
	enum part_law law;
	double from; /* asleep before, and (but for leaks) filled up after */
	double to;
	double rate;
	double capacity;
	double period;
	double phase;
	double zipf; /* exponent of the keys' popularity; 0 = all equal */
	double factor;
	double chunk;
	double swing; /* leaks: the rate's own up and down, 0 .. 1 */
	bool ignores_load;
	enum life_law life_law;
	double life;
	enum size_law size_law;
	double size;

	/* State. */
	struct block *blocks;
	size_t head, count, room;
	uint8_t *seen;
	double filled, next, jobs_end;
	double full_at; /* a cache's: FOREVER = not yet */
	double swing_now, swing_until;
};

struct sight { /* a snapshot */
	double time;
	double bytes;
	double objects;
};

struct bin {
	double from, to; /* births */
	double bytes;
	double objects;
};

struct world {
	struct dice *dice;
	struct load load;
	struct part parts[PARTS];
	size_t part_count;
	double sample_bytes; /* 1 = exact */
	/* The snapshots to take, times rising; filled in by world_run. */
	struct sight sights[POINTS];
	size_t sight_count;

	struct bin bins[BINS]; /* at the last snapshot, youngest first */
	size_t bin_count;
	double alloc_bytes, alloc_objects, free_bytes, free_objects;
	double peak_bytes; /* since the start */
	double peaks[POINTS];
	/* Blocks that nothing will ever free, born between the first and the
	 * last snapshot: the truth. */
	double leaked_bytes, leaked_objects;
	double wander, wander_until;
};

/* A part with nothing set but its law. */
struct part *world_part(struct world *world, enum part_law law);

/* From 0 to the last snapshot. */
void world_run(struct world *world);

void world_release(struct world *world);
