#include "harvest.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../analyzer/clock.h"
#include "../analyzer/model.h"
#include "../analyzer/process.h"
#include "../analyzer/reader.h"
#include "../analyzer/xalloc.h"
#include "bell.h"
#include "target.h"

#define MS_NS 1000000ull

/* How often a program is looked at that has no snapshot yet: often while it
 * starts, then as one that may never be tracked. */
#define START_NS CLOCK_NS_PER_S
#define START_LOOK_NS (10 * MS_NS)
#define LOOK_NS CLOCK_NS_PER_S

/* A part of the run's length lies between two, within these bounds: so much of
 * it is unseen if it is killed. */
#define PART 8
#define LEAST_NS CLOCK_NS_PER_S
#define MOST_NS (60 * CLOCK_NS_PER_S)

/* A program that does not answer has other worries. */
#define TIMEOUT_S 5

void
harvest_begin(struct harvest *harvest, pid_t pid, bool asks)
{
	struct procfs_stat stat;
	struct procfs proc;
	struct err ignored;

	memset(harvest, 0, sizeof(*harvest));
	harvest->pid = pid;
	harvest->asks = asks;
	harvest->begun_ns = clock_ns(CLOCK_MONOTONIC);
	if (target_check_proc(&ignored) < 0 || procfs_open(&proc, pid) < 0)
		return;
	if (!procfs_stat(&proc, &stat))
		harvest->start_ticks = stat.start_ticks;
	procfs_close(&proc);
}

static bool
take(struct harvest *harvest, struct target *target)
{
	struct err err;

	/* It would answer when it is continued, and then to all of them. */
	if (target->stat.state == 'T' || target->stat.state == 't' ||
	    bell_check(target, LKS_BELL_SNAPSHOT, &err) < 0)
		return false;
	if (bell_ask(target, LKS_BELL_SNAPSHOT, TIMEOUT_S, &err) == 0) {
		snprintf(harvest->error, sizeof(harvest->error), "%s",
			 target->status.error);
		return true;
	}
	/* One that hangs would find a queue of requests when it goes on, and
	 * signals that are for it wait while we do. */
	harvest->rest_ns = clock_ns(CLOCK_MONOTONIC) + MOST_NS;
	return false;
}

static uint64_t
gap_of(uint64_t run_ns)
{
	uint64_t gap = run_ns / PART;

	return gap < LEAST_NS ? LEAST_NS : gap > MOST_NS ? MOST_NS : gap;
}

/* A program that was executed in place of another has no snapshot yet. */
static bool
is_due(const struct harvest *harvest, const struct status *status)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	return now >= harvest->rest_ns &&
	       (status->sequence == 0 || now >= harvest->due_ns);
}

static void
look(struct harvest *harvest, bool anyway)
{
	struct target target;
	struct err err;

	if (target_hold(&target, harvest->pid, &err) < 0)
		return;
	if (target_find(&target, &err) == 1 &&
	    target.status.state == STATUS_ON &&
	    (anyway || is_due(harvest, &target.status)) &&
	    take(harvest, &target))
		harvest->due_ns =
			clock_ns(CLOCK_MONOTONIC) +
			gap_of(clock_ns(CLOCK_MONOTONIC) - harvest->begun_ns);
	target_close(&target);
}

uint64_t
harvest_step(struct harvest *harvest)
{
	if (!harvest->asks)
		return MOST_NS;
	look(harvest, false);
	if (!harvest->due_ns &&
	    clock_ns(CLOCK_MONOTONIC) - harvest->begun_ns < START_NS)
		return START_LOOK_NS;
	return LOOK_NS;
}

void
harvest_finish(struct harvest *harvest)
{
	if (clock_ns(CLOCK_MONOTONIC) >= harvest->rest_ns)
		look(harvest, true);
}

void
harvest_end(struct harvest *harvest)
{
	harvest->ended_ns = clock_ns(CLOCK_MONOTONIC);
}

/* --- files ------------------------------------------------------------------ */

struct found {
	const char *path; /* borrowed */
	struct model *facts;
};

static bool
is_of(const struct harvest *harvest, const struct model *facts)
{
	if (facts->header.pid != (uint32_t)harvest->pid)
		return false;
	return harvest->start_ticks
		       ? facts->header.start_ticks == harvest->start_ticks
		       : facts->header.start_monotonic_ns >= harvest->begun_ns;
}

static bool
is_before(const struct found *a, const struct found *b)
{
	return a->facts->header.monotonic_ns < b->facts->header.monotonic_ns;
}

static void
choose(const struct harvest *harvest, const struct found *found, size_t count,
       struct harvest_files *out)
{
	const struct found *last = &found[0], *first;
	size_t i;

	for (i = 1; i < count; i++)
		if (is_before(last, &found[i]))
			last = &found[i];
	first = last;
	for (i = 0; i < count; i++)
		if (is_before(&found[i], first) &&
		    process_same(&found[i].facts->header, &last->facts->header))
			first = &found[i];
	if (last->facts->header.monotonic_ns < harvest->ended_ns)
		out->last_age_ns =
			harvest->ended_ns - last->facts->header.monotonic_ns;
	out->last = xstrdup(last->path);
	out->first = first == last ? NULL : xstrdup(first->path);
}

/* Facts of all snapshots that match; paths are borrowed from `files`. */
static struct found *
look_at_files(glob_t *files, char *const *patterns, size_t pattern_count,
	      size_t *count)
{
	struct found *found;
	struct model *facts;
	struct err err;
	int flags = GLOB_NOSORT;
	size_t i;

	*count = 0;
	for (i = 0; i < pattern_count; i++)
		if (patterns[i] && !glob(patterns[i], flags, NULL, files))
			flags |= GLOB_APPEND;
	if (!(flags & GLOB_APPEND))
		return NULL;
	found = xcalloc(files->gl_pathc, sizeof(*found));
	for (i = 0; i < files->gl_pathc; i++) {
		facts = reader_peek(files->gl_pathv[i], &err);
		if (facts && facts->origin == ORIGIN_SNAPSHOT)
			found[(*count)++] =
				(struct found){ files->gl_pathv[i], facts };
		else
			model_free(facts);
	}
	return found;
}

static void
forget_files(glob_t *files, struct found *take_found, size_t count)
{
	size_t i;

	if (!take_found)
		return;
	for (i = 0; i < count; i++)
		model_free(take_found[i].facts);
	free(take_found);
	globfree(files);
}

int
harvest_find(const struct harvest *harvest,
	     char *const patterns[HARVEST_PLACES], struct harvest_files *out)
{
	size_t i, own = 0, count;
	struct found *found, swap;
	glob_t files;

	memset(out, 0, sizeof(*out));
	found = look_at_files(&files, patterns, HARVEST_PLACES, &count);
	for (i = 0; i < count; i++) {
		if (!is_of(harvest, found[i].facts))
			continue;
		swap = found[own];
		found[own++] = found[i];
		found[i] = swap;
	}
	if (own)
		choose(harvest, found, own, out);
	forget_files(&files, found, count);
	return own ? 1 : 0;
}

/* Is it the first of its process's? */
static bool
is_first(const struct found *found, size_t i)
{
	size_t j;

	for (j = 0; j < i; j++)
		if (process_same(&found[j].facts->header,
				 &found[i].facts->header))
			return false;
	return true;
}

size_t
harvest_others(const struct harvest *harvest, char *pattern)
{
	size_t i, count, others = 0;
	struct found *found;
	glob_t files;

	found = look_at_files(&files, &pattern, 1, &count);
	for (i = 0; i < count; i++)
		if (!is_of(harvest, found[i].facts) &&
		    found[i].facts->header.start_monotonic_ns >=
			    harvest->begun_ns &&
		    is_first(found, i))
			others++;
	forget_files(&files, found, count);
	return others;
}

void
harvest_release(struct harvest_files *files)
{
	free(files->first);
	free(files->last);
}
