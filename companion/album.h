/*
 * Snapshots of one process from the last hour, for "what is different from
 * then": few, spread over the time, and no more bytes than a bound.
 *
 * Not thread-safe: the owner has a lock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scrape.h"

/* One in five minutes, and the first and the newest. Verdicts want eight. */
#define ALBUM_MAX 14
#define ALBUM_SPACING_S 300
/* Until it is full of those, sooner ones are worth having. */
#define ALBUM_SPACING_MIN_S 5
#define ALBUM_HOUR_S 3600
/* Of disk space, in files without a name. */
#define ALBUM_BYTES (64ull << 20)

struct album {
	struct scrape *scrapes[ALBUM_MAX]; /* held; by time */
	size_t count;
};

/* Is it time for another one? */
bool album_wants(const struct album *album, uint64_t wall_ns);

/* Adds one and drops what is over a bound: older than an hour, or the one that
 * is missed least. `take` becomes the album's. */
void album_add(struct album *album, struct scrape *take);

/* The one taken last before `wall_ns`, or the first; NULL: there is none.
 * Borrowed. */
struct scrape *album_find(const struct album *album, uint64_t wall_ns);

void album_release(struct album *album);
