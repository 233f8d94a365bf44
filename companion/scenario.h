/*
 * A scenario: what `leakshim soak` does, as a JSON object. Each key is also an
 * option of the same name (--iterations 20), which replaces the file's.
 *
 *	command        array of words, or a text that is split at blanks, with
 *	               quotes as in sh, but by no shell: the program under test,
 *	               started under the shim. Also: -- CMD ARG...
 *	setup          text for sh -c, before the start; not under the shim
 *	teardown       likewise, after the end, whatever happened
 *	env            object of texts: added to the target's environment and to
 *	               that of all commands. --env KEY=VALUE, may repeat. Its
 *	               LEAKSHIM are options of the shim (leakshim(7))
 *	ready          when it can be worked with: tcp:HOST:PORT, http(s)://URL
 *	               (any answer below 500), file:PATH, else a command that
 *	               succeeds. Without it: once it is tracked
 *	process        name (glob) of the executable whose process gets signals
 *	               and must not end. Default: the one that was started, or if
 *	               that ended well (a daemon), the oldest that it left
 *	step           one object or an array: the work of each iteration, in
 *	               order. --step KIND:TEXT or --step '{...}', may repeat. With
 *	               a duration there may be none: then seconds are counted
 *	iterations     that often (20); or
 *	duration       that long: "8h", or "forever" until SIGTERM or SIGINT
 *	warmup         iterations (a number), or a duration, of the steps before
 *	               the first snapshot (0)
 *	settle         pause before each snapshot ("1s"; a fortieth of a duration
 *	               that is less than 40 s)
 *	snapshot-every iterations (a number), or a duration; default: so that
 *	               there are about 20
 *	before-snapshot  after the pause: signal:NAME, http(s)://URL, or a
 *	               command; for programs that collect garbage
 *	trim           true: malloc_trim in the target before each snapshot. Needs
 *	               a process with threads
 *	unit           what growth is counted by: "iteration", or what the steps
 *	               count ("request", "reload", "signal"). Default: what they
 *	               count, if they all count the same, else "iteration"
 *	timeout        of each run of a step, each command, snapshot and wait for
 *	               ready ("60s")
 *	sample         of the shim: 1 is exact, "512K" samples
 *	keep           snapshots that stay on disk per process (64, at least 8):
 *	               the first, the last, thinned between
 *	on-leak        command, once for each new verdict, while it runs or at its
 *	               end; in its environment LEAKSHIM_SITE, _VERDICT, _KIND
 *	               (heap, thread), _FUNCTION, _BYTES_PER_HOUR, _BYTES_PER_UNIT,
 *	               _OBJECTS_PER_UNIT, _UNIT
 *	ab             array of two objects, the variants; each may have "name",
 *	               "command", "env" (added), "setup", "teardown", "ready",
 *	               "before-snapshot", "step". --ab NAME=COMMAND, twice
 *	out            directory for all files; must not be there, or be empty
 *	               (soak.1, soak.2 ...)
 *	limit          growth at one call stack that passes: SIZE is per unit of
 *	               work, SIZE/h per hour. Default 0: every leak is found
 *	fail-over fail-over-total fail-threads max-loss suppressions baseline
 *	               memory-limit: as leakdiff's (its --limit)
 *
 * Each step is an object with "kind", "repeat" (1: runs in each iteration),
 * "unit" and "units" (that each run, or each of what the kind counts, is so
 * many of), and the keys of its kind:
 *
 *	exec     command (main)       sh -c; a failure is a failed step
 *	signal   signals (main)       list: "HUP,USR1"; sent in turn to the process
 *	         count                how many in all (one of each)
 *	         rate                 per second (as fast as can be)
 *	         to                   "main" or "all" tracked processes ("main")
 *	                              counts signals
 *	reload   signal (main) or     then waits until `ready`, or the pause
 *	         command, pause       counts reloads
 *	config   files (main)         list. One run of the whole scenario for each,
 *	                              with {config} in its texts. Counts nothing
 *	http     url (main) ...       see step_http.c; counts requests
 *
 * In every text {out} is the directory of this run's files, {dir} that of the
 * scenario file (or the current one), {port} a free TCP port on 127.0.0.1, and
 * {config} the file of a config step, unless a `$` stands before. Commands have
 * the same as LEAKSHIM_OUT, LEAKSHIM_DIR, LEAKSHIM_PORT, LEAKSHIM_CONFIG, and once
 * the target runs LEAKSHIM_PID and LEAKSHIM_ITERATION. Paths are relative to the
 * directory where leakshim was started. Unknown keys are errors; one that begins
 * with '#' is a comment.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../analyzer/err.h"
#include "step.h"

#define SCENARIO_BYTES_MAX (1u << 20)
#define SCENARIO_STEPS_MAX 64
#define SCENARIO_VARIANTS_MAX 64
#define SCENARIO_WORDS_MAX 1024
#define SCENARIO_ITERATIONS_MAX 1000000000u

/* An amount of work or of time; both 0 = not given. */
struct scenario_span {
	uint64_t iterations;
	double seconds;
};

/* One run of a program: a variant of what was given, its texts final. */
struct scenario {
	json_t *json;     /* owned; all texts below live in it */
	const char *name; /* of the variant, for people; "" = the only one */
	const char *config;
	const char *out;            /* absolute */
	const char *const *command; /* words, NULL at the end; owned array */
	const char *setup;          /* these may be NULL */
	const char *teardown;
	const json_t *env; /* object of texts, or NULL */
	const char *ready;
	const char *process;
	const char *before_snapshot;
	const char *on_leak;
	const char *sample;
	struct step *steps; /* owned */
	size_t step_count;
	const char *unit; /* never NULL */
	uint64_t iterations;
	double duration_s; /* HUGE_VAL = forever; 0 = by iterations */
	struct scenario_span warmup;
	struct scenario_span every;
	double span_s; /* of a run of a step that lasts as long as it likes
			* (step_kind's lasts), so that the duration has room for
			* its snapshots; 0 = any time */
	double settle_s;
	double timeout_s;
	bool trim;
	uint64_t keep;
	uint64_t port;
	const char *dir;
	/* The gate: as on leakdiff's command line, NULL = not given. */
	const char *limit;
	const char *fail_over;
	const char *fail_over_total;
	const char *fail_threads;
	const char *max_loss;
	const char *suppressions;
	const char *baseline;
	int64_t memory_limit;
};

/* What was given, before it is taken apart. */
struct scenario_source {
	json_t *json;    /* object; owned */
	char *dir;       /* absolute; owned */
	bool step_given; /* as an option: no longer the file's */
	bool ab_given;
};

/* What may be set: the keys, and how they look on a command line. */
struct scenario_key {
	const char *name;
	bool is_flag; /* an option without a value */
};
extern const struct scenario_key scenario_keys[];
extern const size_t scenario_key_count;

/* An object without keys; files and options are added to it. */
void scenario_source_init(struct scenario_source *source);
void scenario_source_release(struct scenario_source *source);
/* Reads a file ("-" is standard input). -1 with ERR_OPEN, ERR_READ,
 * ERR_TOO_LARGE, or ERR_CORRUPT for what is not a JSON object, with line and
 * column. */
int scenario_source_read(struct scenario_source *source, const char *file,
			 struct err *err) __attribute__((warn_unused_result));
/* Sets a key as an option does; those that may repeat add. `value` NULL is
 * true. -1 with ERR_PATTERN. */
int scenario_source_set(struct scenario_source *source, const char *key,
			const char *value, struct err *err)
	__attribute__((warn_unused_result));

/* Sets the command, from words that end with NULL. */
void scenario_source_set_command(struct scenario_source *source,
				 char *const *words);

/*
 * A copy of `json` in which the texts {NAME} of `names` are replaced by their
 * texts in `values`; what stands after a `$` stays.
 */
json_t *scenario_fill(const json_t *json, const char *const *names,
		      const char *const *values, size_t count)
	__attribute__((warn_unused_result));

/* Splits a text into words as sh does, without expanding anything. A new array
 * of texts; NULL: a quote is not closed, or there is no word. */
json_t *scenario_words(const char *text) __attribute__((warn_unused_result));

/* The runs that a source asks for. */
struct scenario_set {
	struct scenario *runs; /* owned */
	size_t count;          /* >= 1 */
	bool is_ab;            /* two variants that are compared */
	bool is_config;        /* one run for each file */
};

/*
 * Takes it apart; nothing is started. `out` is the absolute directory of all
 * files: a set of several has a directory in it for each. -1 with ERR_PATTERN:
 * the message names the key.
 */
int scenario_set_init(struct scenario_set *set,
		      const struct scenario_source *source, const char *out,
		      struct err *err) __attribute__((warn_unused_result));
void scenario_set_release(struct scenario_set *set);
