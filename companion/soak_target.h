/*
 * The program under test while it runs: started under the shim, watched, ended.
 *
 * Which process is meant: the one that was started; or, if that ended well
 * before the first snapshot, as a daemon does, the oldest tracked one that it
 * left; or with `process`, the oldest of that name. That one gets the signals,
 * and its end is the target's.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "../analyzer/err.h"
#include "../analyzer/strbuf.h"
#include "scenario.h"
#include "soak_children.h"
#include "soak_log.h"

#define SOAK_TARGET_NAME 64

struct soak_target {
	const struct scenario *scenario;
	struct soak_log *log; /* of its output */
	struct soak_spare spare;
	pid_t child; /* that was started; 0 = not yet */
	pid_t main;  /* 0 = not chosen yet */
	int main_fd; /* its pidfd; owned. -1 = none */
	char name[SOAK_TARGET_NAME];
	bool may_change; /* main is the child, and no snapshot was taken */
};

/* Starts it. -1 with ERR_STEP or ERR_OPEN. */
int soak_target_start(struct soak_target *target,
		      const struct scenario *scenario, struct soak_log *log,
		      struct err *err) __attribute__((warn_unused_result));

/* Waits until it is tracked and chooses main. -1 with ERR_STEP. 0 also if we
 * were asked to end: then there may be none. */
int soak_target_choose(struct soak_target *target, double timeout_s,
		       struct err *err) __attribute__((warn_unused_result));

/* Whether main has ended; `how` (may be NULL) gets "signal SIGSEGV". Chooses
 * another if it may. Cheap. */
bool soak_target_is_gone(struct soak_target *target, struct strbuf *how);

/* Ends it and all that it left. True if it crashed meanwhile: `how` says so. */
bool soak_target_end(struct soak_target *target, struct strbuf *how);
