/*
 * The snapshots of a program that we started: asked for while it runs, found
 * when it has ended.
 *
 * The first is asked for as soon as the program is tracked, so that what it
 * holds then is not taken for growth. Later ones replace each other (keep=2),
 * so that there is one to compare with even if the program is killed; how far
 * apart they are grows with the run, so that they cost a long one nothing.
 * The last is the shim's own, on=exit, if the program gets so far.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../analyzer/err.h"

struct harvest {
	pid_t pid;
	uint64_t start_ticks; /* which process of that pid it is; 0 = unknown */
	bool asks;            /* else the program's own triggers do */
	uint64_t begun_ns;    /* CLOCK_MONOTONIC, as are the next */
	uint64_t due_ns;      /* of the next snapshot */
	uint64_t rest_ns;     /* until then it is not asked again */
	uint64_t ended_ns;    /* 0 = it runs */
	/* Why the last one asked for could not be written, as the program
	 * says, or "". */
	char error[256];
};

struct harvest_files {
	char *first;          /* NULL: there is only the last; owned */
	char *last;           /* owned */
	uint64_t last_age_ns; /* how long before the program's end */
};

/* Patterns of glob(3) at most: where snapshots were asked for, and where they
 * go instead. */
#define HARVEST_PLACES 2

/* `pid` is a child that was not waited for yet. */
void harvest_begin(struct harvest *harvest, pid_t pid, bool asks);

/* Asks for a snapshot if it is time. Returns how long, in ns, there is nothing
 * to do. Fails silently: what is missing is seen in the end. */
uint64_t harvest_step(struct harvest *harvest);

/* One more, before the program ends without a chance to write its own. */
void harvest_finish(struct harvest *harvest);

/* It has ended just now. */
void harvest_end(struct harvest *harvest);

/*
 * The first and the last of the files that match one of `patterns`, NULL where
 * there is none, and are of the program: of its last one, if it executed
 * others. Returns 1, with `out` the caller's to release, or 0 if there is none.
 */
int harvest_find(const struct harvest *harvest,
		 char *const patterns[HARVEST_PLACES],
		 struct harvest_files *out);
/* How many processes else that began since then have files that match. */
size_t harvest_others(const struct harvest *harvest, char *pattern);
void harvest_release(struct harvest_files *files);
