#include "progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_NS UINT64_C(1000000000)
#define PAUSE_NS UINT64_C(100000000)

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void
progress_begin(struct progress *progress, const char *what)
{
	*progress = (struct progress){ .what = what, .start_ns = now_ns() };
}

void
progress_step(void *progress, size_t done, size_t all)
{
	struct progress *line = progress;
	uint64_t now = now_ns();

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
