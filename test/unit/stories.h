/*
 * Synthetic snapshots with a story, used by several tests and committed as
 * inputs of test/cli (test_stories.c keeps those current).
 */
#pragma once

#include "snapgen.h"

/*
 * A server, 10 s and 44 s after its start. In between createObject's site
 * grows by 9 MiB, a parser's by 1 MiB, a cache shrinks, a table stays, a
 * buffer of the start is gone; three workers more run, two were never joined;
 * one allocation was dropped.
 */
struct snapgen *story_server_old(void);
struct snapgen *story_server_new(void);
/* The same program in another process, loaded elsewhere. */
struct snapgen *story_server_other(void);
/* The second, sampled: counts in 1/65536 objects. */
struct snapgen *story_server_sampled(void);
/* Six files, each with a site, and none of them anywhere. */
struct snapgen *story_plugins(void);
/* Nothing was allocated, nothing could be measured. */
struct snapgen *story_idle(void);

/* One process every ten minutes, number 1 .. STORY_TREND_COUNT: createObject's
 * site leaks some of every batch, a buffer grows, a cache fills and is full, a
 * parser's blocks come and go, a table stays; threads are never joined; the
 * allocator keeps ever more. */
#define STORY_TREND_COUNT 8
struct snapgen *story_trend(unsigned int number);

/* The same program in three processes, one after the other: it leaks since the
 * second, which is of a new build. `number` 1 .. STORY_POD_COUNT. */
#define STORY_PODS 3
#define STORY_POD_COUNT 6
struct snapgen *story_pod_1(unsigned int number);
struct snapgen *story_pod_2(unsigned int number);
struct snapgen *story_pod_3(unsigned int number);
