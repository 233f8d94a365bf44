/*
 * What the target and the commands print, in bounded files: each writes to a
 * pipe, and a thread moves it into PATH; at SOAK_LOG_BYTES that becomes PATH.1,
 * instead of an earlier one. The last lines are at hand as evidence.
 */
#pragma once

#include <stddef.h>

#include "../analyzer/err.h"
#include "../analyzer/strbuf.h"

#define SOAK_LOG_BYTES (1u << 20)
/* Of what is told as evidence. */
#define SOAK_LOG_TAIL 4096

struct soak_log;

/* NULL and `err`. */
struct soak_log *soak_log_open(const char *path, struct err *err)
	__attribute__((warn_unused_result));
/* To be inherited as descriptors 1 and 2; close-on-exec itself. */
int soak_log_fd(const struct soak_log *log);
/* Adds the last lines that were written, at most `lines` and SOAK_LOG_TAIL
 * bytes, with " | " between, printable. Waits a moment for what is still in
 * the pipe. */
void soak_log_tail(struct soak_log *log, unsigned int lines,
		   struct strbuf *out);
/* From here on soak_log_tail() knows only what is written later. */
void soak_log_mark(struct soak_log *log);
/* Whoever else holds the pipe is not waited for. NULL is allowed. */
void soak_log_close(struct soak_log *take);
