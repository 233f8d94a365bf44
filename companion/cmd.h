/*
 * The verbs of `leakshim`, and what they share on the command line.
 *
 * Only here and in main.c anything is printed or the exit status chosen;
 * other rooms fill a struct err.
 */
#pragma once

#include <stddef.h>

#include "../analyzer/err.h"

struct target;

/* Exit statuses of all verbs but `run`, which is env(1)'s. */
enum cmd_status {
	CMD_OK = 0,
	CMD_FOUND = 1, /* growth over the limit, a blind spot */
	CMD_USAGE = 2,
	CMD_TARGET = 3,   /* no such target */
	CMD_EVIDENCE = 4, /* not enough of it */
	CMD_FAILED = 5,   /* the target or a step failed */
};

/* Each gets its own name as argv[0] and returns the exit status. */
int cmd_doctor(int argc, char **argv);
int cmd_dump(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_mark(int argc, char **argv);
int cmd_monitor(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_selftest(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_snapshot(int argc, char **argv);
int cmd_soak(int argc, char **argv);
int cmd_start(int argc, char **argv);
int cmd_status(int argc, char **argv);

/* Prints `err` as "leakshim: ..." and returns the status that goes with it. */
int cmd_fail(const struct err *err);

/* Prints "leakshim: ..." and where help is; returns CMD_USAGE. `verb` may be
 * NULL. With `format` NULL the message is getopt's, already printed. */
int cmd_usage(const char *verb, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Prints "leakshim: ..." on stderr: what is no failure. */
void cmd_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints a path on stdout, a line of it alone: as it is, for $(...), but on a
 * terminal a hostile one is defused. */
void cmd_print_path(const char *path);

/* Prints a help text on stdout. Returns CMD_OK, or CMD_FAILED if it could not
 * be written. */
int cmd_help(const char *text);

/* Flushes stdout: what a verb printed counts only if it arrived. Returns
 * CMD_OK or CMD_FAILED, told. */
int cmd_finish(void);

/*
 * The tracked processes that the operands PID|NAME... mean, each once. Those
 * that can't be had are told and make `status` what it is.
 */
struct cmd_targets {
	struct target *list; /* with their status files found; owned */
	size_t count;
	size_t capacity;
	int status; /* CMD_OK, or the worst so far */
};

/* 0, also with an empty list; or CMD_USAGE, told, if there is no operand.
 * cmd_close_targets() after 0 only. */
int cmd_open_targets(struct cmd_targets *out, const char *verb, int argc,
		     char **argv);
void cmd_close_targets(struct cmd_targets *targets);
/* Tells that something failed and lets it count. */
void cmd_note(struct cmd_targets *targets, const struct err *err);

/*
 * What a verb does to a tracked process: `act`, which prints, gets it with its
 * status file found, and `request` as it is; it returns 0, or -1 with `err`
 * filled. Failures are told.
 */
typedef int cmd_act(struct target *target, const void *request,
		    struct err *err);
/* Does it to each of cmd_open_targets(); one that fails does not stop the
 * others. Returns the worst exit status. */
int cmd_on_targets(const char *verb, int argc, char **argv, cmd_act *act,
		   const void *request);
/* Does it to the one process that the only operand means. Several of that name
 * are an error. */
int cmd_on_target(const char *verb, int argc, char **argv, cmd_act *act,
		  const void *request);

/* A time of whole seconds from 1 to BELL_TIMEOUT_MAX_S: 30, 30s, 5m. 0 or
 * CMD_USAGE, told. */
int cmd_take_seconds(const char *verb, const char *text, unsigned int *out);
