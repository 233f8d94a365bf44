/*
 * One number against one limit: the growth of a row, or of a sum of rows, with
 * all that makes it uncertain. gate.c walks the rows and tells.
 */
#pragma once

#include <stdbool.h>

#include "diff.h"
#include "gate.h"

/* Ordered by how much it decides. */
enum finding { FINDING_NONE, FINDING_DOUBT, FINDING_FOUND };

struct weighed {
	enum finding finding;
	double amount;     /* bytes, or bytes per hour */
	const char *doubt; /* FINDING_DOUBT: why; NULL = too few snapshots */
};

struct weighed gate_weigh(const struct diff *diff, const struct row *row,
			  const struct gate_limit *limit);

/* By how many bytes its growth may be off, if that is an estimate. */
double gate_error_of(const struct diff *diff, const struct row *row);
