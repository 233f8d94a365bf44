/*
 * /debug/charts/: how the served processes did during the last hour, and how
 * they do now, for people to look at.
 *
 * Two threads: one takes a point of each process a second, the other compares
 * snapshots for the functions that grow (album.h). Both spare a process that
 * nobody looks at: its totals are asked for every CHARTS_QUIET_S seconds, its
 * snapshots are those of the album. A process that hangs delays no other one.
 */
#pragma once

#include "serve.h"

#define CHARTS_QUIET_S 5
/* With somebody looking: how often functions are compared, and at most which
 * part of the time a snapshot is under way. */
#define CHARTS_REPORT_S 10
#define CHARTS_REPORT_PART 50

struct charts;

/* Starts the threads. `interval_s` is between two points, at least 1. NULL with
 * `err`. */
struct charts *charts_start(struct serve *serve, unsigned int interval_s,
			    struct err *err)
	__attribute__((warn_unused_result));
/* NULL is allowed. No request is under way. */
void charts_stop(struct charts *charts);

/* For http_settings. */
void charts_stream_began(struct http_stream *stream, void *process);
void charts_stream_ended(struct http_stream *stream, void *process);
void charts_stream_unused(void *process);
