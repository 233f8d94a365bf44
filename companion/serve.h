/*
 * What `leakshim serve` is made of, as its routes see it.
 *
 * A route answers one kind of path for one process; serve.c finds both. All
 * run on worker threads (http.h), several at once.
 */
#pragma once

#include <stdbool.h>

#include "analysis.h"
#include "http.h"
#include "served.h"

/* How a CPU profile is taken. */
enum cpu_way {
	CPU_WAY_NONE, /* not at all: it is empty */
	CPU_WAY_ANY,  /* by the kernel, or else by ptrace */
	CPU_WAY_PERF, /* by the kernel, or else not */
	CPU_WAY_PTRACE,
};

struct serve {
	struct served *served;
	struct analysis *analysis;
	struct workers *askers; /* at most one for each process */
	const char *prefix;
	unsigned int interval_s; /* between two points of the charts */
	enum cpu_way cpu_way;    /* what a CPU profile may do (FLEET.md) */
	bool labels; /* metrics have them, since there may be several */
};

/* `rest` is the path behind what chose the route. */
typedef void serve_route(struct serve *serve, struct served_process *process,
			 const struct http_request *request, const char *rest,
			 struct http_reply *reply);

/* One for each room of routes. */
serve_route pprof_route;      /* /debug/pprof/... */
serve_route gperftools_route; /* /pprof/... */
serve_route charts_route;     /* /debug/charts/... */
serve_route shots_route;      /* /debug/snapshots/... */

/* The handler of http.h; `context` is the struct serve. */
http_handler serve_handle;

/* --- for routes --- */

/* The frame of a page for people: its title, and then what the route adds. */
void serve_begin_page(struct http_reply *reply, const char *title);
void serve_end_page(struct http_reply *reply);

/* A text as a JSON string. */
void serve_add_json(struct strbuf *out, const char *text);

/* The answer to an error: 404 for a target that has ended, 503 otherwise. */
void serve_fail(struct http_reply *reply, const struct err *err);
/* "/p/PID", or "" where there is one process only: what comes before a
 * process's paths, behind the prefix. */
void serve_base(const struct serve *serve, const struct served_process *process,
		const struct http_request *request, struct strbuf *out);
