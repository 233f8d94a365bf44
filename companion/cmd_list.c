/* leakshim list */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../analyzer/clock.h"
#include "cmd.h"
#include "status_report.h"
#include "status_table.h"
#include "tracked.h"

static const char help[] =
	"Usage: leakshim list [--json]\n"
	"\n"
	"Shows all tracked processes of this user (for root: of everybody), from\n"
	"their status files; nobody is asked. Columns: state and mode, live heap\n"
	"and how old that number is, memory of the shim itself, how much was lost\n"
	"('leakshim status' says what), and the last snapshot.\n"
	"\n"
	"Options:\n"
	"  -j, --json  as one JSON object, for programs\n"
	"  -h, --help  this text\n"
	"\n"
	"Exit status: 0 shown, also if there is none; 2 usage, 5 /proc cannot be\n"
	"read.\n"
	"\n"
	"Examples:\n"
	"  leakshim list\n"
	"  leakshim list --json | jq -r '.processes[].process'\n";

struct listing {
	struct json_t *json; /* NULL: a table is wanted */
	struct status_table table;
	uint64_t now_ns;
	size_t count;
};

static int
add(struct target *target, void *arg)
{
	struct listing *listing = arg;

	listing->count++;
	if (listing->json)
		status_json_append(listing->json, target);
	else
		status_table_add(&listing->table, target, listing->now_ns);
	return 0;
}

static void
print_json(struct listing *listing)
{
	char *json = status_json_print(listing->json);

	puts(json);
	free(json);
}

static void
print_table(struct listing *listing)
{
	struct strbuf text = { 0 };

	if (listing->count)
		status_table_print(&listing->table, &text);
	fputs(strbuf_text(&text), stdout);
	strbuf_release(&text);
}

static void
print_warnings(const struct strbuf *warnings)
{
	const char *line = strbuf_text(warnings), *end;

	for (; (end = strchr(line, '\n')); line = end + 1)
		fprintf(stderr, "leakshim: %.*s\n", (int)(end - line), line);
}

static int
list(bool json)
{
	struct listing listing = { .json = json ? status_json_list() : NULL };
	struct strbuf warnings = { 0 };
	struct err err;
	int result;

	listing.now_ns = clock_ns(CLOCK_REALTIME);
	result = tracked_each(add, &listing, &warnings, &err);
	print_warnings(&warnings);
	strbuf_release(&warnings);
	if (json)
		print_json(&listing);
	else
		print_table(&listing);
	status_table_release(&listing.table);
	if (result < 0) {
		cmd_fail(&err);
		return CMD_FAILED;
	}
	if (!listing.count)
		fputs("leakshim: there is no tracked process\n", stderr);
	return cmd_finish();
}

int
cmd_list(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	bool json = false;
	int option;

	while ((option = getopt_long(argc, argv, "hj", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			json = true;
			break;
		case 'h':
			return cmd_help(help);
		default:
			return cmd_usage("list", NULL);
		}
	}
	if (optind < argc)
		return cmd_usage("list", "list takes no '%s'", argv[optind]);
	return list(json);
}
