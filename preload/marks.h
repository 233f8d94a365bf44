/*
 * Marks: words in the timeline ("reload 17"), from the companion or from the
 * program itself. They ship in every snapshot.
 *
 * The last LKS_MARKS_MAX are kept; one that falls out counts in marks_lost,
 * and older snapshots have it.
 */
#pragma once

#include "../proto/limits.h"
#include "lks.h"

struct lks_mark {
	uint64_t wall_ns;
	uint64_t monotonic_ns;
	uint32_t length;
	char text[LKS_MARK_BYTES]; /* no NUL within */
};

/* Any context. Of the moment of the call. A text of LKS_MARK_BYTES or more is
 * cut, between characters of UTF-8. False: the list stayed locked (counted). */
bool lks_marks_add(const char *text, size_t length);

/* WRITER. Those that are kept, oldest first; `out` has room for
 * LKS_MARKS_MAX. Their number. */
uint32_t lks_marks_copy(struct lks_mark *out);

/* FORK, in the child: marks are of the process. */
void lks_marks_fork_child(void);
