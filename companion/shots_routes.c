/*
 * /debug/snapshots/: the snapshot files of a process.
 *
 *	            a page: list, take, compare; or list, if JSON is accepted
 *	            and HTML is not, or by ?format=json
 *	list        JSON: [{"number", "bytes", "time_ms"}, ...]
 *	take        POST: has one written; 201 and {"number", "path"}
 *	N           the file
 *	diff        ?from=A&to=B&format=html|text|csv|json|pprof: leakdiff's
 *	            report of the two, html if none is named
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../analyzer/format.h"
#include "../analyzer/parse.h"
#include "../analyzer/xalloc.h"
#include "serve.h"
#include "shots.h"

static const struct {
	const char *name;
	report_writer *writer;
	const char *type;
} formats[] = {
	{ "html", report_html, "text/html; charset=utf-8" },
	{ "text", report_text, "text/plain; charset=utf-8" },
	{ "csv", report_csv, "text/csv; charset=utf-8" },
	{ "json", report_json, "application/json" },
	{ "pprof", report_pprof, "application/octet-stream" },
};

#define FORMAT_COUNT (sizeof(formats) / sizeof(formats[0]))
#define TEXT_TOP 50

/* --- the page ------------------------------------------------------------ */

static void
add_form(struct strbuf *out, const struct shot *shots, int count)
{
	static const char *const names[] = { "from", "to" };
	size_t k;
	int i;

	strbuf_adds(out, "<form action=\"diff\">\n");
	for (k = 0; k < 2; k++) {
		strbuf_addf(out, "<label>%s <select name=\"%s\">", names[k],
			    names[k]);
		for (i = 0; i < count; i++)
			strbuf_addf(out, "<option%s>%" PRIu64 "</option>",
				    i == (k ? count - 1 : 0) ? " selected" : "",
				    shots[i].number);
		strbuf_adds(out, "</select></label>\n");
	}
	strbuf_adds(out, "<button>Compare</button>\n</form>\n");
}

static void
add_row(struct strbuf *out, const struct shot *shot)
{
	strbuf_addf(out,
		    "<tr><td><a href=\"%" PRIu64 "\">%" PRIu64 "</a></td><td>",
		    shot->number, shot->number);
	format_time(out, shot->wall_ns);
	strbuf_adds(out, "</td><td>");
	format_bytes(out, (int64_t)shot->bytes, false);
	strbuf_adds(out, "</td></tr>\n");
}

static void
reply_page(const struct served_process *process, const struct shot *shots,
	   int count, struct http_reply *reply)
{
	struct strbuf *out = &reply->body;
	struct strbuf title = { 0 };
	int i;

	strbuf_addf(&title, "Snapshots of %s, process %d", process->exe,
		    (int)process->pid);
	serve_begin_page(reply, strbuf_text(&title));
	strbuf_release(&title);
	strbuf_adds(out, "<form action=\"take\" method=\"post\">"
			 "<button>Take one now</button></form>\n");
	if (count > 1)
		add_form(out, shots, count);
	if (!count)
		strbuf_adds(out, "<p>There is none yet.</p>\n");
	strbuf_adds(out, "<table>\n");
	for (i = 0; i < count; i++)
		add_row(out, &shots[i]);
	strbuf_adds(out, "</table>\n"
			 "<p><a href=\"../charts/\">charts</a>, "
			 "<a href=\"../pprof/\">profiles</a>, "
			 "<a href=\"../../\">overview</a></p>\n");
	serve_end_page(reply);
}

static void
reply_list(const struct shot *shots, int count, struct http_reply *reply)
{
	int i;

	reply->type = "application/json";
	strbuf_adds(&reply->body, "[");
	for (i = 0; i < count; i++)
		strbuf_addf(&reply->body,
			    "%s\n{\"number\":%" PRIu64 ",\"bytes\":%" PRIu64
			    ",\"time_ms\":%" PRIu64 "}",
			    i ? "," : "", shots[i].number, shots[i].bytes,
			    shots[i].wall_ns / 1000000);
	strbuf_adds(&reply->body, "\n]\n");
}

static void
reply_all(struct served_process *process, bool is_json,
	  struct http_reply *reply)
{
	struct shot *shots = xcalloc(SHOTS_MAX, sizeof(*shots));
	struct err err;
	int count = shots_list(process, shots, &err);

	if (count < 0)
		serve_fail(reply, &err);
	else if (is_json)
		reply_list(shots, count, reply);
	else
		reply_page(process, shots, count, reply);
	free(shots);
}

/* --- the rest ------------------------------------------------------------ */

/* A browser goes back to the page; a program reads the number. */
static void
reply_take(struct served_process *process, const struct http_request *request,
	   struct http_reply *reply)
{
	struct err err;
	uint64_t number;
	char *path;

	if (strcmp(request->method, "POST") != 0) {
		http_error(reply, 405, "take is asked for by POST");
		http_header(reply, "Allow", "POST");
		return;
	}
	number = shots_take(process, &path, &err);
	if (!number) {
		serve_fail(reply, &err);
		return;
	}
	reply->status = request->wants_html ? 303 : 201;
	reply->type = "application/json";
	if (request->wants_html)
		http_header(reply, "Location", "./");
	strbuf_addf(&reply->body, "{\"number\":%" PRIu64 ",\"path\":", number);
	serve_add_json(&reply->body, path);
	strbuf_adds(&reply->body, "}\n");
	free(path);
}

static void
reply_file(struct served_process *process, uint64_t number,
	   struct http_reply *reply)
{
	struct err err;

	reply->fd = shots_open(process, number, &err);
	if (reply->fd < 0) {
		serve_fail(reply, &err);
		return;
	}
	reply->type = "application/octet-stream";
	http_header(reply, "Content-Disposition",
		    "attachment; filename=\"leakshim.%d.%" PRIu64 ".snap\"",
		    (int)process->pid, number);
}

/* The snapshot that a key of the query names, opened; -1: told. */
static int
open_named(struct served_process *process, const struct http_request *request,
	   const char *key, struct http_reply *reply)
{
	char *text = http_query(request, key);
	uint64_t number;
	struct err err;
	int fd = -1;

	if (!text || !parse_count(text, &number))
		http_error(reply, 400, "'%s' has to be a snapshot's number",
			   key);
	else if ((fd = shots_open(process, number, &err)) < 0)
		serve_fail(reply, &err);
	free(text);
	return fd;
}

static void
reply_report(struct serve *serve, const int fds[2], size_t format,
	     struct http_reply *reply)
{
	struct report like = { .top = 0 };
	char name[2][32];
	const char *const files[2] = { name[0], name[1] };
	struct err err;
	int i;

	for (i = 0; i < 2; i++)
		snprintf(name[i], sizeof(name[i]), "/proc/self/fd/%d", fds[i]);
	if (formats[format].writer == report_text)
		like.top = TEXT_TOP;
	reply->type = formats[format].type;
	if (analysis_report(serve->analysis, files, 2, formats[format].writer,
			    &like, &reply->body, &err) < 0)
		serve_fail(reply, &err);
}

/* FORMAT_COUNT: there is no such format. */
static size_t
format_of(const struct http_request *request)
{
	char *name = http_query(request, "format");
	size_t i = 0;

	while (name && i < FORMAT_COUNT && strcmp(formats[i].name, name) != 0)
		i++;
	free(name);
	return i;
}

static void
reply_diff(struct serve *serve, struct served_process *process,
	   const struct http_request *request, struct http_reply *reply)
{
	size_t format = format_of(request);
	int fds[2] = { -1, -1 };

	if (format == FORMAT_COUNT) {
		http_error(reply, 400,
			   "'format' is html, text, csv, json or pprof");
		return;
	}
	fds[0] = open_named(process, request, "from", reply);
	if (fds[0] >= 0)
		fds[1] = open_named(process, request, "to", reply);
	if (fds[1] >= 0)
		reply_report(serve, fds, format, reply);
	if (fds[0] >= 0)
		close(fds[0]);
	if (fds[1] >= 0)
		close(fds[1]);
}

/* The page, or the list; told if it is to be neither. */
static void
reply_index(struct served_process *process, const struct http_request *request,
	    struct http_reply *reply)
{
	char *format = http_query(request, "format");

	if (!format)
		reply_all(process, request->wants_json, reply);
	else if (!strcmp(format, "json") || !strcmp(format, "html"))
		reply_all(process, *format == 'j', reply);
	else
		http_error(reply, 400, "'format' is html or json");
	free(format);
}

void
shots_route(struct serve *serve, struct served_process *process,
	    const struct http_request *request, const char *rest,
	    struct http_reply *reply)
{
	uint64_t number;

	if (!*rest)
		reply_index(process, request, reply);
	else if (!strcmp(rest, "list"))
		reply_all(process, true, reply);
	else if (!strcmp(rest, "take"))
		reply_take(process, request, reply);
	else if (!strcmp(rest, "diff"))
		reply_diff(serve, process, request, reply);
	else if (parse_count(rest, &number))
		reply_file(process, number, reply);
	else
		http_error(reply, 404, "404 page not found");
}
