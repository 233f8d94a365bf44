/*
 * Verdicts for the rows of a diff: turns rows into subjects of verdict.h. With
 * three or more snapshots of one process each row and total gets a verdict,
 * with one alone each heap row a suspicion; two compare and say no more.
 */
#pragma once

#include "diff.h"

struct judge_settings {
	double warmup_s;      /* < 0: found from the data */
	uint64_t limit_bytes; /* of resident memory; 0 = the cgroup's, if the
			       * snapshot knows one */
};

void judge(struct diff *diff, const struct judge_settings *settings);

/* A verdict for a sum of rows that is none of the diff's own: sum->points has
 * diff->point_count of them. */
void judge_sum(const struct diff *diff, const struct judge_settings *settings,
	       struct row *sum);

/* Until the limit that `judge` would use; 0 = none is known, below 0 = it was
 * met. */
int64_t judge_headroom(const struct diff *diff,
		       const struct judge_settings *settings);
