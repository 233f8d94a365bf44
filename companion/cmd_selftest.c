/* leakshim selftest */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../analyzer/strbuf.h"
#include "cmd.h"
#include "selftest.h"

/* Not in the help: what the test runs. */
#define LEAK 256

static const char help[] =
	"Usage: leakshim selftest [--json]\n"
	"\n"
	"Proves that leaks are found on this machine, in this environment: runs a\n"
	"program that leaks a known amount at a known place, and checks the whole\n"
	"chain: that it is tracked, answers the bell and the signal, that its\n"
	"snapshots are written, name the function, and have the exact numbers,\n"
	"and that their difference has. One line a step; a step that needs one\n"
	"that failed is not tried. Takes some seconds at most and leaves no\n"
	"files.\n"
	"\n"
	"Options:\n"
	"  -j, --json  as a JSON object, for programs\n"
	"  -h, --help  this text\n"
	"\n"
	"Exit status: 0 all steps passed, 2 usage, 5 one failed.\n"
	"\n"
	"Examples:\n"
	"  leakshim selftest\n"
	"  leakshim selftest && leakshim run -- ./server\n";

static void
tell_text(void *arg, const char *step, const char *reason, const char *detail)
{
	struct strbuf line = { 0 };

	(void)arg;
	strbuf_addf(&line, "%-6s  %-9s", reason ? "FAILED" : "ok", step);
	if (reason || *detail) {
		strbuf_adds(&line, "  ");
		strbuf_add_printable(&line, reason ? reason : detail);
	}
	while (line.data[line.len - 1] == ' ')
		line.data[--line.len] = '\0';
	puts(strbuf_text(&line));
	fflush(stdout);
	strbuf_release(&line);
}

static void
tell_json(void *arg, const char *step, const char *reason, const char *detail)
{
	struct strbuf text = { 0 };

	/* Paths need not be UTF-8, which JSON is. */
	strbuf_add_printable(&text, reason ? reason : detail);
	json_array_append_new(arg,
			      json_pack("{s:s, s:b, s:s}", "step", step, "ok",
					!reason, reason ? "reason" : "detail",
					strbuf_text(&text)));
	strbuf_release(&text);
}

static bool
run_text(void)
{
	bool passed = selftest_run(tell_text, NULL);

	puts(passed ? "leakshim works on this machine: what was leaked on "
		      "purpose was found, exactly"
		    : "it is not proved that leakshim works here: see what "
		      "FAILED");
	return passed;
}

static bool
run_json(void)
{
	json_t *steps = json_array();
	bool passed = selftest_run(tell_json, steps);
	json_t *root = json_pack("{s:i, s:b, s:o}", "schema_version", 1,
				 "passed", (int)passed, "steps", steps);

	json_dumpf(root, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(root);
	return passed;
}

int
cmd_selftest(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "leak", no_argument, NULL, LEAK },
		{ NULL, 0, NULL, 0 },
	};
	bool json = false, passed;
	int option, finished;

	while ((option = getopt_long(argc, argv, "hj", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			json = true;
			break;
		case 'h':
			return cmd_help(help);
		case LEAK:
			return selftest_leak();
		default:
			return cmd_usage("selftest", NULL);
		}
	}
	if (optind < argc)
		return cmd_usage("selftest", "selftest takes no '%s'",
				 argv[optind]);
	passed = json ? run_json() : run_text();
	finished = cmd_finish();
	return passed ? finished : CMD_FAILED;
}
