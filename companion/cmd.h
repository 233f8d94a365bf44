/*
 * The verbs of `leakshim`, and what they share on the command line.
 *
 * Only here and in main.c anything is printed or the exit status chosen;
 * other rooms fill a struct err.
 */
#pragma once

#include "../analyzer/err.h"

struct target;

/* Exit statuses of all verbs but `run`, which is env(1)'s. */
enum cmd_status {
	CMD_OK = 0,
	CMD_USAGE = 2,
	CMD_TARGET = 3, /* no such target */
	CMD_FAILED = 5, /* the target or a step failed */
};

/* Each gets its own name as argv[0] and returns the exit status. */
int cmd_run(int argc, char **argv);
int cmd_snapshot(int argc, char **argv);
int cmd_status(int argc, char **argv);

/* Prints `err` as "leakshim: ..." and returns the status that goes with it. */
int cmd_fail(const struct err *err);

/* Prints "leakshim: ..." and where help is; returns CMD_USAGE. `verb` may be
 * NULL. With `format` NULL the message is getopt's, already printed. */
int cmd_usage(const char *verb, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Prints a help text on stdout. Returns CMD_OK, or CMD_FAILED if it could not
 * be written. */
int cmd_help(const char *text);

/* Flushes stdout: what a verb printed counts only if it arrived. Returns
 * CMD_OK or CMD_FAILED, told. */
int cmd_finish(void);

/*
 * Does what a verb does to a tracked process, the PID of which is its only
 * operand: `act`, which prints, gets it with its status file found, and
 * `request` as it is; it returns 0, or -1 with `err` filled. Returns the exit
 * status; failures are told.
 */
typedef int cmd_act(struct target *target, const void *request,
		    struct err *err);
int cmd_on_target(const char *verb, int argc, char **argv, cmd_act *act,
		  const void *request);

/* A whole number of seconds from 1 to BELL_TIMEOUT_MAX_S. 0 or CMD_USAGE,
 * told. */
int cmd_take_seconds(const char *verb, const char *text, unsigned int *out);
