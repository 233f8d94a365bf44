/* leakshim start PID|NAME */
#include <getopt.h>
#include <stdio.h>

#include "bell.h"
#include "cmd.h"
#include "target.h"

#define DEFAULT_TIMEOUT_S 30

static const char help[] =
	"Usage: leakshim start [--timeout TIME] PID|NAME...\n"
	"\n"
	"Begins to track a dormant process: one that was started with start=off.\n"
	"What it allocated before is unknown. One that is tracked already is told\n"
	"and left as it is.\n"
	"\n"
	"Options:\n"
	"  -t, --timeout TIME  how long to wait for its answer (30s)\n"
	"  -h, --help          this text\n"
	"\n"
	"Exit status: 0 tracked now, 2 usage, 3 no such process, not ours to ask,\n"
	"or without the library, 5 the process did not answer.\n"
	"\n"
	"Examples:\n"
	"  leakshim run --start off -- ./server\n"
	"  leakshim start 4711\n"
	"  leakshim start nginx\n";

static int
start(struct target *target, const void *request, struct err *err)
{
	const unsigned int *timeout_s = request;
	int pid = (int)target->proc.pid;

	if (target->status.state == STATUS_ON) {
		printf("process %d is tracked already\n", pid);
		return 0;
	}
	if (bell_check(target, LKS_BELL_START, err) < 0 ||
	    bell_ask(target, LKS_BELL_START, *timeout_s, err) < 0)
		return -1;
	if (target->status.state != STATUS_ON)
		return err_set(err, ERR_STEP,
			       "process %d answered, but is %s%s%s", pid,
			       target->status.state_name,
			       *target->status.reason ? ": " : "",
			       target->status.reason);
	printf("process %d is tracked from now on\n", pid);
	return 0;
}

int
cmd_start(int argc, char **argv)
{
	static const struct option options[] = {
		{ "timeout", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	unsigned int timeout_s = DEFAULT_TIMEOUT_S;
	int option, result;

	while ((option = getopt_long(argc, argv, "ht:", options, NULL)) != -1) {
		switch (option) {
		case 't':
			result = cmd_take_seconds("start", optarg, &timeout_s);
			if (result)
				return result;
			break;
		case 'h':
			return cmd_help(help);
		default:
			return cmd_usage("start", NULL);
		}
	}
	return cmd_on_targets("start", argc, argv, start, &timeout_s);
}
