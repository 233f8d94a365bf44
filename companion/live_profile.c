#include "live_profile.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../analyzer/clock.h"
#include "../analyzer/xalloc.h"
#include "live.h"
#include "procfs_text.h"
#include "scrape.h"

/* debug=0, 1 and 2 */
#define FORM_COUNT 3
#define PERIOD_NS (1000000000u / LIVE_PROFILE_HZ)
/* Of a processor profile as text; then it ends early. The reader takes four
 * times as much. */
#define ROWS_BYTES (64u << 20)

/* --- text to report ------------------------------------------------------ */

static int
write_all(int fd, const struct strbuf *text)
{
	size_t done = 0;
	ssize_t n;

	while (done < text->len) {
		n = write(fd, text->data + done, text->len - done);
		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0)
			done += (size_t)n;
	}
	return 0;
}

/* Rows (live_add_rows), of which there are `count`, as a file for the
 * analyzer, which has no name. -1 with `err`. */
static int
open_rows(struct served_process *process, const struct strbuf *rows,
	  size_t count, struct err *err)
{
	struct strbuf text = { 0 };
	int fd = memfd_create("threads", MFD_CLOEXEC);
	int result;

	strbuf_addf(&text, "goroutine profile: total %zu\n", count);
	strbuf_adds(&text, strbuf_text(rows));
	if (fd >= 0 && live_add_mappings(&text, &process->target.proc) == 0 &&
	    write_all(fd, &text) == 0)
		result = fd;
	else
		result = err_set(err, ERR_STEP,
				 "cannot read the mappings of process %d: %s",
				 (int)process->pid, strerror(errno));
	if (result < 0 && fd >= 0)
		close(fd);
	strbuf_release(&text);
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

static pid_t
helper_of(struct served_process *process)
{
	pid_t helper;

	pthread_mutex_lock(&process->totals_lock);
	helper = process->totals.helper;
	pthread_mutex_unlock(&process->totals_lock);
	return helper;
}

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

	if (live_walk(&process->target.proc, helper_of(process), NULL, NULL,
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

	if (live_walk(&process->target.proc, helper_of(process), NULL, NULL,
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

/* --- processor time ------------------------------------------------------ */

struct busy {
	pid_t tid;
	uint64_t used_ns;  /* when it was looked at last */
	uint64_t owing_ns; /* used, and not sampled yet */
};

struct sampling {
	const struct procfs *proc;
	struct busy *busy; /* owned */
	size_t count;
	size_t capacity;
};

/* Processor time of a thread: the first number of schedstat, in ns. */
static uint64_t
used_ns(const struct procfs *proc, pid_t tid)
{
	char name[64];
	char *text;
	uint64_t used;

	snprintf(name, sizeof(name), "task/%d/schedstat", (int)tid);
	text = procfs_text_read(proc->fd, name);
	used = text ? strtoull(text, NULL, 10) : 0;
	free(text);
	return used;
}

static struct busy *
find_busy(struct sampling *sampling, pid_t tid)
{
	struct busy *busy;
	size_t i;

	for (i = 0; i < sampling->count; i++) {
		if (sampling->busy[i].tid == tid)
			return &sampling->busy[i];
	}
	sampling->busy = xgrow(sampling->busy, &sampling->capacity,
			       sampling->count + 1, sizeof(*sampling->busy));
	busy = &sampling->busy[sampling->count++];
	*busy = (struct busy){
		.tid = tid,
		.used_ns = used_ns(sampling->proc, tid),
	};
	return busy;
}

/* A thread is sampled once for each period that it used. */
static bool
is_busy(pid_t tid, void *as_sampling)
{
	struct sampling *sampling = as_sampling;
	struct busy *busy = find_busy(sampling, tid);
	uint64_t now = used_ns(sampling->proc, tid);

	/* The tid may be another thread's by now. */
	if (now >= busy->used_ns)
		busy->owing_ns += now - busy->used_ns;
	busy->used_ns = now;
	if (busy->owing_ns < PERIOD_NS)
		return false;
	busy->owing_ns -= PERIOD_NS;
	/* What could not be sampled in time is not made up for. */
	if (busy->owing_ns > PERIOD_NS)
		busy->owing_ns = PERIOD_NS;
	return true;
}

bool
live_profile_cpu(struct serve *serve, struct served_process *process,
		 const struct http_request *request, long seconds,
		 struct strbuf *out, struct err *err)
{
	const struct timespec pause = { 0, PERIOD_NS };
	struct report like = {
		.threads = true,
		.cpu_period_ns = PERIOD_NS,
	};
	struct sampling sampling = { .proc = &process->target.proc };
	uint64_t begin = clock_ns(CLOCK_MONOTONIC);
	uint64_t end = begin + (uint64_t)seconds * CLOCK_NS_PER_S;
	struct strbuf rows = { 0 };
	struct live live;
	size_t count = 0;
	int result = 0;

	while (!result && clock_ns(CLOCK_MONOTONIC) < end &&
	       rows.len < ROWS_BYTES && http_is_awaited(request)) {
		result = live_walk(sampling.proc, helper_of(process), is_busy,
				   &sampling, &live, err);
		if (result == 0) {
			live_add_rows(&rows, &live);
			count += live.count;
			live_release(&live);
		} else if (count) {
			/* It may be traced: a thread ended as it was to be
			 * stopped. */
			result = 0;
		}
		nanosleep(&pause, NULL);
	}
	like.duration_ns = clock_ns(CLOCK_MONOTONIC) - begin;
	if (result == 0)
		result = report_rows(serve, process, &rows, count, report_pprof,
				     &like, out, err);
	free(sampling.busy);
	strbuf_release(&rows);
	return result == 0;
}
