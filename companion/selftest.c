/*
 * Steps are in order, and what one makes the next ones use. Each says why it
 * failed in `err`; who needs what a failed one would have made is not run.
 */
#include "selftest.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../analyzer/strbuf.h"
#include "../analyzer/xalloc.h"
#include "bell.h"
#include "human.h"
#include "overlay.h"
#include "selftest_leak.h"
#include "selftest_look.h"
#include "selftest_program.h"
#include "target.h"
#include "trial.h"

#define LOOK_NS 10000000
#define LOOKS (SELFTEST_TIMEOUT_S * (1000000000 / LOOK_NS))

struct selftest {
	char directory[64]; /* of ours alone; "" = not made */
	char *library;
	char *options; /* LEAKSHIM= of the program */
	struct selftest_program program;
	bool open; /* target is */
	struct target target;
	char *snapshots[2];
	struct strbuf detail;
};

/* --- before the program ----------------------------------------------------- */

static int
make_directory(struct selftest *test, struct err *err)
{
	const char *top = getenv("TMPDIR");
	int bytes;

	if (!top || *top != '/')
		top = "/tmp";
	bytes = snprintf(test->directory, sizeof(test->directory),
			 "%s/leakshim-selftest-XXXXXX", top);
	if (bytes >= (int)sizeof(test->directory)) {
		test->directory[0] = '\0';
		return err_set(err, ERR_STEP, "the path in TMPDIR is too long");
	}
	if (mkdtemp(test->directory)) {
		strbuf_adds(&test->detail, test->directory);
		return 0;
	}
	test->directory[0] = '\0';
	return err_set(err, ERR_STEP, "cannot make a directory in %s: %s", top,
		       strerror(errno));
}

static int
find_library(struct selftest *test, struct err *err)
{
	test->library = overlay_library(err);
	if (!test->library)
		return -1;
	strbuf_adds(&test->detail, test->library);
	return 0;
}

static int
check_options(struct selftest *test, struct err *err)
{
	struct overlay_pair out = { "out", NULL };
	struct strbuf path = { 0 }, said = { 0 };
	int result;

	strbuf_addf(&path, "%s/%%n.snap", test->directory);
	out.value = strbuf_text(&path);
	test->options = overlay_options(getenv("LEAKSHIM"), &out, 1);
	strbuf_release(&path);
	result = trial_of_options(&said, test->library, test->options, err);
	if (!result && said.len) {
		said.data[strcspn(said.data, "\n")] = '\0';
		result = err_set(err, ERR_STEP, "%s", said.data);
	}
	strbuf_release(&said);
	if (!result && getenv("LEAKSHIM"))
		strbuf_addf(&test->detail, "LEAKSHIM=%s", getenv("LEAKSHIM"));
	else if (!result)
		strbuf_adds(&test->detail, "LEAKSHIM is not set: the defaults");
	return result;
}

/* --- the program ------------------------------------------------------------ */

static int
check_preload(struct selftest *test, struct err *err)
{
	struct selftest_program *program = &test->program;
	struct target *target = &test->target;

	if (selftest_program_start(program, test->library, test->options, err) <
	    0)
		return -1;
	/* It leaks its first blocks. */
	if (!selftest_program_ask(program)) {
		err_set(err, ERR_STEP, "the program did not run");
		selftest_program_explain(&test->program, err);
		return -1;
	}
	if (target_open(target, test->program.pid, err) < 0)
		return -1;
	test->open = true;
	if (target_require(target, err) < 0) {
		selftest_program_explain(&test->program, err);
		return -1;
	}
	if (target->status.state != STATUS_ON)
		return err_set(err, ERR_STEP, "tracking is %s%s%s%s",
			       target->status.state_name,
			       *target->status.reason ? ": " : "",
			       target->status.reason,
			       target->status.state == STATUS_DORMANT
				       ? " (start=off)"
				       : "");
	strbuf_addf(&test->detail, "process %d is tracked",
		    (int)test->program.pid);
	return 0;
}

static int
check_exact(struct selftest *test, struct err *err)
{
	const struct status *status = &test->target.status;
	char size[HUMAN_BYTES];

	if (status->sample <= 1) {
		strbuf_adds(&test->detail, "every allocation is counted");
		return 0;
	}
	human_bytes(size, status->sample);
	return err_set(err, ERR_STEP,
		       "counts are estimates, one sample every %s: unset "
		       "sample= in LEAKSHIM",
		       size);
}

static int
check_bell(struct selftest *test, struct err *err)
{
	struct target *target = &test->target;
	char name[HUMAN_SIGNAL_BYTES];

	if (bell_check(target, LKS_BELL_REFRESH, err) < 0 ||
	    bell_ask(target, LKS_BELL_REFRESH, SELFTEST_TIMEOUT_S, err) < 0)
		return -1;
	if (!target->status.has_totals)
		return err_set(err, ERR_STEP, "it answered without totals");
	human_signal(name, target->status.bell);
	strbuf_addf(&test->detail, "SIG%s was answered", name);
	return 0;
}

/* --- snapshots -------------------------------------------------------------- */

static int
take_path(struct selftest *test, size_t i, struct err *err)
{
	const struct status *status = &test->target.status;
	struct stat st;

	if (*status->error)
		return err_set(err, ERR_STEP, "%s", status->error);
	if (*status->out_note)
		return err_set(err, ERR_STEP, "%s", status->out_note);
	if (stat(status->snapshot, &st) < 0)
		return err_set(err, ERR_STEP, "'%s' is not there: %s",
			       status->snapshot, strerror(errno));
	test->snapshots[i] = xstrdup(status->snapshot);
	strbuf_addf(&test->detail, "%" PRIdMAX " bytes", (intmax_t)st.st_size);
	return 0;
}

static int
check_snapshot(struct selftest *test, struct err *err)
{
	if (bell_check(&test->target, LKS_BELL_SNAPSHOT, err) < 0 ||
	    bell_ask(&test->target, LKS_BELL_SNAPSHOT, SELFTEST_TIMEOUT_S,
		     err) < 0)
		return -1;
	return take_path(test, 0, err);
}

static int
await_sequence(struct selftest *test, uint64_t before, struct err *err)
{
	struct target *target = &test->target;
	const struct timespec pause = { 0, LOOK_NS };
	struct err ignored;
	int i;

	for (i = 0; i < LOOKS; i++) {
		if (target_find(target, &ignored) == 1 &&
		    (target->status.sequence > before || *target->status.error))
			return 0;
		if (!target_alive(target)) {
			err_set(err, ERR_STEP, "the signal ended the program");
			selftest_program_explain(&test->program, err);
			return -1;
		}
		nanosleep(&pause, NULL);
	}
	return err_set(err, ERR_STEP, "no snapshot within %d s",
		       SELFTEST_TIMEOUT_S);
}

/* The user's signal, as kill(1) sends it. */
static int
check_signal(struct selftest *test, struct err *err)
{
	const struct status *status = &test->target.status;
	uint64_t before = status->sequence;
	char name[HUMAN_SIGNAL_BYTES];

	if (!selftest_program_ask(&test->program))
		return err_set(err, ERR_STEP, "the program hangs or has ended");
	if (!status->signal || status->signal > 64)
		return err_set(err, ERR_STEP, "no signal is in force%s%s",
			       *status->signal_note ? ": " : "",
			       status->signal_note);
	human_signal(name, status->signal);
	if (kill(test->program.pid, (int)status->signal) < 0)
		return err_set(err, ERR_STEP, "cannot send SIG%s: %s", name,
			       strerror(errno));
	if (await_sequence(test, before, err) < 0)
		return -1;
	strbuf_addf(&test->detail, "SIG%s wrote one of ", name);
	return take_path(test, 1, err);
}

/* --- what they say ---------------------------------------------------------- */

static int
compare(const char *what, const struct amount *got, int64_t objects,
	struct err *err)
{
	int64_t bytes = objects * SELFTEST_BYTES;

	if (got->objects == objects && got->bytes == bytes)
		return 0;
	return err_set(err, ERR_STEP,
		       "%s: %" PRId64 " objects of %" PRId64
		       " bytes in all, not %" PRId64 " of %" PRId64,
		       what, got->objects, got->bytes, objects, bytes);
}

static int
look(struct selftest *test, size_t count, struct selftest_sight *sight,
     struct err *err)
{
	const char *files[] = { test->snapshots[0], test->snapshots[1] };

	if (selftest_look(sight, files, count, err) < 0)
		return -1;
	if (!sight->found)
		return err_set(err, ERR_STEP,
			       "no call stack leads through "
			       "%s, where the program leaked",
			       SELFTEST_FUNCTION);
	return 0;
}

static int
check_site(struct selftest *test, struct err *err)
{
	struct selftest_sight sight;

	if (look(test, 1, &sight, err) < 0)
		return -1;
	strbuf_addf(&test->detail, "%s%s", SELFTEST_FUNCTION,
		    sight.named ? ""
				: ", by its address: leakshim's file has "
				  "no names");
	return 0;
}

static int
check_counts(struct selftest *test, struct err *err)
{
	struct selftest_sight sight;

	if (look(test, 1, &sight, err) < 0 ||
	    compare("live", &sight.live, SELFTEST_FIRST, err) < 0)
		return -1;
	strbuf_addf(&test->detail, "%d objects of %d bytes in all",
		    SELFTEST_FIRST, SELFTEST_FIRST * SELFTEST_BYTES);
	return 0;
}

static int
check_diff(struct selftest *test, struct err *err)
{
	struct selftest_sight sight;

	if (look(test, 2, &sight, err) < 0 ||
	    compare("grown by", &sight.delta, SELFTEST_SECOND, err) < 0)
		return -1;
	strbuf_addf(&test->detail, "+%d objects, +%d bytes", SELFTEST_SECOND,
		    SELFTEST_SECOND * SELFTEST_BYTES);
	return 0;
}

/* --- the end ---------------------------------------------------------------- */

static int
check_end(struct selftest *test, struct err *err)
{
	struct status left = { .text = NULL };
	struct err ignored;

	if (selftest_program_end(&test->program, err) < 0)
		return -1;
	if (status_read(&left, &test->target.place, &ignored) == 1) {
		status_remove(&test->target.place, &left);
		status_release(&left);
		return err_set(err, ERR_STEP,
			       "the program left its status file");
	}
	strbuf_adds(&test->detail, "the program ended as it should, without "
				   "its status file");
	return 0;
}

static void
remove_directory(const char *path)
{
	const struct dirent *entry;
	DIR *dir = opendir(path);

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' ||
		    (entry->d_name[1] && entry->d_name[1] != '.'))
			unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
	rmdir(path);
}

static void
clean_up(struct selftest *test)
{
	/* Then it had no time to remove its status file. */
	if (selftest_program_release(&test->program))
		target_sweep();
	if (test->open)
		target_close(&test->target);
	if (test->directory[0])
		remove_directory(test->directory);
	free(test->snapshots[0]);
	free(test->snapshots[1]);
	free(test->options);
	free(test->library);
	strbuf_release(&test->detail);
}

/* --- all -------------------------------------------------------------------- */

enum step {
	DIRECTORY,
	LIBRARY,
	OPTIONS,
	PRELOAD,
	EXACT,
	BELL,
	SNAPSHOT,
	SITE,
	COUNTS,
	SIGNAL,
	DIFF,
	END,
	STEP_COUNT
};

#define BIT(step) (1u << (step))

static const struct {
	const char *name;
	int (*run)(struct selftest *test, struct err *err);
	unsigned int needs; /* bits of steps */
} steps[STEP_COUNT] = {
	[DIRECTORY] = { "directory", make_directory, 0 },
	[LIBRARY] = { "library", find_library, 0 },
	[OPTIONS] = { "options", check_options, BIT(DIRECTORY) | BIT(LIBRARY) },
	[PRELOAD] = { "preload", check_preload, BIT(OPTIONS) },
	[EXACT] = { "exact", check_exact, BIT(PRELOAD) },
	[BELL] = { "bell", check_bell, BIT(PRELOAD) },
	[SNAPSHOT] = { "snapshot", check_snapshot, BIT(BELL) },
	[SITE] = { "site", check_site, BIT(EXACT) | BIT(SNAPSHOT) },
	[COUNTS] = { "counts", check_counts, BIT(SITE) },
	[SIGNAL] = { "signal", check_signal, BIT(PRELOAD) },
	[DIFF] = { "diff", check_diff, BIT(SITE) | BIT(SIGNAL) },
	[END] = { "end", check_end, BIT(PRELOAD) },
};

/* A signal must not leave files and a program behind. */
static volatile sig_atomic_t stopped;

static void
stop(int signal)
{
	stopped = signal;
}

static void
catch_signals(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGTERM };
	struct sigaction action;
	size_t i;

	memset(&action, 0, sizeof(action));
	action.sa_handler = stop;
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
	/* A program that died does not end us with it. */
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, NULL);
}

bool
selftest_run(selftest_tell *tell, void *arg)
{
	struct selftest test = { .open = false };
	unsigned int passed = 0, failed = 0, step;
	struct err err;

	catch_signals();
	selftest_program_init(&test.program, test.directory);
	for (step = 0; step < STEP_COUNT && !stopped; step++) {
		if ((passed & steps[step].needs) != steps[step].needs)
			continue;
		strbuf_clear(&test.detail);
		if (steps[step].run(&test, &err) == 0) {
			passed |= BIT(step);
			tell(arg, steps[step].name, NULL,
			     strbuf_text(&test.detail));
		} else {
			failed |= BIT(step);
			tell(arg, steps[step].name, err.text, "");
		}
	}
	clean_up(&test);
	if (stopped)
		tell(arg, "all", "a signal ended the test", "");
	return !failed && !stopped;
}
