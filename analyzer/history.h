/*
 * What the sites of one process were over its snapshots, or what two sides of
 * a comparison hold: a track for each call stack.
 *
 * Snapshots are added in order. All that is kept of each are its facts and one
 * amount per track, and of amounts at most HISTORY_POINTS_MAX: so memory is
 * bounded by the sites, not by the snapshots.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "atlas.h"
#include "model.h"
#include "work.h"

/* Amounts kept per track. Once there are so many, every second one goes, and of
 * what comes only every second one stays: 64 or more points over the whole
 * time are plenty for a trend, whose cost rises with their square. Even. */
#define HISTORY_POINTS_MAX 128

/* Signed: all of these may become differences. */
struct amount {
	int64_t objects;
	int64_t bytes;
};

struct thread_amount {
	int64_t running;
	int64_t unjoined; /* exited, neither joined nor detached */
};

/* A track at one moment. */
struct moment {
	bool present; /* that snapshot has the site */
	struct amount live;
	struct amount alloc;     /* since tracking started */
	struct amount release;   /* freed, or joined and the like */
	struct amount inherited; /* heap: the part of live from before a fork */
	struct thread_amount threads;
};

struct track {
	uint32_t stack; /* number in the atlas */
	uint32_t flags; /* enum site_flag of all snapshots together */
	struct moment first;
	struct moment last;
	struct amount *live; /* by point; from live_count on all zero */
	uint32_t live_count;
	uint32_t live_capacity;
};

/* Tracks of one kind. */
struct tracks {
	struct track *list;
	size_t count;
	size_t capacity;
	uint32_t *by_stack; /* track + 1 by number in the atlas; 0 = none */
	size_t by_stack_count;
	size_t by_stack_capacity;
};

/* One bin of ages of one heap site in the newest snapshot. */
struct history_age {
	uint32_t track; /* index */
	uint32_t bin;   /* of the newest snapshot's header */
	struct amount live;
};

struct history {
	struct atlas *atlas; /* borrowed */
	struct tracks heap;
	struct tracks threads;

	/* All snapshots in order, owned. Those before the newest have no
	 * tables any more: only facts.h holds of them. */
	struct model **snapshots;
	size_t snapshot_count;
	size_t snapshot_capacity;

	/* When the points are: time since tracking started, of profiles since
	 * 1970, in nanoseconds. */
	uint64_t times_ns[HISTORY_POINTS_MAX];
	/* Work done by then; not a number where that is not known. */
	double units[HISTORY_POINTS_MAX];
	const struct work *work; /* borrowed; NULL = none is known. To be set
				  * before the first snapshot is added */
	uint32_t point_count;
	/* Points are of every so many snapshots, so that they are as evenly
	 * apart as those; the newest has one besides. */
	size_t stride;
	int64_t ledger[LEDGER_LINE_COUNT][HISTORY_POINTS_MAX];
	bool ledger_present; /* every snapshot has one */

	/* Of the newest snapshot, by track. */
	struct history_age *ages;
	size_t age_count;
};

/* The atlas is borrowed until history_free. Never NULL. */
struct history *history_new(struct atlas *atlas)
	__attribute__((warn_unused_result));
void history_free(struct history *history); /* NULL is allowed */

/* Adds the next snapshot, which must be unbiased (unbias.h). Never fails. */
void history_add(struct history *history, struct model *take);

/* Lets the tracks go; the facts stay. Nothing can be added after that. */
void history_drop_tracks(struct history *history);

/* The first and the newest; one and the same where there is only one. */
const struct model *history_first(const struct history *history);
const struct model *history_last(const struct history *history);

/* The moment of a snapshot on the scale of times_ns. */
uint64_t history_time_ns(const struct header *header);
