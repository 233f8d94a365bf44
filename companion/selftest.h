/*
 * The self-test: a program that leaks a known amount at a known place is run
 * on this machine, in this environment, and every link of the chain from the
 * preload to the comparison is looked at.
 *
 * The program is this one, executed once more: it is there wherever leakshim
 * is, and its functions' names are known.
 */
#pragma once

#include <stdbool.h>

/* Tells one step: `reason` is why it failed, NULL if it did not; `detail` is
 * what was seen, maybe "". All borrowed for the call. */
typedef void selftest_tell(void *arg, const char *step, const char *reason,
			   const char *detail);

/*
 * Runs all steps that can be, in at most about a minute, and leaves no files.
 * A step that needs one that failed is not tried and not told. True if none
 * failed.
 */
bool selftest_run(selftest_tell *tell, void *arg);

/* What the program does that is looked at: leaks for each byte on standard
 * input, answers with one on standard output, ends with its input. Returns its
 * exit status. */
int selftest_leak(void);
