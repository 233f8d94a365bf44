/* leakshim run [OPTIONS] -- CMD */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../analyzer/strbuf.h"
#include "announce.h"
#include "child.h"
#include "cmd.h"
#include "harvest.h"
#include "human.h"
#include "naming.h"
#include "overlay.h"
#include "program.h"
#include "tool.h"
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
/* Options that are no keys. */
#define OTHERS 3

static const char help[] =
	"Usage: leakshim run [OPTIONS] [--] CMD [ARG...]\n"
	"\n"
	"Starts CMD with libleakshim.so added to LD_PRELOAD and the options added\n"
	"to LEAKSHIM. It becomes CMD: same process, signals and exit status. With\n"
	"--then-report it stays CMD's parent, and ends as CMD did.\n"
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
	"  --follow WHAT      track children: fork,exec, fork, exec or none\n"
	"  --start on|off     off: dormant until the first signal\n"
	"  --ledger normal|deep\n"
	"                     deep: more detail on memory, at a cost\n"
	"  --log FILE         messages go there after the start\n"
	"  --bell SIGNAL      what 'leakshim snapshot' sends (a free real-time\n"
	"                     signal)\n"
	"  --seed N           of the sample, for tests\n"
	"  -r, --then-report  when CMD has ended, print on standard error what\n"
	"                     grew from its first to its last snapshot\n"
	"  -q, --quiet        do not say where snapshots will appear\n"
	"  -h, --help         this text\n"
	"\n"
	"Exit status: CMD's; 125 if leakshim failed, 126 if CMD cannot be run,\n"
	"127 if it is not there.\n"
	"\n"
	"Examples:\n"
	"  leakshim run -- ./server --port 8080\n"
	"  leakshim run --interval 10m --out '/var/tmp/%e.%p.%n.snap' -- ./server\n"
	"  leakshim run --then-report -- ./test-suite\n"
	"  leakshim run -q --sample 512K --on exit -- make test\n";

struct run {
	struct overlay_pair pairs[KEY_COUNT];
	size_t count;
	char *on; /* what --on gave so far; owned */
	bool report;
	bool quiet;
};

/* What CMD's environment gets. */
struct overlay {
	char *library;
	char *preload;
	char *options;
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
	struct option options[KEY_COUNT + OTHERS + 1] = {
		{ "then-report", no_argument, NULL, 'r' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
	};
	int option, result;
	size_t i;

	for (i = 0; i < KEY_COUNT; i++) {
		options[OTHERS + i].name = keys[i];
		options[OTHERS + i].has_arg = required_argument;
		options[OTHERS + i].val = FIRST_KEY + (int)i;
	}
	while ((option = getopt_long(argc, argv, "+qhr", options, NULL)) !=
	       -1) {
		if (option == 'q') {
			run->quiet = true;
		} else if (option == 'r') {
			run->report = true;
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

/* --- the program ------------------------------------------------------------ */

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
	char *line, *rest;

	if (!result && said.len) {
		for (line = strtok_r(said.data, "\n", &rest); line;
		     line = strtok_r(NULL, "\n", &rest))
			cmd_tell("%s", line);
		result = err_set(err, ERR_STEP, "not started: bad options");
	}
	strbuf_release(&said);
	return result;
}

static void
release_overlay(struct overlay *overlay)
{
	free(overlay->options);
	free(overlay->preload);
	free(overlay->library);
}

static int
make_overlay(struct overlay *overlay, const struct run *run, struct err *err)
{
	memset(overlay, 0, sizeof(*overlay));
	overlay->library = overlay_library(err);
	if (!overlay->library)
		return -1;
	overlay->preload =
		overlay_preload(getenv("LD_PRELOAD"), overlay->library);
	overlay->options =
		overlay_options(getenv("LEAKSHIM"), run->pairs, run->count);
	if (!*overlay->options ||
	    !check_options(overlay->library, overlay->options, err))
		return 0;
	release_overlay(overlay);
	return -1;
}

/* Lays it over the environment that we have, for exec. */
static int
set_environment(const struct overlay *overlay, struct err *err)
{
	bool has_options = *overlay->options || getenv("LEAKSHIM");

	if (!setenv("LD_PRELOAD", overlay->preload, 1) &&
	    (!has_options || !setenv("LEAKSHIM", overlay->options, 1)))
		return 0;
	return err_set(err, ERR_STEP, "cannot set the environment: %s",
		       strerror(errno));
}

struct start {
	const struct run *run;
	const struct overlay *overlay;
	const char *program; /* the file */
	char **command;
};

/* In the process that becomes CMD; returns only if it can't. */
static int
become(void *as_start)
{
	const struct start *start = as_start;
	struct strbuf text = { 0 };
	struct err err;

	if (set_environment(start->overlay, &err) < 0)
		return fail(&err);
	if (!start->run->quiet) {
		announce_text(&text, start->overlay->options, start->program);
		fputs(strbuf_text(&text), stderr);
		strbuf_release(&text);
	}
	execvp(start->command[0], start->command);
	return fail_program(start->command[0]);
}

/* --- the report ------------------------------------------------------------- */

/* True if LEAKSHIM= as it will be has a value for `key` that is not `none`. */
static bool
is_set(const struct run *run, const char *key, const char *none)
{
	char *options =
		overlay_options(getenv("LEAKSHIM"), run->pairs, run->count);
	char *value = overlay_get(options, key);
	bool result = value && *value && strcmp(value, none) != 0;

	free(value);
	free(options);
	return result;
}

/* Without an interval of the user's own we ask for snapshots ourselves, and of
 * those only the first and the last are of use. */
static bool
report_asks(const struct run *run)
{
	return !is_set(run, "interval", "0");
}

static void
add_report_options(struct run *run)
{
	const char *inherited = getenv("LEAKSHIM");
	char *on;

	if (!run->on && is_set(run, "on", "none")) {
		on = overlay_get(inherited, "on");
		add_on(run, on);
		free(on);
	}
	if (run->on && !strcmp(run->on, "none")) {
		free(run->on);
		run->on = NULL;
	}
	if (!run->on || !strstr(run->on, "exit"))
		add_on(run, "exit");
	if (report_asks(run) && !is_set(run, "keep", ""))
		set_pair(run, "keep", "2");
}

/* Until it has ended: asks for snapshots, and hands on what is sent to us. */
static void
attend(struct child *child, struct harvest *harvest)
{
	uint64_t pause_ns = 0;
	enum child_event event;
	int signal = 0;

	do {
		event = child_wait(child, pause_ns, &signal);
		if (event == CHILD_SIGNAL) {
			if (child_dies_of(child, signal))
				harvest_finish(harvest);
			kill(child->pid, signal);
		} else if (event == CHILD_TIME) {
			pause_ns = harvest_step(harvest);
		}
	} while (event != CHILD_ENDED);
}

/* Of what a wrapper or a daemon started the report knows nothing: said before
 * it, as its first sentence may be that nothing grew. */
static void
report_others(const struct harvest *harvest, char *pattern)
{
	size_t count = pattern ? harvest_others(harvest, pattern) : 0;
	struct strbuf line = { 0 };

	if (!count)
		return;
	strbuf_addf(&line,
		    "%zu other process%s of this run left snapshots: ", count,
		    count == 1 ? "" : "es");
	strbuf_add_printable(&line, pattern);
	cmd_tell("%s", strbuf_text(&line));
	strbuf_release(&line);
}

/* Then on=exit did not come to pass, and what it did since the last snapshot
 * is not in the report. */
static void
report_signal(const struct child *child, const struct harvest_files *files)
{
	char signal[HUMAN_SIGNAL_BYTES], age[HUMAN_BYTES];

	if (!WIFSIGNALED(child->status))
		return;
	human_signal(signal, (uint64_t)WTERMSIG(child->status));
	human_duration(age, files->last_age_ns);
	cmd_tell("the program was ended by SIG%s%s, %s after its last snapshot",
		 signal, WCOREDUMP(child->status) ? " (core dumped)" : "", age);
}

/* `patterns` are the program's files, `others` those of all processes. */
static void
report(const struct harvest *harvest, const struct child *child,
       char *const patterns[HARVEST_PLACES], char *const others[HARVEST_PLACES],
       const char *leakdiff)
{
	const char *arguments[] = { "leakdiff", NULL, NULL, NULL };
	struct strbuf why = { 0 };
	struct harvest_files files;
	struct err err;
	int found = harvest_find(harvest, patterns, &files);
	size_t i;

	if (!found) {
		strbuf_add_printable(&why, harvest->error);
		cmd_tell("no report: the program left no snapshot%s%s",
			 why.len ? ": " : "", strbuf_text(&why));
		strbuf_release(&why);
	} else {
		report_signal(child, &files);
	}
	for (i = 0; i < HARVEST_PLACES; i++)
		report_others(harvest, others[i]);
	if (!found)
		return;
	if (files.first) {
		arguments[1] = files.first;
		arguments[2] = files.last;
	} else {
		cmd_tell("there is one snapshot only: what the program held "
			 "then");
		arguments[1] = files.last;
	}
	if (tool_run(leakdiff, arguments, STDERR_FILENO, &err) < 0)
		cmd_fail(&err);
	harvest_release(&files);
}

static void
find_and_report(const struct harvest *harvest, const struct child *child,
		const struct naming *naming, const char *leakdiff)
{
	char *patterns[HARVEST_PLACES] = {
		naming_pattern(naming, child->pid),
		naming_fallback_pattern(naming, child->pid, child->uid),
	};
	char *others[HARVEST_PLACES] = {
		naming_pattern(naming, 0),
		naming_fallback_pattern(naming, 0, child->uid),
	};
	size_t i;

	report(harvest, child, patterns, others, leakdiff);
	for (i = 0; i < HARVEST_PLACES; i++) {
		free(others[i]);
		free(patterns[i]);
	}
}

static int
start_and_report(struct start *start, const struct naming *naming)
{
	struct harvest harvest;
	struct child child;
	struct err err;
	char *leakdiff;

	leakdiff = tool_find("leakdiff", &err);
	if (!leakdiff)
		return fail(&err);
	if (child_start(&child, become, start, &err) < 0) {
		free(leakdiff);
		return fail(&err);
	}
	harvest_begin(&harvest, child.pid, report_asks(start->run));
	attend(&child, &harvest);
	harvest_end(&harvest);
	find_and_report(&harvest, &child, naming, leakdiff);
	free(leakdiff);
	return child_pass_on(&child);
}

/* --- the start -------------------------------------------------------------- */

static int
start(struct run *run, char **command)
{
	struct start start = { .run = run, .command = command };
	struct overlay overlay;
	struct naming naming;
	struct err err;
	char *program;
	int result;

	program = program_find(command[0]);
	if (!program)
		return fail_program(command[0]);
	if (run->report)
		add_report_options(run);
	if (program_check(program, &err) < 0 ||
	    make_overlay(&overlay, run, &err) < 0) {
		free(program);
		return fail(&err);
	}
	start.overlay = &overlay;
	start.program = program;
	naming_init(&naming, overlay.options, program);
	if (naming_check(&naming, &err) < 0)
		result = fail(&err);
	else if (run->report)
		result = start_and_report(&start, &naming);
	else
		result = become(&start);
	naming_release(&naming);
	release_overlay(&overlay);
	free(program);
	return result;
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
