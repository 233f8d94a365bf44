/*
 * Commands around a soak: set-up, steps, conditions. They run by `sh -c`,
 * outside the shim.
 */
#pragma once

#include "../analyzer/err.h"
#include "scenario.h"
#include "soak_log.h"

/* What a command is told about the soak, and where its output goes. */
struct soak_command {
	const struct scenario *scenario;
	struct soak_log *log;
	pid_t pid;                /* the target's main process; 0 = none yet */
	uint64_t iteration;       /* 0 = before the first */
	const char *const *extra; /* NAME=VALUE, NULL at the end; may be NULL */
	/* Ends it early; may be NULL. */
	bool (*should_stop)(void *context);
	void *context;
};

/* Runs `text`. 0 if it succeeded, or was ended for should_stop; -1 with
 * ERR_STEP and its last line. */
int soak_command_run(const struct soak_command *command, const char *text,
		     double timeout_s, struct err *err)
	__attribute__((warn_unused_result));

/* The environment of the target: the scenario's, with the shim. Texts and array
 * in one block of soak_command_free_env(). `out` is the shim's template. NULL
 * and `err`. */
char **soak_command_target_env(const struct scenario *scenario, const char *out,
			       struct err *err)
	__attribute__((warn_unused_result));
void soak_command_free_env(char **env); /* NULL is allowed */

/* "exit status 3", "signal SEGV (core dumped)". */
void soak_command_add_status(struct strbuf *out, int status);
