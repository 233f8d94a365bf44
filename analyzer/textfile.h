/*
 * Small files that people write: suppressions, baselines. Whole or not at all,
 * and never more than the caller wants to hold.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "err.h"
#include "strbuf.h"

/*
 * Adds what is in `file` to `text`. -1 and `err`: it can't be opened or read,
 * is a directory, or has more than `max` bytes. With `absent` a file that is
 * not there is no failure: *absent tells, and nothing is added.
 */
int textfile_read(const char *file, size_t max, struct strbuf *text,
		  bool *absent, struct err *err)
	__attribute__((warn_unused_result));

/* The same of a stream that is open, "standard input" to people. */
int textfile_read_stream(FILE *stream, const char *name, size_t max,
			 struct strbuf *text, struct err *err)
	__attribute__((warn_unused_result));
