/*
 * simulate KIND FROM COUNT: what snapshots would show of COUNT processes, from
 * seed FROM on, as `judge` reads it. KIND is `leaking` or `leak-free`, with
 * `few-` before it for 4 to 7 snapshots, with `uneven-` for snapshots at odd
 * times, or `noisy` (one leaking site among hundreds; a process per seed).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "crowd.h"

#define STACK_BYTES 8388608.0

static void
print_points(const struct story *story)
{
	const struct world *world = &story->world;
	size_t k;

	for (k = 0; k < world->sight_count; k++) {
		const struct sight *sight = &world->sights[k];
		double bytes = sight->bytes;
		double objects = sight->objects;

		switch (story->line) {
		case LINE_SITE:
			break;
		case LINE_THREADS:
			bytes = objects * STACK_BYTES;
			break;
		case LINE_LIVE:
			objects = 0;
			break;
		case LINE_PEAK:
			bytes = ceil(world->peaks[k] / 4096) * 4096;
			objects = 0;
			break;
		case LINE_KEPT:
			bytes = world->peaks[k] - bytes;
			objects = 0;
			break;
		}
		printf("point %.9f %.0f %.0f\n", sight->time, bytes, objects);
	}
}

/* The file has no ages for threads and for lines of the ledger. */
static void
print_ages(const struct story *story)
{
	const struct world *world = &story->world;
	size_t b;

	if (story->line != LINE_SITE)
		return;
	for (b = 0; b < world->bin_count; b++) {
		const struct bin *bin = &world->bins[b];

		if (bin->objects > 0)
			printf("age %.3f %.3f %.0f %.0f\n",
			       fmax(0, story->end - bin->to),
			       story->end - bin->from, bin->bytes,
			       bin->objects);
	}
}

static void
print_story(const struct story *story, uint64_t seed)
{
	const struct world *world = &story->world;
	double scale = story->line == LINE_THREADS ? STACK_BYTES : 0;
	bool counted = story->line <= LINE_THREADS;

	printf("subject %s/%llu %s\n", story->family, (unsigned long long)seed,
	       story->leaks ? "leaks" : "clean");
	printf("truth %.3f\n",
	       scale > 0 ? world->leaked_objects * scale : world->leaked_bytes);
	printf("facts %.0f %.3f %d\n", world->sample_bytes, story->end,
	       story->line == LINE_KEPT);
	if (counted)
		printf("totals %.0f %.0f %.0f %.0f\n",
		       scale > 0 ? world->alloc_objects * scale
				 : world->alloc_bytes,
		       world->alloc_objects,
		       scale > 0 ? world->free_objects * scale
				 : world->free_bytes,
		       world->free_objects);
	print_points(story);
	print_ages(story);
	printf("end\n");
}

static void
tell_crowd(uint64_t seed)
{
	struct story story;
	size_t sites = crowd_count(seed);
	size_t i;

	for (i = 0; i < sites; i++) {
		crowd_tell(&story, seed, i);
		print_story(&story, seed);
		world_release(&story.world);
	}
	printf("process\n");
}

int
main(int argc, char **argv)
{
	uint64_t seed, from, count;
	struct story story;
	enum frame frame = FRAME_MANY;
	const char *kind;
	bool leaks;

	if (argc != 4) {
		fprintf(stderr, "usage: simulate "
				"[few-|uneven-]leaking|leak-free or noisy "
				"FROM COUNT\n");
		return 2;
	}
	kind = argv[1];
	if (strncmp(kind, "few-", 4) == 0) {
		frame = FRAME_FEW;
		kind += 4;
	} else if (strncmp(kind, "uneven-", 7) == 0) {
		frame = FRAME_UNEVEN;
		kind += 7;
	}
	leaks = strcmp(kind, "leaking") == 0;
	if (!leaks && strcmp(kind, "leak-free") != 0 &&
	    strcmp(argv[1], "noisy") != 0) {
		fprintf(stderr, "simulate: unknown kind '%s'\n", argv[1]);
		return 2;
	}
	from = strtoull(argv[2], NULL, 10);
	count = strtoull(argv[3], NULL, 10);
	for (seed = from; seed < from + count; seed++) {
		if (strcmp(kind, "noisy") == 0) {
			tell_crowd(seed);
			continue;
		}
		cases_tell(&story, leaks, frame, seed % cases_count(leaks),
			   seed);
		print_story(&story, seed);
		world_release(&story.world);
	}
	return ferror(stdout) || fflush(stdout) != 0;
}
