/* leakshim run [OPTIONS] -- CMD */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../analyzer/strbuf.h"
#include "announce.h"
#include "cmd.h"
#include "overlay.h"
#include "program.h"
#include "trial.h"

/* As env(1). */
enum {
	RUN_FAILED = 125,
	RUN_NOT_EXECUTABLE = 126,
	RUN_NOT_FOUND = 127,
};

/* The keys of LEAKSHIM=; the option --KEY sets each. */
static const char *const keys[] = {
	"out",   "signal", "bell",   "interval", "on",   "sample",
	"depth", "unwind", "memory", "keep",     "only", "follow",
	"start", "ledger", "log",    "seed",
};

#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))
/* getopt's values of the keys, above those of the letters. */
#define FIRST_KEY 256

static const char help[] =
	"Usage: leakshim run [OPTIONS] [--] CMD [ARG...]\n"
	"\n"
	"Starts CMD with libleakshim.so added to LD_PRELOAD and the options added\n"
	"to LEAKSHIM. It becomes CMD: same process, signals and exit status.\n"
	"\n"
	"Options (leakshim(7) has them in full):\n"
	"  --out TEMPLATE     path of snapshots: %e exe, %p pid, %n number,\n"
	"                     %t start time, %h host (leakshim.%e.%p.%n.snap)\n"
	"  --interval TIME    one every TIME: 30s, 5m, 8h\n"
	"  --on WHEN          one at exit, grow:SIZE or limit:90%; may repeat\n"
	"  --signal SIGNAL    one at this signal: a name, a number, RTMIN+n\n"
	"                     or none (USR2)\n"
	"  --sample SIZE      1 is exact (1); 512K samples every 512 KiB\n"
	"  --depth N          frames per call stack (64, at most 256)\n"
	"  --unwind HOW       cfi, fp or libunwind (cfi)\n"
	"  --memory SIZE      at most that much for our tables\n"
	"  --keep N           at most N snapshots on disk (100)\n"
	"  --only GLOB        track only programs of that name\n"
	"  --follow WHAT      track children: fork,exec, fork or none\n"
	"  --start on|off     off: dormant until the first signal\n"
	"  --ledger normal|deep\n"
	"                     deep: more detail on memory, at a cost\n"
	"  --log FILE         messages go there after the start\n"
	"  --bell SIGNAL      what 'leakshim snapshot' sends (a free real-time\n"
	"                     signal)\n"
	"  --seed N           of the sample, for tests\n"
	"  -q, --quiet        do not say where snapshots will appear\n"
	"  -h, --help         this text\n"
	"\n"
	"Exit status: CMD's; 125 if leakshim failed, 126 if CMD cannot be run,\n"
	"127 if it is not there.\n"
	"\n"
	"Examples:\n"
	"  leakshim run -- ./server --port 8080\n"
	"  leakshim run --interval 10m --out '/var/tmp/%e.%p.%n.snap' -- ./server\n"
	"  leakshim run -q --sample 512K --on exit -- make test\n";

struct run {
	struct overlay_pair pairs[KEY_COUNT];
	size_t count;
	char *on; /* what --on gave so far; owned */
	bool quiet;
};

static int
usage(void)
{
	cmd_usage("run", NULL);
	return RUN_FAILED;
}

static int
fail(const struct err *err)
{
	cmd_fail(err);
	return RUN_FAILED;
}

/* --- options ---------------------------------------------------------------- */

static void
set_pair(struct run *run, const char *key, const char *value)
{
	size_t i;

	for (i = 0; i < run->count; i++)
		if (!strcmp(run->pairs[i].key, key))
			break;
	run->pairs[i].key = key;
	run->pairs[i].value = value;
	if (i == run->count)
		run->count++;
}

/* --on exit --on grow:1M is on=exit+grow:1M. */
static void
add_on(struct run *run, const char *value)
{
	struct strbuf joined = { 0 };

	if (run->on)
		strbuf_addf(&joined, "%s+", run->on);
	strbuf_adds(&joined, value);
	free(run->on);
	run->on = strbuf_detach(&joined);
	set_pair(run, "on", run->on);
}

static int
take_key(struct run *run, const char *key, const char *value)
{
	if (!*value || !overlay_can_hold(value)) {
		cmd_usage("run", "--%s: %s", key,
			  *value ? "a value cannot end in a backslash"
				 : "needs a value");
		return RUN_FAILED;
	}
	if (!strcmp(key, "on"))
		add_on(run, value);
	else
		set_pair(run, key, value);
	return 0;
}

/* Returns 0 to go on, an exit status, or -1 if help was asked for. */
static int
take_options(struct run *run, int argc, char **argv)
{
	struct option options[KEY_COUNT + 3] = {
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
	};
	int option, result;
	size_t i;

	for (i = 0; i < KEY_COUNT; i++) {
		options[2 + i].name = keys[i];
		options[2 + i].has_arg = required_argument;
		options[2 + i].val = FIRST_KEY + (int)i;
	}
	while ((option = getopt_long(argc, argv, "+qh", options, NULL)) != -1) {
		if (option == 'q') {
			run->quiet = true;
		} else if (option == 'h') {
			return -1;
		} else if (option < FIRST_KEY) {
			return usage();
		} else {
			result =
				take_key(run, keys[option - FIRST_KEY], optarg);
			if (result)
				return result;
		}
	}
	return 0;
}

/* --- the start -------------------------------------------------------------- */

static int
fail_program(const char *name)
{
	int error = errno;

	fprintf(stderr, "leakshim: cannot run '%s': %s\n", name,
		strerror(error));
	return error == ENOENT ? RUN_NOT_FOUND : RUN_NOT_EXECUTABLE;
}

/* A daemon would say it where nobody looks, and each program it starts
 * again. */
static int
check_options(const char *library, const char *options, struct err *err)
{
	struct strbuf said = { 0 };
	int result = trial_of_options(&said, library, options, err);

	if (!result && said.len) {
		fputs(strbuf_text(&said), stderr);
		result = err_set(err, ERR_STEP, "not started: bad options");
	}
	strbuf_release(&said);
	return result;
}

/* Lays our environment over the one we have, for exec. */
static int
set_environment(const struct run *run, struct err *err)
{
	char *library, *preload, *options;
	int result;

	library = overlay_library(err);
	if (!library)
		return -1;
	preload = overlay_preload(getenv("LD_PRELOAD"), library);
	options = overlay_options(getenv("LEAKSHIM"), run->pairs, run->count);
	result = *options ? check_options(library, options, err) : 0;
	if (!result && (setenv("LD_PRELOAD", preload, 1) < 0 ||
			((*options || getenv("LEAKSHIM")) &&
			 setenv("LEAKSHIM", options, 1) < 0)))
		result = err_set(err, ERR_STEP,
				 "cannot set the environment: %s",
				 strerror(errno));
	free(options);
	free(preload);
	free(library);
	return result;
}

/* What the process will see is said as it was set. */
static void
announce(const char *program)
{
	const char *options = getenv("LEAKSHIM");
	struct strbuf text = { 0 };

	announce_text(&text, options ? options : "", program);
	fputs(strbuf_text(&text), stderr);
	strbuf_release(&text);
}

static int
start(const struct run *run, char **command)
{
	struct err err;
	char *program;

	program = program_find(command[0]);
	if (!program)
		return fail_program(command[0]);
	if (program_check(program, &err) < 0 ||
	    set_environment(run, &err) < 0) {
		free(program);
		return fail(&err);
	}
	if (!run->quiet)
		announce(program);
	free(program);
	execvp(command[0], command);
	return fail_program(command[0]);
}

int
cmd_run(int argc, char **argv)
{
	struct run run = { .count = 0 };
	int result = take_options(&run, argc, argv);

	if (result < 0) {
		result = cmd_help(help) ? RUN_FAILED : 0;
	} else if (!result && optind >= argc) {
		cmd_usage("run", "run needs a command");
		result = RUN_FAILED;
	} else if (!result) {
		result = start(&run, argv + optind);
	}
	free(run.on);
	return result;
}
