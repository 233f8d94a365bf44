/*
 * The bell: how the companion asks a tracked process for something.
 *
 * A signal kills a process that does not expect it, or starts whatever the
 * program itself uses it for. So nothing is sent unless the status file calls
 * the bell ours and the kernel confirms what it can: that the signal has a
 * handler and that somebody can take it.
 */
#pragma once

#include <stdint.h>

#include "../proto/status.h"
#include "target.h"

#define BELL_TIMEOUT_MAX_S 86400u

/*
 * 0 if the bell of `target`, whose status was found, may be rung for `op`;
 * otherwise -1 with the reason in `err` (ERR_TARGET). A dormant process has
 * nothing to put into a snapshot.
 */
int bell_check(struct target *target, enum lks_bell op, struct err *err)
	__attribute__((warn_unused_result));

/*
 * Rings for `op` and waits until the process has done it, so that
 * target->status is the answer. bell_check() said 0. -1 with ERR_STEP if it
 * did not answer within `timeout_s` seconds or the bell could not be rung,
 * with ERR_TARGET if it ended meanwhile.
 */
int bell_ask(struct target *target, enum lks_bell op, unsigned int timeout_s,
	     struct err *err) __attribute__((warn_unused_result));

/*
 * Checks, asks for a snapshot and waits for it. Its path as we can open it,
 * which the caller frees; NULL with `err` as of the two above, or ERR_STEP if
 * the process could not write one.
 */
char *bell_take_snapshot(struct target *target, unsigned int timeout_s,
			 struct err *err) __attribute__((warn_unused_result));

/* bell_ask() with a token of the caller's, for what has a request file
 * (request.h). */
int bell_ask_with(struct target *target, enum lks_bell op, uint32_t token,
		  unsigned int timeout_s, struct err *err)
	__attribute__((warn_unused_result));
uint32_t bell_new_token(void);

/* This program ends: whoever waits for an answer, in any thread, gets ERR_STEP,
 * and so does who asks from now on. */
void bell_give_up(void);

/* Tid, as we see it, of the target's helper thread; 0: it has none, or none that
 * listens. */
pid_t bell_helper(const struct target *target);
