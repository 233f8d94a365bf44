/* leakshim monitor PID|NAME: its options. */
#include "cmd_monitor.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../analyzer/parse.h"
#include "../analyzer/xalloc.h"
#include "cmd.h"

#define DEFAULT_INTERVAL_S 5
#define INTERVAL_MIN_S 0.05
#define INTERVAL_MAX_S 86400

#define DEFAULT_LINES 5

static const char help[] =
	"Usage: leakshim monitor [OPTIONS] PID|NAME...\n"
	"       leakshim monitor --pmap [-o FILE] PID|NAME...\n"
	"\n"
	"Watches the memory of processes, tracked or not: RSS, PSS, USS, swap,\n"
	"threads, open files, processor time, page faults, and the live heap of\n"
	"tracked ones. Ends when they end; SIGINT and SIGTERM end it too. Then\n"
	"one line on standard error says how much each grew.\n"
	"\n"
	"Options:\n"
	"  -i, --interval TIME  between two looks: 500ms, 5s, 2m (5s)\n"
	"  -n, --count N        end after N looks\n"
	"  -c, --csv            CSV, with a header; sizes in bytes\n"
	"  -j, --json           a JSON object per look, each on a line\n"
	"  -s, --smaps          print what changed among the mappings\n"
	"  -p, --pmap           print all mappings once and end\n"
	"  -o, --output FILE    --pmap writes there\n"
	"  -l, --log FILE       print the last lines of a log with each look, with\n"
	"                       --smaps only where something changed\n"
	"  -g, --grep REGEX     only lines that match; may be repeated\n"
	"  -L, --lines N        that many lines of the log (5)\n"
	"  -h, --help           this text\n"
	"\n"
	"PSS and USS are read, and with --smaps looks are taken, as seldom as\n"
	"keeps the monitor below 5% of a core.\n"
	"\n"
	"Exit status: 0 done or the processes have ended, 2 usage, 3 no such\n"
	"process, or not ours to look at, 5 it could not be written.\n"
	"\n"
	"Examples:\n"
	"  leakshim monitor nginx\n"
	"  leakshim monitor -i 1s --csv 4711 >memory.csv\n"
	"  leakshim monitor --smaps -i 1m --log app.log --grep 'GC|reload' app\n"
	"  leakshim monitor --pmap -o before.pmap 4711\n";

/* All that the operands mean, each once. 0 or an exit status, told. */
static int
pick_operands(struct pick *out, int argc, char **argv)
{
	struct pick one;
	struct err err;
	size_t capacity = 0, i, j;

	memset(out, 0, sizeof(*out));
	if (optind >= argc)
		return cmd_usage("monitor",
				 "monitor needs the PID or the NAME of a "
				 "process");
	for (; optind < argc; optind++) {
		if (pick_processes(&one, argv[optind], &err) < 0) {
			pick_release(out);
			return cmd_fail(&err);
		}
		for (i = 0; i < one.count; i++) {
			for (j = 0; j < out->count; j++)
				if (out->pids[j] == one.pids[i])
					break;
			if (j < out->count)
				continue;
			out->pids = xgrow(out->pids, &capacity, out->count + 1,
					  sizeof(*out->pids));
			out->pids[out->count++] = one.pids[i];
		}
		pick_release(&one);
	}
	return 0;
}

static int
take_interval(struct cmd_monitor_request *request)
{
	if (parse_duration(optarg, &request->interval_s) &&
	    request->interval_s >= INTERVAL_MIN_S &&
	    request->interval_s <= INTERVAL_MAX_S)
		return 0;
	return cmd_usage("monitor",
			 "'%s' is not a time from 50ms to 1d, such as 5s",
			 optarg);
}

static int
take_count(const char *what, uint64_t max, uint64_t *out)
{
	if (parse_count(optarg, out) && *out >= 1 && *out <= max)
		return 0;
	return cmd_usage("monitor",
			 "'%s' is not a number of %s from 1 to "
			 "%" PRIu64,
			 optarg, what, max);
}

static int
take_pattern(struct cmd_monitor_request *request)
{
	struct err err;

	if (patterns_add(&request->patterns, optarg, &err) == 0)
		return 0;
	return cmd_usage("monitor", "%s", err.text);
}

static int
check(const struct cmd_monitor_request *request, bool has_lines)
{
	if (request->output && !request->pmap)
		return cmd_usage("monitor", "--output goes with --pmap");
	if (request->pmap && (request->with_maps || request->log))
		return cmd_usage("monitor", "--pmap looks once: it takes no %s",
				 request->log ? "--log" : "--smaps");
	if (!request->log && (request->patterns.count || has_lines))
		return cmd_usage("monitor", "%s goes with --log",
				 has_lines ? "--lines" : "--grep");
	return 0;
}

static int
take_options(struct cmd_monitor_request *request, int argc, char **argv)
{
	static const struct option options[] = {
		{ "interval", required_argument, NULL, 'i' },
		{ "count", required_argument, NULL, 'n' },
		{ "csv", no_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' },
		{ "smaps", no_argument, NULL, 's' },
		{ "pmap", no_argument, NULL, 'p' },
		{ "output", required_argument, NULL, 'o' },
		{ "log", required_argument, NULL, 'l' },
		{ "grep", required_argument, NULL, 'g' },
		{ "lines", required_argument, NULL, 'L' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	bool has_lines = false;
	int option, result = 0;

	while (result == 0 &&
	       (option = getopt_long(argc, argv, "i:n:cjspo:l:g:L:h", options,
				     NULL)) != -1) {
		switch (option) {
		case 'i':
			result = take_interval(request);
			break;
		case 'n':
			result = take_count("looks", UINT32_MAX,
					    &request->count);
			break;
		case 'c':
			request->form = MONITOR_CSV;
			break;
		case 'j':
			request->form = MONITOR_JSON;
			break;
		case 's':
			request->with_maps = true;
			break;
		case 'p':
			request->pmap = true;
			break;
		case 'o':
			request->output = optarg;
			break;
		case 'l':
			request->log = optarg;
			break;
		case 'g':
			result = take_pattern(request);
			break;
		case 'L':
			has_lines = true;
			result = take_count("lines", LOGTAIL_LINES_MAX,
					    &request->lines);
			break;
		case 'h':
			request->help = true;
			return 0;
		default:
			return cmd_usage("monitor", NULL);
		}
	}
	return result ? result : check(request, has_lines);
}

int
cmd_monitor(int argc, char **argv)
{
	struct cmd_monitor_request request = {
		.interval_s = DEFAULT_INTERVAL_S,
		.lines = DEFAULT_LINES,
	};
	struct pick pick;
	int status;

	status = take_options(&request, argc, argv);
	if (status == 0 && request.help)
		status = cmd_help(help);
	else if (status == 0)
		status = pick_operands(&pick, argc, argv);
	if (status == 0 && !request.help) {
		status = request.pmap ? cmd_monitor_pmap(&request, &pick)
				      : cmd_monitor_watch(&request, &pick);
		pick_release(&pick);
	}
	patterns_release(&request.patterns);
	return status;
}
