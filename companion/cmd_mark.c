/* leakshim mark PID|NAME TEXT */
#include <getopt.h>
#include <string.h>

#include "../analyzer/strbuf.h"
#include "../proto/limits.h"
#include "cmd.h"
#include "request.h"
#include "target.h"

#define DEFAULT_TIMEOUT_S 30

static const char help[] =
	"Usage: leakshim mark [--timeout TIME] PID|NAME TEXT\n"
	"\n"
	"Writes TEXT into the timeline of a tracked process: all its later\n"
	"snapshots have it, with the time, and leakdiff shows it. Returns when the\n"
	"process has taken it, so that what a script does next comes after it. A\n"
	"NAME means every process that is called so.\n"
	"\n"
	"The last 256 marks of a process are kept; TEXT has at most 255 bytes. A\n"
	"program can set marks itself: see leakshim.h.\n"
	"\n"
	"Options:\n"
	"  -t, --timeout TIME  how long to wait for its answer (30s)\n"
	"  -h, --help          this text\n"
	"\n"
	"Exit status: 0 done, 2 usage, 3 no such process or not tracked, 5 the\n"
	"process did not answer or did not take it.\n"
	"\n"
	"Examples:\n"
	"  leakshim mark 4711 'reload 17'\n"
	"  leakshim mark nginx \"deploy $(git describe)\"\n";

struct request {
	unsigned int timeout_s;
	const char *text;
};

static int
mark(struct target *target, const void *data, struct err *err)
{
	const struct request *request = data;
	struct strbuf lines = { 0 };
	uint32_t token;
	int result;

	if (bell_check(target, LKS_BELL_MARK, err) < 0)
		return -1;
	request_add(&lines, "mark", request->text);
	result = request_ask(target, LKS_BELL_MARK, &lines, request->timeout_s,
			     &token, err);
	strbuf_release(&lines);
	return result;
}

int
cmd_mark(int argc, char **argv)
{
	static const struct option options[] = {
		{ "timeout", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct request request = { .timeout_s = DEFAULT_TIMEOUT_S };
	int option, result;

	while ((option = getopt_long(argc, argv, "ht:", options, NULL)) != -1) {
		switch (option) {
		case 't':
			result = cmd_take_seconds("mark", optarg,
						  &request.timeout_s);
			if (result)
				return result;
			break;
		case 'h':
			return cmd_help(help);
		default:
			return cmd_usage("mark", NULL);
		}
	}
	if (argc - optind != 2)
		return cmd_usage("mark",
				 "mark needs the PID or name of a process, and "
				 "a text (in quotes, if it has spaces)");
	request.text = argv[optind + 1];
	if (!*request.text)
		return cmd_usage("mark", "the text of a mark is not empty");
	if (strlen(request.text) >= LKS_MARK_BYTES)
		return cmd_usage("mark",
				 "the text of a mark has at most %d bytes",
				 LKS_MARK_BYTES - 1);
	return cmd_on_targets("mark", optind + 1, argv, mark, &request);
}
