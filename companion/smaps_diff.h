/*
 * What changed between two looks at a process's mappings.
 *
 * Mappings are matched by where they are and what they map, never by their
 * order: one that was inserted is one added region and moves nothing else. A
 * region is one or several mappings of the same thing that overlap from one
 * look to the other: a heap that grew, a stack that grew downwards, a mapping
 * that mprotect split in three or that the kernel merged with its neighbour
 * is one changed region.
 *
 * What else a process shares its pages with is none of its doing: a region of
 * which only PSS or USS moved has not changed.
 */
#pragma once

#include "smaps.h"

enum smaps_change_kind {
	SMAPS_ADDED,
	SMAPS_REMOVED,
	SMAPS_CHANGED,
};

/* One look's part of a region. */
struct smaps_region {
	size_t count; /* mappings in it; 0: it is not there */
	uint64_t start;
	uint64_t end;
	char permissions[5]; /* of the first */
	struct smaps_amounts amounts;
};

struct smaps_change {
	enum smaps_change_kind change;
	enum smaps_kind kind;
	const char *path; /* borrowed from one of the tables */
	struct smaps_region before;
	struct smaps_region after;
};

/* `{ 0 }` is an empty one. */
struct smaps_diff {
	struct smaps_change *list; /* owned; ascending by address */
	size_t count;
	size_t capacity;
};

/* Replaces what is in `diff`, which borrows from both until they are read
 * again. */
void smaps_diff(struct smaps_diff *diff, const struct smaps *before,
		const struct smaps *after);
void smaps_diff_release(struct smaps_diff *diff);

/* "added", "removed", "changed". */
const char *smaps_change_name(enum smaps_change_kind change);
