/*
 * When the target can be worked with: a TCP port takes connections, a URL
 * answers, a file is there, or a command succeeds.
 */
#pragma once

#include <stdbool.h>

#include "../analyzer/err.h"
#include "soak_command.h"

/* tcp:HOST:PORT, http(s)://, file:PATH, else a command. -1 and `err`
 * (ERR_PATTERN): it is none of them. */
int soak_ready_check(const char *ready, struct err *err)
	__attribute__((warn_unused_result));

/* Asks again and again, until it is, or `timeout_s` is over: -1 with ERR_STEP
 * and the last refusal. 0 also if command->should_stop said so. */
int soak_ready_wait(const struct soak_command *command, const char *ready,
		    double timeout_s, struct err *err)
	__attribute__((warn_unused_result));

/* Is it http(s)://? Pure. */
bool soak_ready_is_url(const char *text);

/* One GET; any answer below `bad` will do. -1 with ERR_STEP. */
int soak_ready_get(const char *url, double timeout_s, long bad, struct err *err)
	__attribute__((warn_unused_result));
