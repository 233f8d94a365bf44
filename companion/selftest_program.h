/*
 * The program that the selftest tracks: this very leakshim, started with the
 * library and the options under test, and told over a pipe when to leak
 * (selftest_leak.h).
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "../analyzer/err.h"

/* Seconds that it may take to do anything. */
#define SELFTEST_TIMEOUT_S 10

struct selftest_program {
	pid_t pid;             /* 0 = none */
	int requests;          /* its standard input, -1 = none; owned */
	int answers;           /* its standard output, the same */
	const char *directory; /* its standard error is a file there; borrowed */
};

void selftest_program_init(struct selftest_program *program,
			   const char *directory);

/* With `library` added to LD_PRELOAD, and LEAKSHIM=`options`. -1 with
 * ERR_STEP. */
int selftest_program_start(struct selftest_program *program,
			   const char *library, const char *options,
			   struct err *err) __attribute__((warn_unused_result));

/* Lets it leak and waits until it has. False if it does not answer. */
bool selftest_program_ask(const struct selftest_program *program)
	__attribute__((warn_unused_result));

/* Adds to `err` the first line that it or the loader wrote, for a reason. */
void selftest_program_explain(const struct selftest_program *program,
			      struct err *err);

/* Lets it end. -1 with ERR_STEP if it does not, or not well; it is gone in any
 * case. */
int selftest_program_end(struct selftest_program *program, struct err *err)
	__attribute__((warn_unused_result));

/* Kills it if it still runs: then true. */
bool selftest_program_release(struct selftest_program *program);
