/* leakshim monitor: look, print, wait, until nothing is left to look at. */
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "../analyzer/clock.h"
#include "../analyzer/xalloc.h"
#include "cmd.h"
#include "cmd_monitor.h"
#include "human.h"
#include "logtail.h"
#include "monitor.h"
#include "monitor_schedule.h"

/* Rows between two headers of the table. */
#define HEADER_ROWS 20

struct session {
	const struct cmd_monitor_request *request;
	struct monitor *list; /* owned */
	size_t count;
	size_t left; /* have not ended */
	struct logtail log;
	char *log_complaint; /* told last; owned */
	uint64_t log_skipped;
	struct monitor_schedule schedule;
	int signals; /* signalfd */
	size_t rows; /* of the table, since its last header */
	int status;
};

/* Whole, now: who reads it wants each look when it was taken. */
static int
print(struct strbuf *text)
{
	fwrite(strbuf_text(text), 1, text->len, stdout);
	strbuf_clear(text);
	return cmd_finish();
}

/* --- the processes -------------------------------------------------------------- */

static void
tell_notes(struct monitor *monitor)
{
	char *line = monitor->notes.data;
	char *end;

	for (; line && *line; line = end + 1) {
		end = strchr(line, '\n');
		if (!end)
			break;
		cmd_tell("%.*s", (int)(end - line), line);
	}
	strbuf_clear(&monitor->notes);
}

/* It has ended: `monitor->ended` is set. */
static void
tell_end(struct session *session, struct monitor *monitor)
{
	struct strbuf name = { 0 };

	strbuf_add_quoted(&name, monitor->name);
	cmd_tell("process %d %s has ended", (int)monitor->target.proc.pid,
		 strbuf_text(&name));
	strbuf_release(&name);
	monitor->ended = true;
	session->left--;
}

static void
tell_summaries(const struct session *session)
{
	struct strbuf line = { 0 };
	size_t i;

	for (i = 0; i < session->count; i++) {
		strbuf_clear(&line);
		monitor_summary(&line, &session->list[i]);
		cmd_tell("%s", strbuf_text(&line));
	}
	strbuf_release(&line);
}

/* --- the log -------------------------------------------------------------------- */

static void
tell_log(struct session *session, const char *complaint)
{
	if (session->log_complaint &&
	    strcmp(session->log_complaint, complaint) == 0)
		return;
	free(session->log_complaint);
	session->log_complaint = xstrdup(complaint);
	if (*complaint)
		cmd_tell("%s", complaint);
}

static void
poll_log(struct session *session)
{
	struct strbuf line = { 0 };
	struct err err;

	if (logtail_poll(&session->log, &err) < 0) {
		tell_log(session, err.text);
	} else if (!logtail_is_there(&session->log)) {
		strbuf_add_quoted(&line, session->request->log);
		strbuf_adds(&line, " is not there yet: waiting for it");
		tell_log(session, strbuf_text(&line));
		strbuf_release(&line);
	} else {
		tell_log(session, "");
	}
	if (session->log.skipped_bytes != session->log_skipped)
		cmd_tell("%" PRIu64
			 " bytes of the log were passed over: more than "
			 "%u MiB came between two looks",
			 session->log.skipped_bytes - session->log_skipped,
			 LOGTAIL_STEP_BYTES >> 20);
	session->log_skipped = session->log.skipped_bytes;
}

/* --- looking -------------------------------------------------------------------- */

static void
print_header(struct session *session, struct strbuf *text, bool first)
{
	const struct cmd_monitor_request *request = session->request;

	if (first ||
	    (request->form == MONITOR_TEXT && session->rows >= HEADER_ROWS)) {
		monitor_report_header(text, request->form, request->with_maps,
				      request->log != NULL);
		session->rows = 0;
	}
}

/* Returns false where the log has nothing to stand beside. */
static bool
print_look(struct session *session, struct strbuf *text,
	   struct monitor *monitor)
{
	const struct cmd_monitor_request *request = session->request;

	monitor_report_look(text, monitor, request->form,
			    request->log ? &session->log : NULL);
	session->rows++;
	return !request->with_maps || monitor->looks == 1 ||
	       monitor->diff.count > 0;
}

/* Looks at all that are left. -1: it could not be printed. */
static int
look_at_all(struct session *session, bool first)
{
	const struct cmd_monitor_request *request = session->request;
	struct strbuf text = { 0 };
	struct monitor *monitor;
	bool with_log = false;
	struct err err;
	int result;
	size_t i;

	if (request->log)
		poll_log(session);
	print_header(session, &text, first);
	for (i = 0; i < session->count; i++) {
		monitor = &session->list[i];
		if (monitor->ended)
			continue;
		result = monitor_look(monitor, &err);
		tell_notes(monitor);
		if (result == 1) {
			with_log |= print_look(session, &text, monitor);
		} else if (result == 0) {
			tell_end(session, monitor);
		} else {
			session->status = cmd_fail(&err);
			monitor->ended = true;
			session->left--;
		}
	}
	if (request->log && request->form == MONITOR_TEXT && with_log)
		monitor_report_log(&text, &session->log);
	result = print(&text);
	strbuf_release(&text);
	if (result == CMD_OK)
		return 0;
	session->status = result;
	return -1;
}

static void
tell_interval(const struct session *session, uint64_t cost_ns)
{
	const struct monitor_schedule *schedule = &session->schedule;
	char wanted[HUMAN_BYTES], now[HUMAN_BYTES];

	human_duration(wanted, schedule->interval_ns);
	human_duration(now, schedule->interval_ns * schedule->stride);
	if (schedule->stride == 1)
		cmd_tell("looking every %s again", now);
	else
		cmd_tell(
			"looking every %s, not every %s: a look takes %.0f ms of "
			"processor time, and may take %d%% of a core",
			now, wanted, (double)cost_ns / 1e6,
			MONITOR_SCHEDULE_PERCENT);
}

/* What walking the mappings took decides when that is done again. */
static void
fit_schedule(struct session *session)
{
	uint64_t cost_ns = 0;
	size_t i;

	if (!session->request->with_maps)
		return;
	for (i = 0; i < session->count; i++)
		if (!session->list[i].ended)
			cost_ns += session->list[i].walk_ns;
	if (monitor_schedule_fit(&session->schedule, cost_ns))
		tell_interval(session, cost_ns);
}

/* Whether SIGINT or SIGTERM came; tells those that ended meanwhile. */
static bool
wait_until(struct session *session, struct pollfd *fds, uint64_t due_ns)
{
	const struct pollfd *signals = &fds[session->count];
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	struct timespec rest;
	size_t i;

	while (session->left && now < due_ns) {
		for (i = 0; i < session->count; i++)
			if (session->list[i].ended)
				fds[i].fd = -1;
		rest = clock_span(due_ns - now);
		/* Interrupted by nothing but a stop and a continue. */
		if (ppoll(fds, session->count + 1, &rest, NULL) > 0) {
			for (i = 0; i < session->count; i++)
				if (fds[i].revents)
					tell_end(session, &session->list[i]);
			if (signals->revents)
				return true;
		}
		now = clock_ns(CLOCK_MONOTONIC);
	}
	/* Looks may take longer than the interval: then it never waits. */
	return poll(&fds[session->count], 1, 0) > 0;
}

/* False: a signal ends it, or no process is left. */
static bool
wait_for_next(struct session *session)
{
	struct pollfd *fds = xcalloc(session->count + 1, sizeof(*fds));
	uint64_t due = monitor_schedule_next(&session->schedule,
					     clock_ns(CLOCK_MONOTONIC));
	bool stopped;
	size_t i;

	for (i = 0; i < session->count; i++) {
		fds[i].fd = session->list[i].pidfd;
		fds[i].events = POLLIN;
	}
	fds[session->count].fd = session->signals;
	fds[session->count].events = POLLIN;
	stopped = wait_until(session, fds, due);
	free(fds);
	return session->left && !stopped;
}

static void
watch(struct session *session)
{
	uint64_t looks = 0;
	bool first = true;

	monitor_schedule_begin(&session->schedule, clock_ns(CLOCK_MONOTONIC),
			       (uint64_t)llround(session->request->interval_s *
						 CLOCK_NS_PER_S));
	do {
		if (look_at_all(session, first) < 0)
			return;
		first = false;
		if (++looks == session->request->count)
			break;
		fit_schedule(session);
	} while (wait_for_next(session));
	tell_summaries(session);
}

/* Both are taken from a descriptor, so that none is lost between two waits. */
static int
open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* One of several that a name means may have ended meanwhile. */
static int
open_all(struct session *session, const struct pick *pick)
{
	struct err err;
	size_t i;

	session->list = xcalloc(pick->count, sizeof(*session->list));
	for (i = 0; i < pick->count; i++) {
		if (monitor_open(&session->list[session->count], pick->pids[i],
				 session->request->with_maps,
				 (unsigned int)pick->count, &err) == 0)
			session->count++;
		else
			session->status = cmd_fail(&err);
	}
	session->left = session->count;
	return session->count ? 0 : -1;
}

int
cmd_monitor_watch(const struct cmd_monitor_request *request,
		  const struct pick *pick)
{
	struct session session = { .request = request };
	struct err err;
	size_t i;

	if (request->log &&
	    logtail_open(&session.log, request->log, &request->patterns,
			 request->lines, &err) < 0) {
		cmd_fail(&err);
		return CMD_TARGET;
	}
	session.signals = open_signals();
	if (open_all(&session, pick) == 0)
		watch(&session);
	for (i = 0; i < session.count; i++)
		monitor_close(&session.list[i]);
	free(session.list);
	free(session.log_complaint);
	if (session.signals >= 0)
		close(session.signals);
	if (request->log)
		logtail_close(&session.log);
	return session.status;
}
