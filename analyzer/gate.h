/*
 * Gates: did something grow by more than is allowed, or can that not be told?
 * A gate passes only if what it asks could be answered.
 *
 * What counts are rows that are neither suppressed nor accepted by the
 * baseline; --focus and --min-bytes, which are for reading, change nothing.
 * Growth is from the first snapshot to the last; of one snapshot alone, all
 * that it holds. With three or more only the verdicts leak and growing-buffer
 * count. A rate is the lower end of its interval.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "inputs.h"
#include "judge.h"
#include "strbuf.h"
#include "study.h"
#include "suppress.h"

/* Share of the events that may be lost, unless --max-loss says another. */
#define GATE_MAX_LOSS 0.001

struct gate_limit {
	bool given;
	bool per_hour;
	bool per_unit; /* of work (work.h) */
	int64_t bytes;
};

struct gate {
	struct gate_limit site;
	struct gate_limit total;
	bool threads_given;
	int64_t threads;
	double max_loss; /* 0 .. 1 */
};

/* As on the command line; NULL = not given. -1 and `err` (ERR_PATTERN): the
 * message is that of a usage error. */
struct gate_options {
	const char *fail_over;
	const char *fail_over_total;
	const char *fail_threads;
	const char *max_loss;
	bool knows_work; /* SIZE/unit may be written */
};
int gate_parse(struct gate *gate, const struct gate_options *options,
	       struct err *err) __attribute__((warn_unused_result));

/* Is there anything to judge? */
bool gate_is_wanted(const struct gate *gate);

/* The worst of all processes; found before unsure, as one that fails is
 * enough. */
enum gate_outcome { GATE_PASSED, GATE_UNSURE, GATE_FAILED };

/*
 * Judges a study whose rows have their fates, made of `inputs`. Adds one line
 * for each gate and process that failed or could not be judged, at most
 * GATE_LINES, or one that says what was checked.
 */
#define GATE_LINES 20
enum gate_outcome gate_judge(const struct gate *gate, const struct study *study,
			     const struct inputs *inputs,
			     const struct judge_settings *judge,
			     struct suppress *suppress, struct strbuf *lines);

/* Why growth in a part of a study can't be judged at all, whatever it is: adds
 * the reason and returns true. */
bool gate_is_blind(const struct study_part *part, double max_loss,
		   struct strbuf *reason);
