/* leakshim snapshot PID|NAME */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../analyzer/parse.h"
#include "bell.h"
#include "cmd.h"
#include "target.h"

#define DEFAULT_TIMEOUT_S 30
#define DEFAULT_EVERY_S 10

/* More than anybody waits for, and than LEAKSHIM= keeps. */
#define COUNT_MAX 1000000

static const char help[] =
	"Usage: leakshim snapshot [OPTIONS] PID|NAME...\n"
	"\n"
	"Asks tracked processes for snapshots, waits until they are written and\n"
	"prints their paths, one a line. A NAME means every process that is\n"
	"called so. Nothing is sent to a process that is not tracked, or whose\n"
	"signals are its own; one that fails does not stop the others.\n"
	"\n"
	"Options:\n"
	"  -n, --count N       N snapshots of each, not one\n"
	"  -e, --every TIME    from one to the next (10s)\n"
	"  -t, --timeout TIME  how long to wait for a file (30s)\n"
	"  -h, --help          this text\n"
	"\n"
	"A TIME is 30s, 5m or 8h; a bare number is of seconds.\n"
	"\n"
	"Exit status: 0 all were written, 2 usage, 3 a process was not there, has\n"
	"ended or is not tracked, 5 one did not answer or could not write.\n"
	"\n"
	"Examples:\n"
	"  leakshim snapshot 4711\n"
	"  leakdiff $(leakshim snapshot -n 5 --every 10s 4711)\n"
	"  leakshim snapshot nginx\n";

struct request {
	unsigned int timeout_s;
	unsigned int every_s;
	uint64_t count;
};

static int
snapshot(struct target *target, const struct request *request, struct err *err)
{
	char *path = bell_take_snapshot(target, request->timeout_s, err);

	if (!path)
		return -1;
	cmd_print_path(path);
	free(path);
	/* Whoever reads them reads along. */
	fflush(stdout);
	return 0;
}

/* One of each. Those that are lost for good leave the list. */
static void
take_round(struct cmd_targets *targets, const struct request *request)
{
	struct err err;
	size_t i = 0;

	while (i < targets->count) {
		struct target *target = &targets->list[i];

		if (snapshot(target, request, &err) == 0) {
			i++;
			continue;
		}
		cmd_note(targets, &err);
		if (err.code != ERR_TARGET) {
			i++;
			continue;
		}
		target_close(target);
		targets->count--;
		memmove(target, target + 1,
			(targets->count - i) * sizeof(*target));
	}
}

/* From begin to begin; if the snapshots take longer, the next are at once. */
static void
sleep_until(const struct timespec *when)
{
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, when, NULL) ==
	       EINTR)
		;
}

static void
take_all(struct cmd_targets *targets, const struct request *request)
{
	struct timespec when;
	uint64_t round;

	clock_gettime(CLOCK_MONOTONIC, &when);
	for (round = 0; round < request->count && targets->count; round++) {
		if (round) {
			when.tv_sec += request->every_s;
			sleep_until(&when);
		}
		take_round(targets, request);
	}
}

static int
take_options(struct request *request, int argc, char **argv)
{
	static const struct option options[] = {
		{ "count", required_argument, NULL, 'n' },
		{ "every", required_argument, NULL, 'e' },
		{ "timeout", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	bool every = false;
	int option, result = 0;

	while (!result && (option = getopt_long(argc, argv, "he:n:t:", options,
						NULL)) != -1) {
		switch (option) {
		case 'n':
			if (!parse_count(optarg, &request->count) ||
			    request->count < 1 || request->count > COUNT_MAX)
				return cmd_usage("snapshot",
						 "'%s' is not a number from 1 "
						 "to %d",
						 optarg, COUNT_MAX);
			break;
		case 'e':
			every = true;
			result = cmd_take_seconds("snapshot", optarg,
						  &request->every_s);
			break;
		case 't':
			result = cmd_take_seconds("snapshot", optarg,
						  &request->timeout_s);
			break;
		case 'h':
			return -1;
		default:
			return cmd_usage("snapshot", NULL);
		}
	}
	if (!result && every && request->count == 1)
		return cmd_usage("snapshot", "--every needs --count: how many");
	return result;
}

int
cmd_snapshot(int argc, char **argv)
{
	struct request request = {
		.timeout_s = DEFAULT_TIMEOUT_S,
		.every_s = DEFAULT_EVERY_S,
		.count = 1,
	};
	struct cmd_targets targets;
	int status = take_options(&request, argc, argv);
	int finished;

	if (status)
		return status < 0 ? cmd_help(help) : status;
	status = cmd_open_targets(&targets, "snapshot", argc, argv);
	if (status)
		return status;
	take_all(&targets, &request);
	status = targets.status;
	cmd_close_targets(&targets);
	finished = cmd_finish();
	return finished > status ? finished : status;
}
