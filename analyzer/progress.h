/*
 * A line on standard error for work that takes a while, for someone who waits
 * at a terminal. Nothing is printed before a second has passed, or where
 * standard error is no terminal.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
	const char *what; /* "reading snapshots"; borrowed */
	uint64_t start_ns;
	uint64_t last_ns;
	bool shown; /* a line stands there */
};

void progress_begin(struct progress *progress, const char *what);
/* `done` of `all`. Cheap: at most ten lines a second are printed. Takes a
 * struct progress, so that it can be handed on as a callback. */
void progress_step(void *progress, size_t done, size_t all);
/* Removes the line. */
void progress_end(struct progress *progress);

/* A line at once, without its end, of what may take long; NULL removes it. A
 * struct symbolizer_options can have it; `context` is not used. */
void progress_line(void *context, const char *line);
