/*
 * /debug/charts/: the page, and what it fetches below its own path.
 *
 *	data     the points of the last hour: an object of columns
 *	events   server-sent events: "point" (an object with the columns' names),
 *	         "report" (leakdiff's JSON of album and now, the ten that grow
 *	         most), "end" (the process is gone)
 *	report   the last of those reports
 *	diff     ?from=MS: leakdiff's HTML page of then, in milliseconds since
 *	         1970, and now; 0 is the first snapshot
 */
#include <stdlib.h>
#include <string.h>

#include "../analyzer/parse.h"
#include "chart.h"
#include "charts.h"
#include "charts_page.h"
#include "serve.h"

void
charts_stream_began(struct http_stream *stream, void *as_process)
{
	struct served_process *process = as_process;

	chart_begin_stream(process->chart, stream);
}

void
charts_stream_ended(struct http_stream *stream, void *as_process)
{
	struct served_process *process = as_process;

	chart_end_stream(process->chart, stream);
	served_put(process);
}

void
charts_stream_unused(void *process)
{
	served_put(process);
}

static void
reply_data(struct served_process *process, struct http_reply *reply)
{
	reply->type = "application/json";
	http_header(reply, "Cache-Control", "no-store");
	strbuf_addf(&reply->body, "{\"schema_version\":1,\"pid\":%d,\"exe\":",
		    (int)process->pid);
	serve_add_json(&reply->body, process->exe);
	strbuf_adds(&reply->body, ",\n");
	chart_add_data(&reply->body, process->chart);
	strbuf_adds(&reply->body, "}\n");
}

static void
reply_events(struct served_process *process, struct http_reply *reply)
{
	struct chart *chart = process->chart;
	bool is_full;

	pthread_mutex_lock(&chart->lock);
	is_full = chart->stream_count >= CHART_STREAMS_MAX;
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
	/* nginx would keep them until it has a buffer full. */
	http_header(reply, "X-Accel-Buffering", "no");
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

/* The album's from then, held; NULL: it is empty. */
static struct scrape *
take_then(struct chart *chart, uint64_t wall_ns)
{
	struct scrape *then;

	pthread_mutex_lock(&chart->lock);
	then = album_find(&chart->album, wall_ns);
	if (then)
		scrape_hold(then);
	pthread_mutex_unlock(&chart->lock);
	return then;
}

static bool
take_from(const struct http_request *request, uint64_t *wall_ms)
{
	char *from = http_query(request, "from");
	bool is_number = from && parse_count(from, wall_ms);

	free(from);
	return is_number;
}

static void
reply_diff(struct serve *serve, struct served_process *process,
	   const struct http_request *request, struct http_reply *reply)
{
	const struct report like = { .top = 0 };
	uint64_t wall_ms;
	const char *files[2];
	struct scrape *then, *now;
	struct err err;
	size_t count = 0;
	int result = -1;

	if (!take_from(request, &wall_ms)) {
		http_error(reply, 400,
			   "'from' has to be a time in milliseconds since "
			   "1970, or 0");
		return;
	}
	if (wall_ms > UINT64_MAX / 1000000)
		wall_ms = UINT64_MAX / 1000000;
	then = take_then(process->chart, wall_ms * 1000000);
	now = scrape_take(process, false, &err);
	if (now && now == then) {
		/* It was taken for the album a moment ago. */
		scrape_put(now);
		now = scrape_take_new(process, &err);
	}
	if (now) {
		if (then)
			files[count++] = scrape_file(then);
		files[count++] = scrape_file(now);
		reply->type = "text/html; charset=utf-8";
		result = analysis_report(serve->analysis, files, count,
					 report_html, &like, &reply->body,
					 &err);
	}
	if (result < 0)
		serve_fail(reply, &err);
	scrape_put(then);
	scrape_put(now);
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
