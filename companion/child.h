/*
 * A program that runs while we wait for it, as a shell's child would, were we
 * not there: it stays in our process group, so a terminal's signals reach it
 * without us; what is sent to us alone the caller hands on; and in the end we
 * end as it did.
 *
 * One at a time: it is the process's signal mask that is in force.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../analyzer/err.h"

struct child {
	pid_t pid;
	int status;         /* as of waitpid(2), once it has ended */
	uid_t uid;          /* effective, as it was at its end */
	sigset_t handed_on; /* signals that are told */
	/* What was before, which the child gets. */
	sigset_t mask;
	struct sigaction child_action;
};

enum child_event {
	CHILD_TIME,   /* nothing happened */
	CHILD_ENDED,  /* and was waited for */
	CHILD_SIGNAL, /* we got one that means the child */
};

/*
 * Forks. In the child `run` is called, which executes the program; what it
 * returns is the exit status if it can't. From here until the end HUP, INT,
 * QUIT, TERM, USR1 and USR2 are blocked in us, unless they were ignored. -1
 * with ERR_STEP.
 */
int child_start(struct child *child, int (*run)(void *arg), void *arg,
		struct err *err) __attribute__((warn_unused_result));

/*
 * Waits at most `timeout_ns`. A signal that a terminal sent is not told: the
 * child has it as well. *signal is set with CHILD_SIGNAL. After CHILD_ENDED
 * signals are as they were before.
 */
enum child_event child_wait(struct child *child, uint64_t timeout_ns,
			    int *signal);

/* Would `signal` end it at once, as it neither handles nor blocks it? False if
 * that can't be told. */
bool child_dies_of(const struct child *child, int signal);

/*
 * After the end: returns its exit status. If a signal killed it, ends this
 * process by the same, so that a shell sees what it would have seen; should
 * that fail, returns 128 + signal. Flush streams before.
 */
int child_pass_on(const struct child *child);
