/*
 * A soak: one run of a scenario, from set-up to verdict. scenario.h says what it
 * does; this is the order in which it is done.
 *
 *	set-up, start, ready, warm-up, first snapshot,
 *	{ steps, pause, before-snapshot, trim, snapshot } ...,
 *	last snapshot, end, teardown, verdict and reports
 *
 * A target that crashes, ends or does not answer, and a step that fails, end it
 * at once: that is a result as well (`failure`), and what was seen until then is
 * judged. So is a crash of another process of the target, but it ends nothing.
 * Nothing that was started outlives it.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "../analyzer/err.h"
#include "../analyzer/strbuf.h"
#include "scenario.h"
#include "soak_deaths.h"
#include "soak_judge.h"
#include "soak_shots.h"
#include "step.h"

/* What a step did in all: since the first snapshot, or in a warm-up that
 * failed. */
struct soak_tally {
	uint64_t runs;
	double seconds;
	struct step_result result;
};

struct soak_run {
	const struct scenario *scenario; /* borrowed */
	struct soak_tally *tallies;      /* by step; owned */
	uint64_t iterations;             /* after the first snapshot */
	uint64_t units;
	double elapsed_s; /* likewise */
	bool stopped;     /* by a signal, before its end */
	char *failure;    /* why it failed; NULL: it did not. Owned */
	char *failed_at;  /* "step exec", "start"; owned */
	uint64_t failed_iteration;
	char *last_lines; /* of the target's output; owned */
	char *target;     /* "nginx, pid 12"; owned, may be NULL */
	struct soak_shots shots;
	struct soak_deaths deaths;
	bool judged; /* the verdict holds; else there is no snapshot, or
		      * judge_failure, which may also be that of reports */
	struct soak_verdict verdict;
	char *judge_failure; /* owned */
	struct strbuf notes; /* what could not be done as asked; lines */
};

/* Whom to tell what happens: one line. `is_progress` is of interest to someone
 * who waits only. */
struct soak_ear {
	void (*tell)(void *context, bool is_progress, const char *line);
	void *context;
};

/* Does it. The directory is made. Never fails: what goes wrong is in the
 * result. */
void soak_run(struct soak_run *out, const struct scenario *scenario,
	      struct soak_judge *judge, const struct soak_ear *ear);
void soak_run_release(struct soak_run *run);
