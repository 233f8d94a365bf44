/* leakshim snapshot PID */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../analyzer/strbuf.h"
#include "bell.h"
#include "cmd.h"
#include "target.h"

#define DEFAULT_TIMEOUT_S 30

static const char help[] =
	"Usage: leakshim snapshot [--timeout SECONDS] PID\n"
	"\n"
	"Asks a tracked process for a snapshot, waits until it is written and\n"
	"prints its path. Nothing is sent to a process that is not tracked, or\n"
	"whose signals are its own.\n"
	"\n"
	"Options:\n"
	"  -t, --timeout SECONDS  how long to wait for the file (30)\n"
	"  -h, --help             this text\n"
	"\n"
	"Exit status: 0 written, 2 usage, 3 no such process or not tracked,\n"
	"5 the process did not answer or could not write.\n"
	"\n"
	"Examples:\n"
	"  leakshim snapshot 4711\n"
	"  a=$(leakshim snapshot 4711); sleep 60; b=$(leakshim snapshot 4711)\n"
	"  leakdiff \"$a\" \"$b\"\n";

/* The path as it is, for $(...); on a terminal a hostile one is defused. */
static void
print_path(const struct target *target)
{
	char *path = target_path(target, target->status.snapshot);
	struct strbuf line = { 0 };

	if (isatty(STDOUT_FILENO))
		strbuf_add_printable(&line, path);
	else
		strbuf_adds(&line, path);
	puts(strbuf_text(&line));
	strbuf_release(&line);
	free(path);
}

static int
snapshot(struct target *target, const void *request, struct err *err)
{
	const unsigned int *timeout_s = request;

	if (bell_check(target, LKS_BELL_SNAPSHOT, err) < 0 ||
	    bell_ask(target, LKS_BELL_SNAPSHOT, *timeout_s, err) < 0)
		return -1;
	if (*target->status.error)
		return err_set(err, ERR_STEP,
			       "process %d could not write a snapshot: %s",
			       (int)target->proc.pid, target->status.error);
	if (!*target->status.snapshot)
		return err_set(err, ERR_STEP,
			       "process %d answered without a snapshot",
			       (int)target->proc.pid);
	print_path(target);
	return 0;
}

int
cmd_snapshot(int argc, char **argv)
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
			result = cmd_take_seconds("snapshot", optarg,
						  &timeout_s);
			if (result)
				return result;
			break;
		case 'h':
			return cmd_help(help);
		default:
			return cmd_usage("snapshot", NULL);
		}
	}
	return cmd_on_target("snapshot", argc, argv, snapshot, &timeout_s);
}
