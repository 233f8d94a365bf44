#include "serve.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../analyzer/jsonval.h"
#include "../analyzer/parse.h"
#include "metrics.h"

static const struct {
	const char *path; /* what a path begins with */
	serve_route *route;
} routes[] = {
	{ "/debug/pprof/", pprof_route },
	{ "/pprof/", gperftools_route },
	{ "/debug/charts/", charts_route },
	{ "/debug/snapshots/", shots_route },
};

#define ROUTE_COUNT (sizeof(routes) / sizeof(routes[0]))

void
serve_fail(struct http_reply *reply, const struct err *err)
{
	http_error(reply, err->code == ERR_TARGET ? 404 : 503, "%s", err->text);
}

void
serve_add_json(struct strbuf *out, const char *text)
{
	json_t *string = jsonval_text(text);
	char *quoted = json_dumps(string, JSON_ENCODE_ANY);

	strbuf_adds(out, quoted ? quoted : "null");
	free(quoted);
	json_decref(string);
}

/* "/p/PID" before a path. False: it does not begin so; else *rest is behind
 * it. */
static bool
take_pid(const char *path, pid_t *pid, const char **rest)
{
	char digits[12];
	uint64_t value;
	size_t len;

	if (strncmp(path, "/p/", 3) != 0)
		return false;
	path += 3;
	len = strcspn(path, "/");
	if (len >= sizeof(digits))
		return false;
	memcpy(digits, path, len);
	digits[len] = '\0';
	if (!parse_count(digits, &value) || value > INT32_MAX)
		return false;
	*pid = (pid_t)value;
	*rest = path + len;
	return true;
}

void
serve_base(const struct serve *serve, const struct served_process *process,
	   const struct http_request *request, struct strbuf *out)
{
	const char *rest;
	pid_t pid;

	(void)serve;
	if (take_pid(request->path, &pid, &rest))
		strbuf_addf(out, "/p/%d", (int)process->pid);
}

/* --- the root ------------------------------------------------------------ */

void
serve_begin_page(struct http_reply *reply, const char *title)
{
	static const char style[] =
		"body{max-width:60rem;margin:0 auto;padding:.5rem 1.2rem 2rem;"
		"font:16px/1.5 system-ui,sans-serif;"
		"background:#fafaf8;color:#1b1b1b}"
		"h1{font-size:1.4rem}a{color:#1558b0}"
		"table{border-collapse:collapse;margin:.6rem 0}"
		"td{padding:.3rem 1.2rem .3rem 0;border-bottom:1px solid "
		"#ddd;vertical-align:top}"
		"form{margin:.6rem 0}button,select{font:inherit;"
		"padding:.2rem .7rem;margin-right:.5rem}"
		"@media(prefers-color-scheme:dark){"
		"body{background:#16181b;color:#e6e6e6}a{color:#7fb2f5}"
		"td{border-color:#333}}";

	reply->type = "text/html; charset=utf-8";
	strbuf_addf(&reply->body,
		    "<!doctype html>\n<html lang=\"en\">\n<head>\n"
		    "<meta charset=\"utf-8\">\n"
		    "<meta name=\"viewport\" "
		    "content=\"width=device-width\">\n"
		    "<meta name=\"color-scheme\" content=\"light dark\">\n"
		    "<link rel=\"icon\" href=\"data:,\">\n"
		    "<style>%s</style>\n<title>",
		    style);
	http_add_html(&reply->body, title);
	strbuf_adds(&reply->body, "</title>\n</head>\n<body>\n<h1>");
	http_add_html(&reply->body, title);
	strbuf_adds(&reply->body, "</h1>\n");
}

void
serve_end_page(struct http_reply *reply)
{
	strbuf_adds(&reply->body, "</body>\n</html>\n");
}

/* `base` is what the links begin with. */
static void
add_process(struct strbuf *out, const struct served_process *process,
	    const char *base)
{
	strbuf_addf(out, "<p>%d ", (int)process->pid);
	http_add_html(out, process->exe);
	strbuf_addf(out,
		    ": <a href=\"%sdebug/charts/\">charts</a>, "
		    "<a href=\"%sdebug/pprof/\">profiles</a>, "
		    "<a href=\"%sdebug/snapshots/\">snapshots</a></p>\n",
		    base, base, base);
}

/* "/p/PID/" alone. */
static void
reply_process(const struct served_process *process, struct http_reply *reply)
{
	serve_begin_page(reply, "Tracked process");
	add_process(&reply->body, process, "");
	strbuf_adds(&reply->body,
		    "<p><a href=\"../../\">all processes</a></p>\n");
	serve_end_page(reply);
}

static void
reply_root(struct serve *serve, struct http_reply *reply)
{
	struct served_process *all[SERVED_MAX];
	size_t i, count = served_all(serve->served, all);

	serve_begin_page(reply, "Tracked processes");
	if (!count)
		strbuf_adds(&reply->body, "<p>None is there now.</p>\n");
	for (i = 0; i < count; i++) {
		char base[32];

		snprintf(base, sizeof(base), "p/%d/", (int)all[i]->pid);
		add_process(&reply->body, all[i], base);
		served_put(all[i]);
	}
	strbuf_adds(&reply->body, "<p><a href=\"metrics\">metrics</a></p>\n");
	serve_end_page(reply);
}

/* --- which --------------------------------------------------------------- */

static void
redirect(struct serve *serve, const struct http_request *request,
	 struct http_reply *reply)
{
	http_error(reply, 301, "%s%s/", serve->prefix, request->path);
	http_header(reply, "Location", "%s%s/%s%s", serve->prefix,
		    request->path, *request->query ? "?" : "", request->query);
}

/* From "/debug/" to what lists all below it. */
static void
lead_up(struct serve *serve, const struct served_process *process,
	const struct http_request *request, struct http_reply *reply)
{
	struct strbuf base = { 0 };

	serve_base(serve, process, request, &base);
	http_error(reply, 302, "%s%s/", serve->prefix, strbuf_text(&base));
	http_header(reply, "Location", "%s%s/", serve->prefix,
		    strbuf_text(&base));
	strbuf_release(&base);
}

static void
route(struct serve *serve, struct served_process *process,
      const struct http_request *request, const char *path,
      struct http_reply *reply)
{
	size_t i, len;

	for (i = 0; i < ROUTE_COUNT; i++) {
		len = strlen(routes[i].path);
		if (!strncmp(path, routes[i].path, len)) {
			routes[i].route(serve, process, request, path + len,
					reply);
			return;
		}
		/* The directory without its slash, as Go's mux does it. */
		if (strlen(path) == len - 1 &&
		    !strncmp(path, routes[i].path, len - 1)) {
			redirect(serve, request, reply);
			return;
		}
	}
	if (!strcmp(path, "/debug/") || !strcmp(path, "/debug"))
		lead_up(serve, process, request, reply);
	else
		http_error(reply, 404, "404 page not found");
}

void
serve_handle(const struct http_request *request, struct http_reply *reply,
	     void *context)
{
	struct serve *serve = context;
	struct served_process *process;
	const char *rest = request->path;
	bool is_named;
	pid_t pid;

	served_sweep(serve->served);
	if (!strcmp(request->path, "/")) {
		reply_root(serve, reply);
		return;
	}
	if (!strcmp(request->path, "/metrics")) {
		metrics_reply(serve, reply);
		return;
	}
	is_named = take_pid(request->path, &pid, &rest);
	process = is_named ? served_find(serve->served, pid)
			   : served_only(serve->served);
	if (process && is_named && !*rest)
		redirect(serve, request, reply);
	else if (process && is_named && !strcmp(rest, "/"))
		reply_process(process, reply);
	else if (process)
		route(serve, process, request, rest, reply);
	else if (is_named)
		http_error(reply, 404, "process %d is not served", (int)pid);
	else
		http_error(reply, 404,
			   "several processes, or none, are served: the root "
			   "lists them, their paths are below /p/PID/");
	served_put(process);
}
