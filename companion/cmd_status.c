/* leakshim status PID|NAME */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "../analyzer/clock.h"
#include "bell.h"
#include "cmd.h"
#include "status_report.h"
#include "target.h"

#define DEFAULT_TIMEOUT_S 5

static const char help[] =
	"Usage: leakshim status [--json] [--no-refresh] [--timeout TIME]\n"
	"                       PID|NAME...\n"
	"\n"
	"Shows how a process is tracked: mode, options, the signals in force or\n"
	"who took them, the last snapshot, totals, what was lost, and what it\n"
	"costs. The process is asked for fresh numbers first, if it can be. A\n"
	"NAME means every process that is called so.\n"
	"\n"
	"Options:\n"
	"  -j, --json          as a JSON object each, for programs\n"
	"  -n, --no-refresh    do not ask; show what the status file says\n"
	"  -t, --timeout TIME  how long to wait for fresh numbers (5s)\n"
	"  -h, --help          this text\n"
	"\n"
	"Exit status: 0 shown, 2 usage, 3 no such process or not tracked.\n"
	"\n"
	"Examples:\n"
	"  leakshim status 4711\n"
	"  leakshim status --json 4711 | jq .live_bytes\n";

struct request {
	bool json;
	bool refresh;
	unsigned int timeout_s;
	unsigned int *shown; /* how many so far */
};

/* Old numbers are better than none: a failure is told and no more. */
static bool
refresh(struct target *target, unsigned int timeout_s)
{
	struct err err;

	if (!bell_check(target, LKS_BELL_REFRESH, &err) &&
	    !bell_ask(target, LKS_BELL_REFRESH, timeout_s, &err))
		return true;
	fprintf(stderr, "leakshim: not refreshed: %s\n", err.text);
	return false;
}

static int
show(struct target *target, const void *as_request, struct err *err)
{
	const struct request *request = as_request;
	struct strbuf text = { 0 };
	bool refreshed = false;
	char *json;

	(void)err; /* once there is a status file, it is shown */
	if (request->refresh)
		refreshed = refresh(target, request->timeout_s);
	if (request->json) {
		json = status_json(target, refreshed);
		puts(json);
		free(json);
	} else {
		if (*request->shown)
			putchar('\n');
		status_text(&text, target, clock_ns(CLOCK_REALTIME));
		fputs(strbuf_text(&text), stdout);
		strbuf_release(&text);
	}
	++*request->shown;
	return 0;
}

int
cmd_status(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "no-refresh", no_argument, NULL, 'n' },
		{ "timeout", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	unsigned int shown = 0;
	struct request request = {
		.refresh = true,
		.shown = &shown,
		.timeout_s = DEFAULT_TIMEOUT_S,
	};
	int option, result;

	while ((option = getopt_long(argc, argv, "jnht:", options, NULL)) !=
	       -1) {
		switch (option) {
		case 'j':
			request.json = true;
			break;
		case 'n':
			request.refresh = false;
			break;
		case 't':
			result = cmd_take_seconds("status", optarg,
						  &request.timeout_s);
			if (result)
				return result;
			break;
		case 'h':
			return cmd_help(help);
		default:
			return cmd_usage("status", NULL);
		}
	}
	return cmd_on_targets("status", argc, argv, show, &request);
}
