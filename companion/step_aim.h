/*
 * A process that a step sends signals to, and whether it took them.
 *
 * Of most signals a process has at most one waiting: one more is lost in it.
 * Those from SIGRTMIN on queue, but for a limit of the user's (RLIMIT_SIGPENDING)
 * beyond which they are lost likewise. So what counts signals must wait until
 * they are taken.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../analyzer/err.h"
#include "step.h"

struct step_aim {
	pid_t pid;
	int fd; /* pidfd: no other process that got the pid is hit; -1 where
		 * the kernel has none. Owned. */
};

/* -1 and errno, ESRCH: there is none. */
int step_aim_open(struct step_aim *aim, pid_t pid)
	__attribute__((warn_unused_result));
void step_aim_close(struct step_aim *aim);

/* -1 and errno. */
int step_aim_send(const struct step_aim *aim, int number)
	__attribute__((warn_unused_result));

/* Signals as a set: bit n - 1 is signal n. */
static inline uint64_t
step_aim_bit(int number)
{
	return UINT64_C(1) << (number - 1);
}

/*
 * Waits until the process has taken all of `set` that were sent to it. 0 also if
 * it has ended, or world->should_stop(). -1 with ERR_STEP: it has not by `end_s`
 * (clock_s()), as one that hangs, or has the signal blocked.
 */
int step_aim_await(const struct step_aim *aim, uint64_t set,
		   const struct step_world *world, double end_s,
		   struct err *err) __attribute__((warn_unused_result));
