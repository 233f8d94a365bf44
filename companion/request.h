/*
 * Requests with words: a mark, a dump. They go into a file beside the status
 * file of the target, as ../proto/status.h describes it, and then the bell is
 * rung.
 */
#pragma once

#include <stdint.h>

#include "../analyzer/strbuf.h"
#include "bell.h"

/* Adds "KEY=VALUE\n", VALUE escaped as in a status file. */
void request_add(struct strbuf *lines, const char *key, const char *value);

/*
 * Asks for `op` with these lines and waits, as bell_ask() does; bell_check()
 * said 0. -1 with ERR_STEP too if the process answered without taking the
 * request. *token names the answer in target->status. The request file is gone
 * afterwards in any case.
 */
int request_ask(struct target *target, enum lks_bell op,
		const struct strbuf *lines, unsigned int timeout_s,
		uint32_t *token, struct err *err)
	__attribute__((warn_unused_result));
