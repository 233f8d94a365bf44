/*
 * What is kept of one process for its charts: points of the last hour in a
 * ring, snapshots of it (album.h), the last report made of those, and the
 * streams of who looks. All memory is of fixed size, but for that report.
 *
 * Functions take the lock; fields are for the rooms of the charts alone.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../analyzer/model.h"
#include "../analyzer/strbuf.h"
#include "album.h"
#include "http.h"
#include "pulse.h"

#define CHART_POINTS 3600
/* People at one process; who comes later is told to come later. */
#define CHART_STREAMS_MAX 32

struct chart_point;

struct chart {
	pthread_mutex_t lock;
	/* Guard of all: lock. */
	struct chart_point *points; /* a ring of CHART_POINTS; owned */
	size_t first;
	size_t count;
	struct album album;
	struct ledger ledger; /* of the last snapshot */
	uint64_t ledger_ns;   /* CLOCK_REALTIME; when that was */
	struct strbuf report; /* JSON; empty: none yet */
	uint64_t report_ns;   /* CLOCK_MONOTONIC; 0 = none yet */
	uint64_t report_took_ns;
	struct http_stream *streams[CHART_STREAMS_MAX];
	size_t stream_count;
	bool ended;       /* its process */
	bool is_sampled;  /* somebody is at it: its next point */
	bool is_compared; /* and its next report */
};

struct chart *chart_new(void) __attribute__((warn_unused_result));
void chart_free(struct chart *chart); /* NULL is allowed */

/* Its process has ended: who looks is told. */
void chart_end(struct chart *chart);

/* Adds a point, in place of the oldest one if there are CHART_POINTS, and tells
 * who looks. */
void chart_add(struct chart *chart, const struct pulse *pulse);

/* Adds the points as members of a JSON object: a column each, "time_ms" first;
 * what is not known is null. */
void chart_add_data(struct strbuf *out, struct chart *chart);

/* A new report, which becomes the chart's, and what the ledger of its snapshot
 * says; `wall_ns`: when that was taken, `took_ns`: how long it took. Who looks
 * is told. */
void chart_set_report(struct chart *chart, struct strbuf take_report,
		      const struct ledger *ledger, uint64_t wall_ns,
		      uint64_t took_ns);
/* There is none, for as long as if there was. */
void chart_miss_report(struct chart *chart);

/* Does somebody look? */
bool chart_is_watched(struct chart *chart);

/* A stream begins, or has ended. One that can't be had is ended at once. */
void chart_begin_stream(struct chart *chart, struct http_stream *stream);
void chart_end_stream(struct chart *chart, const struct http_stream *stream);
