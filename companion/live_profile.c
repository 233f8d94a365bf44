#include "live_profile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../analyzer/clock.h"
#include "../analyzer/xalloc.h"
#include "live.h"
#include "scrape.h"

/* debug=0, 1 and 2 */
#define FORM_COUNT 3

/* --- text to report ------------------------------------------------------ */

/* Rows as a file for the analyzer. -1 with `err`. */
static int
open_rows(struct served_process *process, const struct strbuf *rows,
	  size_t count, struct err *err)
{
	struct strbuf maps = { 0 };
	int result;

	if (live_add_mappings(&maps, &process->target.proc) == 0)
		result = live_open_rows(rows, count, &maps, err);
	else
		result = err_set(err, ERR_STEP,
				 "cannot read the mappings of process %d: %s",
				 (int)process->pid, strerror(errno));
	strbuf_release(&maps);
	return result;
}

/* A report of one or two such files, which are closed. */
static int
report_files(struct serve *serve, const int *fds, size_t count,
	     report_writer *writer, const struct report *like,
	     struct strbuf *out, struct err *err)
{
	char names[2][32];
	const char *const files[2] = { names[0], names[1] };
	size_t i;
	int result;

	for (i = 0; i < count; i++)
		snprintf(names[i], sizeof(names[i]), "/proc/self/fd/%d",
			 fds[i]);
	result = analysis_report(serve->analysis, files, count, writer, like,
				 out, err);
	for (i = 0; i < count; i++)
		close(fds[i]);
	return result;
}

static int
report_rows(struct serve *serve, struct served_process *process,
	    const struct strbuf *rows, size_t count, report_writer *writer,
	    const struct report *like, struct strbuf *out, struct err *err)
{
	int fd = open_rows(process, rows, count, err);

	return fd < 0 ? -1
		      : report_files(serve, &fd, 1, writer, like, out, err);
}

/* --- threads ------------------------------------------------------------- */

/* The names that a report of one stack has, without its head. */
static void
add_names(struct serve *serve, struct served_process *process,
	  const struct live_thread *thread, struct strbuf *out)
{
	const struct live one = {
		.threads = (struct live_thread *)(uintptr_t)thread,
		.count = 1,
	};
	const struct report like = {
		.threads = true,
		.counted = "goroutine",
	};
	struct strbuf rows = { 0 }, text = { 0 };
	const char *line;
	struct err err;

	live_add_rows(&rows, &one);
	if (report_rows(serve, process, &rows, 1, report_legacy, &like, &text,
			&err) < 0)
		strbuf_addf(out, "%s\n", err.text);
	for (line = strbuf_text(&text); line && *line;
	     line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, "#\t", 2))
			strbuf_addf(out, "\t%.*s\n",
				    (int)strcspn(line + 2, "\n"), line + 2);
	}
	strbuf_release(&rows);
	strbuf_release(&text);
}

static const char *
state_name(char state)
{
	switch (state) {
	case 'R':
		return "running";
	case 'S':
		return "sleeping";
	case 'D':
		return "waiting in the kernel";
	case 'T':
	case 't':
		return "stopped";
	default:
		return "ending";
	}
}

static void
add_dump(struct serve *serve, struct served_process *process,
	 const struct live *live, struct strbuf *out)
{
	size_t i;

	for (i = 0; i < live->count; i++) {
		const struct live_thread *thread = &live->threads[i];

		strbuf_addf(out, "%sthread %d \"", i ? "\n" : "",
			    (int)thread->tid);
		strbuf_add_printable(out, thread->comm);
		strbuf_addf(out, "\" [%s]:\n", state_name(thread->state));
		add_names(serve, process, thread, out);
	}
	if (live->left_out)
		strbuf_addf(out, "\n%zu threads could not be looked at\n",
			    live->left_out);
}

/* Threads by the stacks that created them. */
static int
report_created(struct serve *serve, struct served_process *process,
	       report_writer *writer, const struct report *like,
	       struct strbuf *out, struct err *err)
{
	struct scrape *scrape = scrape_take(process, false, err);
	const char *file = scrape ? scrape_file(scrape) : NULL;
	int result = -1;

	if (scrape)
		result = analysis_report(serve->analysis, &file, 1, writer,
					 like, out, err);
	scrape_put(scrape);
	return result;
}

/* The body of one form. */
static int
make_body(struct serve *serve, struct served_process *process, long debug,
	  struct strbuf *out, struct err *err)
{
	const struct report like = {
		.threads = true,
		.counted = "goroutine",
	};
	report_writer *writer = debug ? report_legacy : report_pprof;
	struct strbuf rows = { 0 };
	struct live live;
	int result = 0;

	/* Its last snapshot tells of threads that are gone. */
	if (served_has_ended(process))
		return err_set(err, ERR_TARGET, "process %d has ended",
			       (int)process->pid);
	if (live_walk(&process->target.proc, served_helper(process), NULL, NULL,
		      &live, err) < 0)
		return report_created(serve, process, writer, &like, out, err);
	if (debug == 2) {
		add_dump(serve, process, &live, out);
	} else {
		live_add_rows(&rows, &live);
		result = report_rows(serve, process, &rows, live.count, writer,
				     &like, out, err);
		strbuf_release(&rows);
	}
	live_release(&live);
	return result;
}

/* Many clients stop a process's threads once a second, not each of them. */
struct live_cache {
	pthread_mutex_t lock;
	struct {
		struct strbuf body;
		uint64_t made_ns; /* CLOCK_MONOTONIC; 0 = never */
	} form[FORM_COUNT];       /* guard: lock; by debug= */
};

struct live_cache *
live_cache_new(void)
{
	struct live_cache *cache = xcalloc(1, sizeof(*cache));

	pthread_mutex_init(&cache->lock, NULL);
	return cache;
}

void
live_cache_free(struct live_cache *cache)
{
	size_t i;

	if (!cache)
		return;
	for (i = 0; i < FORM_COUNT; i++)
		strbuf_release(&cache->form[i].body);
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

void
live_profile_reply(struct serve *serve, struct served_process *process,
		   long debug, struct http_reply *reply)
{
	struct live_cache *cache = process->threads;
	size_t i = debug == 0 ? 0 : debug == 2 ? 2 : 1;
	struct strbuf *body = &cache->form[i].body;
	uint64_t *made_ns = &cache->form[i].made_ns;
	struct err err;
	int result = 0;

	pthread_mutex_lock(&cache->lock);
	if (!*made_ns || clock_ns(CLOCK_MONOTONIC) - *made_ns >=
				 SCRAPE_SHARED_MS * 1000000ull) {
		strbuf_clear(body);
		result = make_body(serve, process, (long)i, body, &err);
		*made_ns = result < 0 ? 0 : clock_ns(CLOCK_MONOTONIC);
	}
	if (result == 0)
		strbuf_add(&reply->body, strbuf_text(body), body->len);
	pthread_mutex_unlock(&cache->lock);
	if (result < 0)
		serve_fail(reply, &err);
}

/* All threads as such a file. */
static int
open_threads(struct served_process *process, struct err *err)
{
	struct strbuf rows = { 0 };
	struct live live;
	int fd;

	if (live_walk(&process->target.proc, served_helper(process), NULL, NULL,
		      &live, err) < 0)
		return -1;
	live_add_rows(&rows, &live);
	fd = open_rows(process, &rows, live.count, err);
	live_release(&live);
	strbuf_release(&rows);
	return fd;
}

bool
live_profile_delta(struct serve *serve, struct served_process *process,
		   bool (*wait)(void *context), void *context,
		   struct strbuf *out, struct err *err)
{
	const struct report like = {
		.threads = true,
		.counted = "goroutine",
		.net = true,
	};
	int fds[2];

	fds[0] = open_threads(process, err);
	if (fds[0] < 0)
		return false;
	if (wait(context))
		fds[1] = open_threads(process, err);
	else
		fds[1] = err_set(err, ERR_STEP, "leakshim serve is ending");
	if (fds[1] >= 0)
		return report_files(serve, fds, 2, report_pprof, &like, out,
				    err) == 0;
	close(fds[0]);
	return false;
}
