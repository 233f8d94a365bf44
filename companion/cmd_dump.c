/* leakshim dump PID|NAME */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../analyzer/parse.h"
#include "../analyzer/strbuf.h"
#include "../proto/limits.h"
#include "cmd.h"
#include "fetch.h"
#include "request.h"
#include "target.h"

/* Ten million blocks take some seconds, and a busy disk its time. */
#define DEFAULT_TIMEOUT_S 300

static const char help[] =
	"Usage: leakshim dump [OPTIONS] PID|NAME\n"
	"\n"
	"Has a tracked process write every live block (address, size, age, call\n"
	"stack) to a file beside its snapshots, and prints the file's path.\n"
	"'leakdiff dump FILE' reads it. The process goes on meanwhile: what it\n"
	"allocates or frees then may be in the file or not.\n"
	"\n"
	"Options:\n"
	"  -o, --output FILE   move the file there; FILE must not exist\n"
	"  -c, --contents N    with the first N bytes of each block, at most 256:\n"
	"                      they tell the types of C++ objects, and hold the\n"
	"                      program's secrets (passwords, keys, other people's\n"
	"                      data): keep such a file as you would a core dump\n"
	"  -t, --timeout TIME  how long to wait for the file (5m)\n"
	"  -h, --help          this text\n"
	"\n"
	"Exit status: 0 written, 2 usage, 3 no such process or not tracked, 5 the\n"
	"process did not answer or the file could not be written.\n"
	"\n"
	"Examples:\n"
	"  leakdiff dump $(leakshim dump 4711)\n"
	"  leakshim dump --contents 32 -o app.dump 4711\n"
	"  leakdiff dump app.dump --csv | sort -t, -k3,3nr | head\n";

struct request {
	unsigned int timeout_s;
	uint64_t contents;
	const char *output; /* NULL: where it is */
};

static void
warn_of_secrets(const struct request *request)
{
	if (request->contents)
		fprintf(stderr,
			"leakshim: the file holds the first %" PRIu64
			" bytes of every block, and with them what is secret "
			"in the program: delete it when you are done\n",
			request->contents);
}

static int
ask(struct target *target, const struct request *request, uint32_t *token,
    struct err *err)
{
	struct strbuf lines = { 0 };
	char number[24];
	int result;

	snprintf(number, sizeof(number), "%" PRIu64, request->contents);
	request_add(&lines, "contents", number);
	result = request_ask(target, LKS_BELL_DUMP, &lines, request->timeout_s,
			     token, err);
	strbuf_release(&lines);
	return result;
}

/* It could not be moved, and may hold secrets: the user must know where it
 * is. */
static void
add_place(struct err *err, const char *path)
{
	struct strbuf quoted = { 0 };
	struct err said = *err;

	strbuf_add_quoted(&quoted, path);
	err_set(err, said.code, "%s; the dump is %s", said.text,
		strbuf_text(&quoted));
	strbuf_release(&quoted);
}

/* `path` is as the process names it. */
static int
fetch(const struct target *target, const char *path, const char *to,
      struct err *err)
{
	const struct status_place *place = &target->place;

	return place->root >= 0 ? fetch_file_inside(place->root, path,
						    place->owner, to, err)
				: fetch_file(path, place->owner, to, err);
}

static int
dump(struct target *target, const void *data, struct err *err)
{
	const struct request *request = data;
	const struct status_dump *done;
	int pid = (int)target->proc.pid;
	uint32_t token;
	char *path;
	int result;

	if ((request->output && fetch_check(request->output, err) < 0) ||
	    bell_check(target, LKS_BELL_DUMP, err) < 0 ||
	    ask(target, request, &token, err) < 0)
		return -1;
	done = status_find_dump(&target->status, token);
	if (!done)
		return err_set(err, ERR_STEP,
			       "process %d answered, but does not tell where "
			       "the dump is",
			       pid);
	if (done->failed)
		return err_set(err, ERR_STEP,
			       "process %d could not write a dump: %s", pid,
			       done->text);
	if (target_check_path(target, done->text, err) < 0)
		return -1;
	path = target_path(target, done->text);
	result = request->output
			 ? fetch(target, done->text, request->output, err)
			 : 0;
	if (result == 0)
		cmd_print_path(request->output ? request->output : path);
	else
		add_place(err, path);
	warn_of_secrets(request);
	free(path);
	return result;
}

static int
take_contents(const char *text, struct request *request)
{
	if (parse_count(text, &request->contents) &&
	    request->contents <= LKS_CONTENTS_MAX)
		return 0;
	return cmd_usage("dump", "'%s' is not a number of bytes up to %d", text,
			 LKS_CONTENTS_MAX);
}

int
cmd_dump(int argc, char **argv)
{
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "contents", required_argument, NULL, 'c' },
		{ "timeout", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct request request = { .timeout_s = DEFAULT_TIMEOUT_S };
	int option, result = 0;

	while ((option = getopt_long(argc, argv, "hc:o:t:", options, NULL)) !=
	       -1) {
		switch (option) {
		case 'o':
			if (!strcmp(optarg, "-"))
				return cmd_usage("dump",
						 "--output needs the name of a "
						 "file; standard output gets "
						 "its path");
			request.output = optarg;
			break;
		case 'c':
			result = take_contents(optarg, &request);
			break;
		case 't':
			result = cmd_take_seconds("dump", optarg,
						  &request.timeout_s);
			break;
		case 'h':
			return cmd_help(help);
		default:
			return cmd_usage("dump", NULL);
		}
		if (result)
			return result;
	}
	return cmd_on_target("dump", argc, argv, dump, &request);
}
