#include "chart.h"

#include <inttypes.h>
#include <stdlib.h>

#include "../analyzer/clock.h"
#include "../analyzer/xalloc.h"

/* A column of the data: absent ones are null. */
#define COLUMNS(X)                                                             \
	X(counted_ms) /* when the heap was */                                  \
	X(live_bytes)                                                          \
	X(live_objects)                                                        \
	X(alloc_bytes)                                                         \
	X(alloc_objects)                                                       \
	X(free_bytes)                                                          \
	X(free_objects)                                                        \
	X(rss_bytes)                                                           \
	X(swap_bytes)                                                          \
	X(threads)                                                             \
	X(descriptors)                                                         \
	X(cpu_ms)                                                              \
	X(own_bytes)                                                           \
	X(ledger_ms) /* when the snapshot of the ledger was taken */

enum column {
#define X(name) COLUMN_##name,
	COLUMNS(X)
#undef X
		COLUMN_LEDGER, /* from here on its lines */
	COLUMN_COUNT = COLUMN_LEDGER + LEDGER_LINE_COUNT
};

static const char *const names[COLUMN_COUNT] = {
#define X(name) [COLUMN_##name] = #name,
	COLUMNS(X)
#undef X
#define X(name, words) [COLUMN_LEDGER + LEDGER_##name] = "ledger_" #name,
		LEDGER_LINES(X)
#undef X
};

struct chart_point {
	uint64_t wall_ms;
	int64_t value[COLUMN_COUNT];
	uint32_t known; /* bit n: value[n] is */
};

_Static_assert(COLUMN_COUNT <= 32, "a bit for each column");

struct chart *
chart_new(void)
{
	struct chart *chart = xcalloc(1, sizeof(*chart));

	pthread_mutex_init(&chart->lock, NULL);
	chart->points = xcalloc(CHART_POINTS, sizeof(*chart->points));
	return chart;
}

void
chart_free(struct chart *chart)
{
	if (!chart)
		return;
	album_release(&chart->album);
	strbuf_release(&chart->report);
	free(chart->points);
	pthread_mutex_destroy(&chart->lock);
	free(chart);
}

/* --- points -------------------------------------------------------------- */

static void
set(struct chart_point *point, unsigned int column, uint64_t value)
{
	/* No count of bytes or blocks gets near. */
	point->value[column] = value > INT64_MAX ? INT64_MAX : (int64_t)value;
	point->known |= 1u << column;
}

static void
fill_point(struct chart_point *point, const struct pulse *pulse,
	   const struct chart *chart)
{
	const struct totals *totals = &pulse->totals;
	const struct ledger *ledger = &chart->ledger;
	int i;

	*point = (struct chart_point){ .wall_ms = pulse->wall_ns / 1000000 };
	if (totals->counted) {
		set(point, COLUMN_counted_ms, totals->counted_ns / 1000000);
		set(point, COLUMN_live_bytes, totals->live_bytes);
		set(point, COLUMN_live_objects, totals->live_objects);
		set(point, COLUMN_alloc_bytes, totals->alloc_bytes);
		set(point, COLUMN_alloc_objects, totals->alloc_objects);
		set(point, COLUMN_free_bytes, totals->free_bytes);
		set(point, COLUMN_free_objects, totals->free_objects);
	}
	set(point, COLUMN_rss_bytes, pulse->usage.rss_bytes);
	set(point, COLUMN_swap_bytes, pulse->usage.swap_bytes);
	set(point, COLUMN_threads, pulse->usage.threads);
	set(point, COLUMN_descriptors, pulse->descriptors);
	set(point, COLUMN_cpu_ms, (uint64_t)(pulse->cpu_s * 1e3));
	set(point, COLUMN_own_bytes, totals->own_bytes);
	if (ledger->present)
		set(point, COLUMN_ledger_ms, chart->ledger_ns / 1000000);
	for (i = 0; ledger->present && i < LEDGER_LINE_COUNT; i++) {
		point->value[COLUMN_LEDGER + i] = ledger->bytes[i];
		point->known |= 1u << (COLUMN_LEDGER + i);
	}
}

static void
add_value(struct strbuf *out, const struct chart_point *point,
	  unsigned int column)
{
	if (point->known & 1u << column)
		strbuf_addf(out, "%" PRId64, point->value[column]);
	else
		strbuf_adds(out, "null");
}

static const struct chart_point *
point_at(const struct chart *chart, size_t i)
{
	return &chart->points[(chart->first + i) % CHART_POINTS];
}

static void
add_data_locked(struct strbuf *out, const struct chart *chart)
{
	unsigned int column;
	size_t i;

	strbuf_adds(out, "\"time_ms\":[");
	for (i = 0; i < chart->count; i++)
		strbuf_addf(out, "%s%" PRIu64, i ? "," : "",
			    point_at(chart, i)->wall_ms);
	strbuf_adds(out, "]");
	for (column = 0; column < COLUMN_COUNT; column++) {
		strbuf_addf(out, ",\n\"%s\":[", names[column]);
		for (i = 0; i < chart->count; i++) {
			if (i)
				strbuf_addc(out, ',');
			add_value(out, point_at(chart, i), column);
		}
		strbuf_adds(out, "]");
	}
}

static void
add_point_event(struct strbuf *out, const struct chart_point *point)
{
	unsigned int column;

	strbuf_addf(out, "event: point\ndata: {\"time_ms\":%" PRIu64,
		    point->wall_ms);
	for (column = 0; column < COLUMN_COUNT; column++) {
		strbuf_addf(out, ",\"%s\":", names[column]);
		add_value(out, point, column);
	}
	strbuf_adds(out, "}\n\n");
}

static void
push_locked(struct chart *chart, const struct strbuf *event)
{
	size_t i;

	/* Who lags too far behind gets no more, and comes again. */
	for (i = 0; i < chart->stream_count; i++)
		http_stream_push(chart->streams[i], strbuf_text(event),
				 event->len);
}

static void
end_stream(struct http_stream *stream)
{
	static const char event[] = "event: end\ndata: {}\n\n";

	http_stream_push(stream, event, sizeof(event) - 1);
	http_stream_end(stream);
}

void
chart_end(struct chart *chart)
{
	size_t i;

	pthread_mutex_lock(&chart->lock);
	chart->ended = true;
	for (i = 0; i < chart->stream_count; i++)
		end_stream(chart->streams[i]);
	pthread_mutex_unlock(&chart->lock);
}

/* --- all ----------------------------------------------------------------- */

void
chart_begin_stream(struct chart *chart, struct http_stream *stream)
{
	pthread_mutex_lock(&chart->lock);
	/* Between its reply and now the process may have ended, or others may
	 * have taken the last places: these try again. */
	if (chart->ended)
		end_stream(stream);
	else if (chart->stream_count < CHART_STREAMS_MAX)
		chart->streams[chart->stream_count++] = stream;
	else
		http_stream_end(stream);
	pthread_mutex_unlock(&chart->lock);
}

void
chart_end_stream(struct chart *chart, const struct http_stream *stream)
{
	size_t i;

	pthread_mutex_lock(&chart->lock);
	for (i = 0; i < chart->stream_count; i++) {
		if (chart->streams[i] == stream)
			chart->streams[i--] =
				chart->streams[--chart->stream_count];
	}
	pthread_mutex_unlock(&chart->lock);
}

bool
chart_is_watched(struct chart *chart)
{
	bool watched;

	pthread_mutex_lock(&chart->lock);
	watched = chart->stream_count > 0;
	pthread_mutex_unlock(&chart->lock);
	return watched;
}

void
chart_add(struct chart *chart, const struct pulse *pulse)
{
	struct strbuf event = { 0 };
	struct chart_point *point;

	pthread_mutex_lock(&chart->lock);
	if (chart->count == CHART_POINTS)
		chart->first = (chart->first + 1) % CHART_POINTS;
	else
		chart->count++;
	point = &chart->points[(chart->first + chart->count - 1) % CHART_POINTS];
	fill_point(point, pulse, chart);
	if (chart->stream_count) {
		add_point_event(&event, point);
		push_locked(chart, &event);
	}
	pthread_mutex_unlock(&chart->lock);
	strbuf_release(&event);
}

void
chart_add_data(struct strbuf *out, struct chart *chart)
{
	pthread_mutex_lock(&chart->lock);
	add_data_locked(out, chart);
	pthread_mutex_unlock(&chart->lock);
}

void
chart_set_report(struct chart *chart, struct strbuf take_report,
		 const struct ledger *ledger, uint64_t wall_ns,
		 uint64_t took_ns)
{
	struct strbuf event = { 0 };

	pthread_mutex_lock(&chart->lock);
	chart->ledger = *ledger;
	chart->ledger_ns = wall_ns;
	strbuf_release(&chart->report);
	chart->report = take_report;
	chart->report_ns = clock_ns(CLOCK_MONOTONIC);
	chart->report_took_ns = took_ns;
	if (chart->stream_count) {
		strbuf_addf(&event, "event: report\ndata: %s\n\n",
			    strbuf_text(&chart->report));
		push_locked(chart, &event);
	}
	pthread_mutex_unlock(&chart->lock);
	strbuf_release(&event);
}

void
chart_miss_report(struct chart *chart)
{
	pthread_mutex_lock(&chart->lock);
	chart->report_ns = clock_ns(CLOCK_MONOTONIC);
	pthread_mutex_unlock(&chart->lock);
}
