#include "charts.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../analyzer/clock.h"
#include "../analyzer/report_json.h"
#include "../analyzer/xalloc.h"
#include "album.h"
#include "charts_page.h"
#include "pulse.h"

/* People at one process; who comes later is told to come later. */
#define STREAMS_MAX 32
#define REPORT_TOP 10

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
	X(own_bytes)

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

struct chart {
	pthread_mutex_t lock;
	/* Guard of all: lock. */
	struct chart_point *points; /* a ring of CHARTS_POINTS */
	size_t first;
	size_t count;
	struct album album;
	struct ledger ledger; /* of the last snapshot */
	struct strbuf report; /* JSON; empty: none yet */
	uint64_t report_ns;   /* CLOCK_MONOTONIC; 0 = none yet */
	uint64_t report_took_ns;
	struct http_stream *streams[STREAMS_MAX];
	size_t stream_count;
	bool ended; /* its process */
};

struct charts {
	struct serve *serve;
	unsigned int interval_s;
	pthread_mutex_t lock;
	pthread_cond_t over; /* with lock: stopping */
	bool stopping;       /* guard: lock */
	pthread_t sampler;
	pthread_t painter;
};

struct chart *
chart_new(void)
{
	struct chart *chart = xcalloc(1, sizeof(*chart));

	pthread_mutex_init(&chart->lock, NULL);
	chart->points = xcalloc(CHARTS_POINTS, sizeof(*chart->points));
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
	   const struct ledger *ledger)
{
	const struct totals *totals = &pulse->totals;
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
	return &chart->points[(chart->first + i) % CHARTS_POINTS];
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

/* --- streams ------------------------------------------------------------- */

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

void
charts_stream_began(struct http_stream *stream, void *as_process)
{
	struct served_process *process = as_process;
	struct chart *chart = process->chart;

	pthread_mutex_lock(&chart->lock);
	/* Between its reply and now the process may have ended, or others may
	 * have taken the last places: these try again. */
	if (chart->ended)
		end_stream(stream);
	else if (chart->stream_count < STREAMS_MAX)
		chart->streams[chart->stream_count++] = stream;
	else
		http_stream_end(stream);
	pthread_mutex_unlock(&chart->lock);
}

void
charts_stream_ended(struct http_stream *stream, void *as_process)
{
	struct served_process *process = as_process;
	struct chart *chart = process->chart;
	size_t i;

	pthread_mutex_lock(&chart->lock);
	for (i = 0; i < chart->stream_count; i++) {
		if (chart->streams[i] == stream)
			chart->streams[i--] =
				chart->streams[--chart->stream_count];
	}
	pthread_mutex_unlock(&chart->lock);
	served_put(process);
}

void
charts_stream_unused(void *process)
{
	served_put(process);
}

/* --- the sampler --------------------------------------------------------- */

/* Sleeps until a moment of CLOCK_MONOTONIC. False: it is over. */
static bool
sleep_until(struct charts *charts, uint64_t until_ns)
{
	struct timespec until = {
		.tv_sec = (time_t)(until_ns / 1000000000u),
		.tv_nsec = (long)(until_ns % 1000000000u),
	};
	bool stopping;

	pthread_mutex_lock(&charts->lock);
	while (!charts->stopping &&
	       pthread_cond_timedwait(&charts->over, &charts->lock, &until) !=
		       ETIMEDOUT)
		;
	stopping = charts->stopping;
	pthread_mutex_unlock(&charts->lock);
	return !stopping;
}

static bool
is_watched(struct chart *chart)
{
	bool watched;

	pthread_mutex_lock(&chart->lock);
	watched = chart->stream_count > 0;
	pthread_mutex_unlock(&chart->lock);
	return watched;
}

static void
sample(const struct charts *charts, struct served_process *process)
{
	struct chart *chart = process->chart;
	unsigned int max_age_s = charts->interval_s;
	struct strbuf event = { 0 };
	struct pulse pulse;
	struct chart_point *point;

	if (!is_watched(chart) && max_age_s < CHARTS_QUIET_S)
		max_age_s = CHARTS_QUIET_S;
	/* Half an interval early, or every other one would be left out. */
	if (pulse_take(process, max_age_s * 1000 - charts->interval_s * 500,
		       &pulse) < 0)
		return;
	pthread_mutex_lock(&chart->lock);
	if (chart->count == CHARTS_POINTS)
		chart->first = (chart->first + 1) % CHARTS_POINTS;
	else
		chart->count++;
	point = &chart->points[(chart->first + chart->count - 1) %
			       CHARTS_POINTS];
	fill_point(point, &pulse, &chart->ledger);
	if (chart->stream_count) {
		add_point_event(&event, point);
		push_locked(chart, &event);
	}
	pthread_mutex_unlock(&chart->lock);
	strbuf_release(&event);
}

static void *
run_sampler(void *as_charts)
{
	struct charts *charts = as_charts;
	struct served_process *all[SERVED_MAX];
	uint64_t step = charts->interval_s * 1000000000ull;
	uint64_t next = clock_ns(CLOCK_MONOTONIC);
	size_t i, count;

	do {
		count = served_all(charts->serve->served, all);
		for (i = 0; i < count; i++) {
			sample(charts, all[i]);
			served_put(all[i]);
		}
		next += step;
		/* After a suspended machine there is nothing to make up. */
		if (next < clock_ns(CLOCK_MONOTONIC))
			next = clock_ns(CLOCK_MONOTONIC) + step;
	} while (sleep_until(charts, next));
	return NULL;
}

/* --- the painter --------------------------------------------------------- */

/* The album's scrapes, held, and one more at the end. */
struct pages {
	struct scrape *scrape[ALBUM_MAX + 1];
	const char *file[ALBUM_MAX + 1];
	size_t count;
};

static void
pages_add(struct pages *pages, struct scrape *take)
{
	pages->scrape[pages->count] = take;
	pages->file[pages->count++] = scrape_file(take);
}

static void
pages_release(struct pages *pages)
{
	while (pages->count)
		scrape_put(pages->scrape[--pages->count]);
}

/* What the painter makes of a study. */
struct painting {
	struct ledger ledger;
	struct strbuf report;
};

static int
paint(const struct study *study, void *as_painting, struct err *err)
{
	struct painting *painting = as_painting;
	const struct report report = {
		.study = study,
		.diff = study->parts[0].diff,
		.resolver = study->resolver,
		.top = REPORT_TOP,
	};
	json_t *document = report_json_build(&report);
	char *text = json_dumps(
		document,
		JSON_COMPACT | JSON_REAL_PRECISION(REPORT_JSON_DIGITS));

	json_decref(document);
	if (!text)
		return err_set(err, ERR_STEP, "no memory for a report");
	strbuf_adds(&painting->report, text);
	free(text);
	painting->ledger = report.diff->new_model->ledger;
	return 0;
}

/* A new scrape goes into the album if that wants one. */
static void
collect(struct chart *chart, struct scrape *take_new, struct pages *pages)
{
	size_t i;

	pthread_mutex_lock(&chart->lock);
	for (i = 0; i < chart->album.count; i++)
		pages_add(pages, scrape_hold(chart->album.scrapes[i]));
	if (album_wants(&chart->album, scrape_wall_ns(take_new)))
		album_add(&chart->album, scrape_hold(take_new));
	pthread_mutex_unlock(&chart->lock);
	pages_add(pages, take_new);
}

static void
publish(struct chart *chart, struct painting *painting, uint64_t took_ns)
{
	struct strbuf event = { 0 };

	pthread_mutex_lock(&chart->lock);
	chart->ledger = painting->ledger;
	strbuf_release(&chart->report);
	chart->report = painting->report;
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

static void
compare(const struct charts *charts, struct served_process *process)
{
	struct painting painting = { .report = { 0 } };
	struct pages pages = { .count = 0 };
	struct chart *chart = process->chart;
	struct scrape *scrape;
	struct err err;
	uint64_t took_ns;

	scrape = scrape_take(process, false, &err);
	if (!scrape) {
		/* Not before the next turn. */
		pthread_mutex_lock(&chart->lock);
		chart->report_ns = clock_ns(CLOCK_MONOTONIC);
		pthread_mutex_unlock(&chart->lock);
		return;
	}
	took_ns = scrape_took_ns(scrape);
	collect(chart, scrape, &pages);
	if (analysis_study(charts->serve->analysis, pages.file, pages.count,
			   GROUP_FUNCTION, paint, &painting, NULL, &err) == 0)
		publish(chart, &painting, took_ns);
	else
		strbuf_release(&painting.report);
	pages_release(&pages);
}

static bool
is_due(struct chart *chart)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	uint64_t pause = CHARTS_REPORT_S * 1000000000ull;
	bool due;

	pthread_mutex_lock(&chart->lock);
	if (chart->report_took_ns * CHARTS_REPORT_PART > pause)
		pause = chart->report_took_ns * CHARTS_REPORT_PART;
	due = !chart->report_ns ||
	      (now - chart->report_ns >= pause &&
	       (chart->stream_count ||
		album_wants(&chart->album, clock_ns(CLOCK_REALTIME))));
	pthread_mutex_unlock(&chart->lock);
	return due;
}

static void *
run_painter(void *as_charts)
{
	struct charts *charts = as_charts;
	struct served_process *all[SERVED_MAX];
	size_t i, count;

	do {
		count = served_all(charts->serve->served, all);
		for (i = 0; i < count; i++) {
			if (is_due(all[i]->chart))
				compare(charts, all[i]);
			served_put(all[i]);
		}
	} while (sleep_until(charts, clock_ns(CLOCK_MONOTONIC) + 500000000u));
	return NULL;
}

/* --- beginning and end --------------------------------------------------- */

struct charts *
charts_start(struct serve *serve, unsigned int interval_s, struct err *err)
{
	struct charts *charts = xcalloc(1, sizeof(*charts));
	pthread_condattr_t attr;

	charts->serve = serve;
	charts->interval_s = interval_s;
	pthread_mutex_init(&charts->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&charts->over, &attr);
	pthread_condattr_destroy(&attr);
	errno = pthread_create(&charts->sampler, NULL, run_sampler, charts);
	if (!errno) {
		errno = pthread_create(&charts->painter, NULL, run_painter,
				       charts);
		if (!errno)
			return charts;
		pthread_mutex_lock(&charts->lock);
		charts->stopping = true;
		pthread_cond_broadcast(&charts->over);
		pthread_mutex_unlock(&charts->lock);
		pthread_join(charts->sampler, NULL);
	}
	err_set(err, ERR_STEP, "cannot start a thread: %s", strerror(errno));
	free(charts);
	return NULL;
}

void
charts_stop(struct charts *charts)
{
	if (!charts)
		return;
	pthread_mutex_lock(&charts->lock);
	charts->stopping = true;
	pthread_cond_broadcast(&charts->over);
	pthread_mutex_unlock(&charts->lock);
	pthread_join(charts->sampler, NULL);
	pthread_join(charts->painter, NULL);
	pthread_cond_destroy(&charts->over);
	pthread_mutex_destroy(&charts->lock);
	free(charts);
}

/* --- routes -------------------------------------------------------------- */

static void
add_text(struct strbuf *out, const char *text)
{
	json_t *string = json_string(text);
	char *quoted = string ? json_dumps(string, JSON_ENCODE_ANY) : NULL;

	strbuf_adds(out, quoted ? quoted : "\"\"");
	free(quoted);
	json_decref(string);
}

static void
reply_data(struct served_process *process, struct http_reply *reply)
{
	struct chart *chart = process->chart;

	reply->type = "application/json";
	http_header(reply, "Cache-Control", "no-store");
	strbuf_addf(&reply->body, "{\"schema_version\":1,\"pid\":%d,\"exe\":",
		    (int)process->pid);
	add_text(&reply->body, process->exe);
	strbuf_adds(&reply->body, ",\n");
	pthread_mutex_lock(&chart->lock);
	add_data_locked(&reply->body, chart);
	pthread_mutex_unlock(&chart->lock);
	strbuf_adds(&reply->body, "}\n");
}

static void
reply_events(struct served_process *process, struct http_reply *reply)
{
	struct chart *chart = process->chart;
	bool is_full;

	pthread_mutex_lock(&chart->lock);
	is_full = chart->stream_count >= STREAMS_MAX;
	if (chart->report.len)
		strbuf_addf(&reply->body, "event: report\ndata: %s\n\n",
			    strbuf_text(&chart->report));
	pthread_mutex_unlock(&chart->lock);
	if (is_full) {
		http_error(reply, 503, "too many people look at this process");
		http_header(reply, "Retry-After", "10");
		return;
	}
	reply->type = "text/event-stream";
	http_header(reply, "Cache-Control", "no-store");
	reply->is_stream = true;
	reply->stream_context = served_hold(process);
}

static void
reply_report(struct served_process *process, struct http_reply *reply)
{
	struct chart *chart = process->chart;

	reply->type = "application/json";
	http_header(reply, "Cache-Control", "no-store");
	pthread_mutex_lock(&chart->lock);
	if (chart->report.len)
		strbuf_adds(&reply->body, strbuf_text(&chart->report));
	else
		strbuf_adds(&reply->body, "null");
	pthread_mutex_unlock(&chart->lock);
}

static void
reply_diff(struct serve *serve, struct served_process *process,
	   const struct http_request *request, struct http_reply *reply)
{
	const struct report like = { .top = 0 };
	struct chart *chart = process->chart;
	char *from = http_query(request, "from");
	uint64_t wall_ms = from ? strtoull(from, NULL, 10) : 0;
	struct pages pages = { .count = 0 };
	struct scrape *then, *now;
	struct err err;
	int result = -1;

	free(from);
	if (wall_ms > UINT64_MAX / 1000000)
		wall_ms = UINT64_MAX / 1000000;
	pthread_mutex_lock(&chart->lock);
	then = album_find(&chart->album, wall_ms * 1000000);
	if (then)
		pages_add(&pages, scrape_hold(then));
	pthread_mutex_unlock(&chart->lock);
	now = scrape_take(process, false, &err);
	if (now && now == then) {
		/* It was taken for the album a moment ago. */
		scrape_put(now);
		now = scrape_take_new(process, &err);
	}
	if (now) {
		pages_add(&pages, now);
		reply->type = "text/html; charset=utf-8";
		result = analysis_report(serve->analysis, pages.file,
					 pages.count, report_html, &like,
					 &reply->body, &err);
	}
	if (result < 0)
		serve_fail(reply, &err);
	pages_release(&pages);
}

void
charts_route(struct serve *serve, struct served_process *process,
	     const struct http_request *request, const char *rest,
	     struct http_reply *reply)
{
	if (!*rest)
		charts_page_reply(reply);
	else if (!strcmp(rest, "data"))
		reply_data(process, reply);
	else if (!strcmp(rest, "events"))
		reply_events(process, reply);
	else if (!strcmp(rest, "report"))
		reply_report(process, reply);
	else if (!strcmp(rest, "diff"))
		reply_diff(serve, process, request, reply);
	else
		http_error(reply, 404, "404 page not found");
}
