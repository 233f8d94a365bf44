/*
 * Go's /debug/pprof/ for a native process: the same paths, parameters, headers
 * and texts (net/http/pprof), so that what scrapes Go programs need not know.
 *
 * heap and allocs are the same four columns; threadcreate are the threads that
 * hold resources by the stack that created them; goroutine are the live threads
 * where they are now. block, mutex and profile are valid and empty, since a
 * scraper takes a missing one for a target that is ill.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../analyzer/clock.h"
#include "../analyzer/pprof_profile.h"
#include "../analyzer/resolver.h"
#include "cpu_profile.h"
#include "live_profile.h"
#include "procfs_body.h"
#include "scrape.h"
#include "serve.h"

/* What an ingester takes at most: 16,000 samples and 4 MiB uncompressed
 * (Pyroscope's limits); with room for "[other call stacks]". */
#define SAMPLES_MAX 15000
#define PROFILE_BYTES (4u << 20)
/* A delta longer than this is a misunderstanding; Go's limit is the server's
 * time to write. */
#define SECONDS_MAX 3600
/* Of a command line; the kernel's own limit. */
#define CMDLINE_BYTES (2u << 20)

enum kind {
	KIND_HEAP,
	KIND_ALLOCS,
	KIND_THREADCREATE,
	KIND_GOROUTINE,
	KIND_BLOCK,
	KIND_MUTEX,
};

struct profile {
	const char *name;
	enum kind kind;
	const char *about;
};

/* By name, as Go lists them. */
static const struct profile profiles[] = {
	{ "allocs", KIND_ALLOCS,
	  "All allocations since tracking began, by call stack" },
	{ "block", KIND_BLOCK, "Not collected: empty" },
	{ "cmdline", KIND_HEAP, "The command line of the process" },
	{ "goroutine", KIND_GOROUTINE,
	  "The call stacks of all threads, where they are now" },
	{ "heap", KIND_HEAP,
	  "Live blocks by call stack. gc=1 asks the allocator first to give "
	  "back what is free" },
	{ "mutex", KIND_MUTEX, "Not collected: empty" },
	{ "profile", KIND_HEAP,
	  "CPU profile; empty unless serve was started with --cpu-profile" },
	{ "threadcreate", KIND_THREADCREATE,
	  "The call stacks that created the threads that are there" },
};

#define PROFILE_COUNT (sizeof(profiles) / sizeof(profiles[0]))

/* Paths that are no profiles of their own in Go either. */
static bool
is_path_only(const struct profile *profile)
{
	return !strcmp(profile->name, "cmdline") ||
	       !strcmp(profile->name, "profile");
}

/* As net/http/pprof: pprof shows the text if the header is there. */
static void
go_error(struct http_reply *reply, unsigned int status, const char *text)
{
	http_error(reply, status, "%s", text);
	http_header(reply, "X-Go-Pprof", "1");
}

static void
go_fail(struct http_reply *reply, const struct err *err)
{
	serve_fail(reply, err);
	http_header(reply, "X-Go-Pprof", "1");
}

/* strconv.Atoi with the error ignored: what is no number is 0. */
static long
query_number(const struct http_request *request, const char *key)
{
	char *text = http_query(request, key);
	char *end;
	long value = 0;

	if (text && *text && !isspace((unsigned char)*text)) {
		errno = 0;
		value = strtol(text, &end, 10);
		if (errno || *end)
			value = 0;
	}
	free(text);
	return value;
}

static void
as_file(struct http_reply *reply, const char *name)
{
	reply->type = "application/octet-stream";
	http_forget_headers(reply);
	http_header(reply, "Content-Disposition", "attachment; filename=\"%s\"",
		    name);
}

/* --- snapshots ----------------------------------------------------------- */

struct making {
	struct serve *serve;
	enum kind kind;
	bool text;
};

static void
settings_of(enum kind kind, struct report *like)
{
	*like = (struct report){ .top = SAMPLES_MAX };
	if (kind == KIND_THREADCREATE)
		like->threads = true;
	if (kind == KIND_ALLOCS)
		like->default_type = "alloc_space";
}

/* How long a gzip file is inside: its last four bytes (RFC 1952). */
static size_t
bytes_inside(const struct strbuf *gzip)
{
	const unsigned char *end =
		(const unsigned char *)strbuf_text(gzip) + gzip->len;

	if (gzip->len < 4)
		return 0;
	return end[-4] | (size_t)end[-3] << 8 | (size_t)end[-2] << 16 |
	       (size_t)end[-1] << 24;
}

/* A profile that an ingester takes: with fewer stacks if it is too large. */
static int
make_profile(struct serve *serve, const char *const *files, size_t count,
	     struct report *like, struct strbuf *out, struct err *err)
{
	size_t bytes;

	for (;;) {
		if (analysis_report(serve->analysis, files, count, report_pprof,
				    like, out, err) < 0)
			return -1;
		bytes = bytes_inside(out);
		if (bytes <= PROFILE_BYTES || like->top < 2)
			return 0;
		/* Names are shared: half of the stacks need more than half
		 * of the bytes. */
		like->top = like->top * PROFILE_BYTES / bytes * 9 / 10;
		if (!like->top)
			like->top = 1;
		strbuf_clear(out);
	}
}

static int
make(struct scrape *scrape, void *as_making, struct strbuf *out,
     struct err *err)
{
	const struct making *making = as_making;
	const char *file = scrape_file(scrape);
	struct report like;

	settings_of(making->kind, &like);
	if (!making->text)
		return make_profile(making->serve, &file, 1, &like, out, err);
	return analysis_report(making->serve->analysis, &file, 1, report_legacy,
			       &like, out, err);
}

/* The texts live as long as scrapes. */
static const char *
key_of(enum kind kind, bool text)
{
	switch (kind) {
	case KIND_HEAP:
		return text ? "heap text" : "heap";
	case KIND_ALLOCS:
		return text ? "allocs text" : "allocs";
	case KIND_THREADCREATE:
		return text ? "threadcreate text" : "threadcreate";
	case KIND_GOROUTINE:
	case KIND_BLOCK:
	case KIND_MUTEX:
		break;
	}
	return "";
}

static void
reply_snapshot(struct serve *serve, struct served_process *process,
	       const struct http_request *request,
	       const struct profile *profile, struct http_reply *reply)
{
	struct making making = {
		.serve = serve,
		.kind = profile->kind,
		.text = query_number(request, "debug") != 0,
	};
	bool trim = profile->kind == KIND_HEAP &&
		    query_number(request, "gc") > 0;
	struct scrape *scrape;
	struct err err;

	scrape = scrape_take(process, trim, &err);
	if (!scrape || scrape_body(scrape, key_of(profile->kind, making.text),
				   make, &making, &reply->body, &err) < 0)
		go_fail(reply, &err);
	else if (!making.text)
		as_file(reply, profile->name);
	scrape_put(scrape);
}

/* Sleeps so long, or until nobody wants the answer: false. */
static bool
wait_seconds(const struct http_request *request, long seconds)
{
	const struct timespec pause = { 0, 100000000 };
	const uint64_t end =
		clock_ns(CLOCK_MONOTONIC) + (uint64_t)seconds * CLOCK_NS_PER_S;

	do {
		if (!http_is_awaited(request))
			return false;
		nanosleep(&pause, NULL);
	} while (clock_ns(CLOCK_MONOTONIC) < end);
	return true;
}

struct pause {
	const struct http_request *request;
	long seconds;
};

static bool
wait_pause(void *as_pause)
{
	const struct pause *pause = as_pause;

	return wait_seconds(pause->request, pause->seconds);
}

static int
make_delta(struct serve *serve, struct served_process *process,
	   struct pause *pause, enum kind kind, struct strbuf *out,
	   struct err *err)
{
	struct scrape *before, *after = NULL;
	const char *files[2];
	struct report like;
	int result = -1;

	before = scrape_take_new(process, err);
	if (before && !wait_pause(pause))
		err_set(err, ERR_STEP, "leakshim serve is ending");
	else if (before)
		after = scrape_take_new(process, err);
	if (after) {
		files[0] = scrape_file(before);
		files[1] = scrape_file(after);
		settings_of(kind, &like);
		like.default_type = NULL;
		like.net = true;
		result = make_profile(serve, files, 2, &like, out, err);
	}
	scrape_put(before);
	scrape_put(after);
	return result;
}

/* --- what is not collected ----------------------------------------------- */

/* Types as Go's, so that a scraper stores an empty profile under the name that
 * it knows. */
static void
reply_empty(const struct profile *profile, bool text, long seconds,
	    struct http_reply *reply)
{
	static const struct pprof_type contention[] = {
		{ "contentions", "count" },
		{ "delay", "nanoseconds" },
	};
	static const struct pprof_type cpu[] = {
		{ "samples", "count" },
		{ "cpu", "nanoseconds" },
	};
	bool is_cpu = !strcmp(profile->name, "profile");
	const struct pprof_type *types = is_cpu ? cpu : contention;
	struct pprof *pprof;
	struct err err;
	char *bytes = NULL;
	size_t len = 0;
	FILE *stream;

	if (text) {
		strbuf_addf(
			&reply->body,
			"--- %s:\ncycles/second=1000000000\n# not collected\n",
			profile->kind == KIND_BLOCK ? "contention" : "mutex");
		return;
	}
	stream = open_memstream(&bytes, &len);
	if (!stream)
		return go_error(reply, 503, "no memory");
	pprof = pprof_new(types, 2);
	pprof_set_time(pprof, clock_ns(CLOCK_REALTIME),
		       (uint64_t)seconds * CLOCK_NS_PER_S);
	pprof_set_period(pprof, is_cpu ? &cpu[1] : &contention[0], 1);
	pprof_add_comment(pprof, "not collected");
	if (pprof_write(pprof, stream, &err) < 0)
		go_fail(reply, &err);
	else
		as_file(reply, profile->name);
	pprof_free(pprof);
	fclose(stream);
	if (reply->status == 200)
		strbuf_add(&reply->body, bytes, len);
	free(bytes);
}

/* --- threads ------------------------------------------------------------- */

#define CPU_SECONDS 30

static void
reply_sampled(struct serve *serve, struct served_process *process,
	      const struct http_request *request, long seconds,
	      struct http_reply *reply)
{
	struct report like = { .threads = true, .top = SAMPLES_MAX };
	struct cpu_profile profile;
	const char *file;
	char name[32];
	struct err err;
	int result;
	bool busy;

	if (cpu_profile_take(process, serve->cpu_way, request, seconds,
			     &profile, &busy, &err) < 0) {
		if (busy)
			go_error(reply, 500,
				 "Could not enable CPU profiling: cpu "
				 "profiling already in use");
		else
			go_fail(reply, &err);
		return;
	}
	snprintf(name, sizeof(name), "/proc/self/fd/%d", profile.fd);
	file = name;
	like.cpu_period_ns = profile.period_ns;
	like.duration_ns = profile.duration_ns;
	like.notes = profile.notes;
	result = make_profile(serve, &file, 1, &like, &reply->body, &err);
	cpu_profile_release(&profile);
	if (result == 0)
		as_file(reply, "profile");
	else
		go_fail(reply, &err);
}

/* As Go: what is no positive number is the default. */
static void
reply_cpu(struct serve *serve, struct served_process *process,
	  const struct http_request *request, struct http_reply *reply)
{
	static const struct profile empty = { "profile", KIND_BLOCK, "" };
	long seconds = query_number(request, "seconds");

	if (seconds <= 0)
		seconds = CPU_SECONDS;
	if (seconds > SECONDS_MAX)
		go_error(reply, 400,
			 "profile duration exceeds server's WriteTimeout");
	else if (serve->cpu_way == CPU_WAY_NONE)
		reply_empty(&empty, false, seconds, reply);
	else
		reply_sampled(serve, process, request, seconds, reply);
}

static void
reply_goroutine(struct serve *serve, struct served_process *process,
		const struct http_request *request, struct http_reply *reply)
{
	long debug = query_number(request, "debug");

	live_profile_reply(serve, process, debug, reply);
	if (reply->status != 200)
		http_header(reply, "X-Go-Pprof", "1");
	else if (!debug)
		as_file(reply, "goroutine");
}

/* --- cmdline and symbol -------------------------------------------------- */

/* argv, joined by NUL. */
static void
reply_cmdline(struct served_process *process, struct http_reply *reply)
{
	int fd = procfs_body_open(&process->target.proc, "cmdline", O_RDONLY);
	struct err err;

	if (fd < 0 || (strbuf_read(&reply->body, fd, CMDLINE_BYTES) < 0 &&
		       errno != EFBIG)) {
		err_set(&err, ERR_TARGET, "cannot read the command line: %s",
			strerror(errno));
		go_fail(reply, &err);
	} else if (reply->body.len && !reply->body.data[reply->body.len - 1]) {
		reply->body.len--;
	}
	if (fd >= 0)
		close(fd);
}

struct lookup {
	const char *addresses; /* "0x1+0x2" */
	struct strbuf *out;
};

static const struct module *
module_at(const struct model *model, uint64_t address)
{
	uint32_t i, k;

	for (i = 1; i <= model->module_count; i++) {
		const struct module *module = &model->modules[i];

		for (k = 0; !module->unloaded && k < module->segment_count;
		     k++) {
			if (address >= module->segments[k].start &&
			    address < module->segments[k].end)
				return module;
		}
	}
	return NULL;
}

static int
look_up(const struct study *study, void *as_lookup, struct err *err)
{
	const struct lookup *lookup = as_lookup;
	const struct model *model = resolver_model(study->resolver);
	const char *at = lookup->addresses;
	const struct symbols *symbols;
	const struct module *module;
	uint64_t address;
	char *end;

	(void)err;
	while (*at) {
		address = strtoull(at, &end, 0);
		at += strcspn(at, "+");
		at += *at == '+';
		module = address ? module_at(model, address) : NULL;
		if (!module)
			continue;
		/* What is asked for is in the call, not behind it. */
		symbols = resolver_lookup(study->resolver, module, address + 1);
		strbuf_addf(lookup->out, "%#" PRIx64 " ", address);
		strbuf_add_printable(
			lookup->out,
			symbols->entries[symbols->count - 1].function);
		strbuf_addc(lookup->out, '\n');
	}
	return 0;
}

/* Addresses come in the body of a POST, or else as the query. */
static void
reply_symbol(struct serve *serve, struct served_process *process,
	     const struct http_request *request, struct http_reply *reply)
{
	struct lookup lookup = {
		.addresses = strcmp(request->method, "POST") ? request->query
							     : request->body,
		.out = &reply->body,
	};
	struct scrape *scrape;
	struct err err;
	const char *file;

	/* Any positive number means that there are symbols. */
	strbuf_adds(&reply->body, "num_symbols: 1\n");
	if (!*lookup.addresses)
		return;
	scrape = scrape_take(process, false, &err);
	file = scrape ? scrape_file(scrape) : NULL;
	if (!scrape || analysis_study(serve->analysis, &file, 1, GROUP_STACK,
				      look_up, &lookup, NULL, &err) < 0)
		go_fail(reply, &err);
	scrape_put(scrape);
}

/* --- the index ----------------------------------------------------------- */

static void
reply_index(struct http_reply *reply)
{
	size_t i;

	serve_begin_page(reply, "/debug/pprof/");
	strbuf_adds(&reply->body, "<table>\n");
	for (i = 0; i < PROFILE_COUNT; i++)
		strbuf_addf(&reply->body,
			    "<tr><td><a href='%s%s'>%s</a></td>"
			    "<td>%s</td></tr>\n",
			    profiles[i].name,
			    is_path_only(&profiles[i]) ? "" : "?debug=1",
			    profiles[i].name, profiles[i].about);
	strbuf_adds(&reply->body,
		    "</table>\n"
		    "<p><a href=\"goroutine?debug=2\">all threads with their "
		    "call stacks</a></p>\n"
		    "<p>Without <code>debug=1</code> a path is a profile for "
		    "<code>go tool pprof</code>; with "
		    "<code>seconds=N</code> it is what changed in N "
		    "seconds.</p>\n"
		    "<p><a href=\"../charts/\">charts</a>, "
		    "<a href=\"../snapshots/\">snapshots</a>, "
		    "<a href=\"../../\">overview</a></p>\n");
	serve_end_page(reply);
}

/* --- differences --------------------------------------------------------- */

static void
reply_delta(struct serve *serve, struct served_process *process,
	    const struct http_request *request, const struct profile *profile,
	    long seconds, struct http_reply *reply)
{
	struct pause pause = { request, seconds };
	struct strbuf name = { 0 };
	struct err err;
	bool made;

	switch (profile->kind) {
	case KIND_BLOCK:
	case KIND_MUTEX:
		reply_empty(profile, false, seconds, reply);
		if (reply->status != 200)
			return; /* told */
		made = true;
		break;
	case KIND_GOROUTINE:
		made = live_profile_delta(serve, process, wait_pause, &pause,
					  &reply->body, &err);
		break;
	case KIND_HEAP:
	case KIND_ALLOCS:
	case KIND_THREADCREATE:
	default:
		made = make_delta(serve, process, &pause, profile->kind,
				  &reply->body, &err) == 0;
		break;
	}
	if (!made) {
		go_fail(reply, &err);
		return;
	}
	strbuf_addf(&name, "%s-delta", profile->name);
	as_file(reply, strbuf_text(&name));
	strbuf_release(&name);
}

/* --- which --------------------------------------------------------------- */

static const struct profile *
find_profile(const char *name)
{
	size_t i;

	for (i = 0; i < PROFILE_COUNT; i++) {
		if (!strcmp(profiles[i].name, name))
			return &profiles[i];
	}
	return NULL;
}

/* The positive number of seconds; 0: none, told. */
static long
delta_seconds(const char *text, struct http_reply *reply)
{
	char *end;
	long seconds;

	errno = 0;
	seconds = strtol(text, &end, 10);
	if (errno || *end || isspace((unsigned char)*text) || seconds <= 0) {
		go_error(reply, 400,
			 "invalid value for \"seconds\" - must be a positive "
			 "integer");
		return 0;
	}
	if (seconds > SECONDS_MAX) {
		go_error(reply, 400,
			 "profile duration exceeds server's WriteTimeout");
		return 0;
	}
	return seconds;
}

static void
reply_profile(struct serve *serve, struct served_process *process,
	      const struct http_request *request, const struct profile *profile,
	      struct http_reply *reply)
{
	bool text = query_number(request, "debug") != 0;
	char *seconds_text = http_query(request, "seconds");
	long seconds = 0;

	if (seconds_text && *seconds_text) {
		seconds = delta_seconds(seconds_text, reply);
		if (seconds && text) {
			go_error(reply, 400,
				 "seconds and debug params are incompatible");
			seconds = 0;
		}
		if (seconds)
			reply_delta(serve, process, request, profile, seconds,
				    reply);
	} else if (profile->kind == KIND_BLOCK || profile->kind == KIND_MUTEX) {
		reply_empty(profile, text, 0, reply);
	} else if (profile->kind == KIND_GOROUTINE) {
		reply_goroutine(serve, process, request, reply);
	} else {
		reply_snapshot(serve, process, request, profile, reply);
	}
	free(seconds_text);
}

void
pprof_route(struct serve *serve, struct served_process *process,
	    const struct http_request *request, const char *rest,
	    struct http_reply *reply)
{
	const struct profile *profile = find_profile(rest);

	if (!*rest)
		reply_index(reply);
	else if (!strcmp(rest, "cmdline"))
		reply_cmdline(process, reply);
	else if (!strcmp(rest, "profile"))
		reply_cpu(serve, process, request, reply);
	else if (!strcmp(rest, "symbol"))
		reply_symbol(serve, process, request, reply);
	else if (!profile)
		go_error(reply, 404, "Unknown profile");
	else
		reply_profile(serve, process, request, profile, reply);
}
