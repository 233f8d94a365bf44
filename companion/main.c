/* leakshim: the command table. */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../analyzer/xalloc.h"
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
	{ "serve", cmd_serve, "serve profiles and charts over HTTP" },
	{ "selftest", cmd_selftest, "prove that leaks are found here" },
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static int
help(void)
{
	size_t i;

	fputs("Usage: leakshim VERB [OPTIONS] [OPERANDS]\n"
	      "       leakshim help [VERB]\n"
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

static const struct command *
find_command(const char *verb)
{
	size_t i;

	for (i = 0; i < COMMAND_COUNT; i++)
		if (!strcmp(verb, commands[i].verb))
			return &commands[i];
	return NULL;
}

/* leakshim help [VERB] */
static int
help_on(char *name, int argc, char **argv)
{
	char option[] = "--help";
	char *arguments[] = { name, option, NULL };
	const struct command *command;

	if (argc < 2)
		return help();
	if (argc > 2)
		return cmd_usage(NULL, "help takes one verb, not '%s' as well",
				 argv[2]);
	/* As after a verb, where it is asked for in another way. */
	if (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help") ||
	    !strcmp(argv[1], "-h"))
		return help();
	command = find_command(argv[1]);
	if (!command)
		return unknown(argv[1]);
	optind = 0;
	return command->run(2, arguments);
}

int
main(int argc, char **argv)
{
	static char name[] = "leakshim";
	const struct command *command;
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};

	if (argc < 1)
		return cmd_usage(NULL, "no verb was given");
	/* What builds JSON need not look for NULL. */
	json_set_alloc_funcs(xmalloc, free);
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
	if (!strcmp(argv[0], "help"))
		return help_on(name, argc, argv);
	command = find_command(argv[0]);
	if (!command)
		return unknown(argv[0]);
	argv[0] = name;
	/* 0, not 1: getopt(3) starts anew, with the verb's flags. */
	optind = 0;
	return command->run(argc, argv);
}
