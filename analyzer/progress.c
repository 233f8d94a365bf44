#include "progress.h"

#include <stdio.h>
#include <unistd.h>

#include "clock.h"

#define PATIENCE_NS UINT64_C(1000000000)
#define PAUSE_NS UINT64_C(100000000)

void
progress_begin(struct progress *progress, const char *what)
{
	*progress = (struct progress){ .what = what,
				       .start_ns = clock_ns(CLOCK_MONOTONIC) };
}

void
progress_step(void *progress, size_t done, size_t all)
{
	struct progress *line = progress;
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	if (now - line->start_ns < PATIENCE_NS ||
	    now - line->last_ns < PAUSE_NS || !isatty(STDERR_FILENO))
		return;
	line->last_ns = now;
	line->shown = true;
	fprintf(stderr, "\rleakdiff: %s: %zu of %zu\033[K", line->what, done,
		all);
}

void
progress_end(struct progress *progress)
{
	if (progress->shown)
		fputs("\r\033[K", stderr);
	progress->shown = false;
}

void
progress_line(void *context, const char *line)
{
	(void)context;
	if (!isatty(STDERR_FILENO))
		return;
	if (line)
		fprintf(stderr, "\rleakdiff: %s\033[K", line);
	else
		fputs("\r\033[K", stderr);
}
