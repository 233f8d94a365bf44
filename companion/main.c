/* leakshim: the command table. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"

/* Set by the Makefile. */
#ifndef LEAKSHIM_VERSION
#define LEAKSHIM_VERSION "(unknown version)"
#endif

struct command {
	const char *verb;
	int (*run)(int argc, char **argv);
	const char *summary;
};

static const struct command commands[] = {
	{ "run", cmd_run, "start a program that is tracked" },
	{ "start", cmd_start, "begin to track a dormant process" },
	{ "snapshot", cmd_snapshot, "take snapshots of tracked processes" },
	{ "status", cmd_status, "show how a process is tracked" },
	{ "list", cmd_list, "show all tracked processes of this user" },
	{ "mark", cmd_mark, "write a word into a process's snapshots" },
	{ "dump", cmd_dump, "write every live block of a process" },
	{ "doctor", cmd_doctor, "say before a run what tracking will miss" },
	{ "monitor", cmd_monitor, "watch a process's memory" },
	{ "soak", cmd_soak, "run a workload and judge what grows" },
	{ "selftest", cmd_selftest, "prove that leaks are found here" },
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static int
help(void)
{
	size_t i;

	fputs("Usage: leakshim VERB [OPTIONS] [OPERANDS]\n"
	      "\n"
	      "Finds what grows in a native process.\n"
	      "\n"
	      "  leakshim run -- ./app       start it tracked\n"
	      "  leakshim snapshot PID       ask it for a snapshot, twice\n"
	      "  leakdiff FIRST SECOND       see what grew\n"
	      "\n"
	      "Verbs:\n",
	      stdout);
	for (i = 0; i < COMMAND_COUNT; i++)
		printf("  %-10s %s\n", commands[i].verb, commands[i].summary);
	fputs("\n"
	      "Options:\n"
	      "  -h, --help     this text; after a verb, that verb's\n"
	      "  -V, --version  the version\n"
	      "\n"
	      "See leakshim(1), and leakshim(7) for what it does and where its\n"
	      "limits are.\n",
	      stdout);
	return cmd_finish();
}

static int
unknown(const char *verb)
{
	char verbs[256] = "";
	size_t i, used = 0;

	for (i = 0; i < COMMAND_COUNT && used < sizeof(verbs); i++)
		used += (size_t)snprintf(verbs + used, sizeof(verbs) - used,
					 "%s%s", i ? ", " : "",
					 commands[i].verb);
	return cmd_usage(NULL, "unknown verb '%s'; there are: %s", verb, verbs);
}

int
main(int argc, char **argv)
{
	static char name[] = "leakshim";
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	size_t i;

	if (argc < 1)
		return cmd_usage(NULL, "no verb was given");
	/* getopt puts it before its messages. */
	argv[0] = name;
	switch (getopt_long(argc, argv, "+hV", options, NULL)) {
	case -1:
		break;
	case 'h':
		return help();
	case 'V':
		printf("leakshim %s\n", LEAKSHIM_VERSION);
		return cmd_finish();
	default:
		return cmd_usage(NULL, NULL);
	}
	if (optind >= argc)
		return cmd_usage(NULL, "no verb was given");
	argc -= optind;
	argv += optind;
	for (i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(argv[0], commands[i].verb) != 0)
			continue;
		argv[0] = name;
		/* 0, not 1: getopt(3) starts anew, with the verb's flags. */
		optind = 0;
		return commands[i].run(argc, argv);
	}
	return unknown(argv[0]);
}
