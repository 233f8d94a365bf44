/*
 * One step of a soak: a piece of work that is done to the target in each
 * iteration. A kind of step is one entry in step.c's table and lives in
 * step_<kind>.c. scenario.h has the format.
 *
 * A kind knows its own keys and its own work. It neither prints nor ends
 * anything that it did not start; it comes back within the time-out, and soon
 * after world->should_stop() became true.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../analyzer/err.h"
#include "../analyzer/strbuf.h"

/* What a step may use of the soak around it. Borrowed for the call. */
struct step_world {
	pid_t pid;        /* the target's main process, as we see it */
	const char *out;  /* directory of this run's files, absolute */
	double timeout_s; /* for one run of the step; > 0 */
	double span_s;    /* what lasts as long as it likes: not longer than
			   * this; 0 = any time */

	/* True: the user wants to end, or the target has died. Cheap; to be
	 * asked at least five times a second. A step that ends for it returns
	 * 0 with the units that it did. */
	bool (*should_stop)(void *context);
	/* Runs `sh -c text` outside the shim, its output to the run's
	 * commands.log. -1 with ERR_STEP: exit status, signal or time-out, and
	 * the last lines it wrote. */
	int (*command)(void *context, const char *text, double timeout_s,
		       struct err *err);
	/* The tracked processes of the run, main first, at most `most`: how
	 * many. */
	size_t (*tracked)(void *context, pid_t *pids, size_t most);
	/* Sleeps; comes back early, with false, for should_stop. */
	bool (*pause)(void *context, double seconds);
	/* Waits until the target is ready again (scenario's `ready`; at once
	 * without one). -1 with ERR_STEP: it is not, in `timeout_s`. */
	int (*wait_ready)(void *context, double timeout_s, struct err *err);
	void *context;
};

/* What the runs of one step came to: each run adds to it. `{ 0 }` is none. */
struct step_result {
	uint64_t units; /* of work done, also if it failed */
	/* One line on how all of them went ("1,000 requests, 988/s, p99
	 * 2.1 ms"); may stay empty. */
	struct strbuf note;
	/* The same as an object for machines; NULL = none. Owned. */
	json_t *numbers;
	/* What the kind adds up to know them; one block of malloc, owned. */
	void *sum;
};

struct step_kind {
	const char *name;     /* as in "kind" */
	const char *main_key; /* which --step NAME:TEXT sets to TEXT */
	/* What is counted as work, in the singular ("request"); NULL: nothing
	 * but iterations. */
	const char *unit;
	/* A run takes its time, unless its options say which: see span_s. */
	bool lasts;
	/* Checks all keys of the object but "kind" and "repeat", which are no
	 * longer in it (scenario_get.h helps). The result is handed to run and
	 * free. -1 and `err`: a usage error that names the key. */
	int (*parse)(json_t *options, void **out, struct err *err);
	/* Does it once, and sets result->units to what this run did; the rest
	 * of the result is of all runs. 0, or -1 with ERR_STEP: the step
	 * failed, with the evidence in one line. */
	int (*run)(void *step, const struct step_world *world,
		   struct step_result *result, struct err *err);
	void (*free)(void *step);
};

/* One step of a scenario. */
struct step {
	const struct step_kind *kind;
	void *options;    /* of the kind; owned */
	uint64_t repeat;  /* runs in each iteration, >= 1 */
	const char *unit; /* what it counts; NULL = nothing. Borrowed from kind,
			   * or owned_unit. */
	char *owned_unit;
	uint64_t scale; /* units that each of its own counts for, >= 1 */
};

/* Takes one object of "step" (a new reference that it may change). -1 and
 * `err`: the message names kind and key. */
int step_parse(struct step *out, json_t *take_options, struct err *err)
	__attribute__((warn_unused_result));
/* Runs it once. */
int step_run(const struct step *step, const struct step_world *world,
	     struct step_result *result, struct err *err)
	__attribute__((warn_unused_result));
/* Leaves it empty. */
void step_result_release(struct step_result *result);
void step_release(struct step *step);

/* Of --step KIND:TEXT or --step '{...}' makes the object. NULL and `err`. */
json_t *step_of_text(const char *text, struct err *err)
	__attribute__((warn_unused_result));

/* "http, signal, reload, config, exec": for messages. */
void step_kind_names(struct strbuf *out);

/* The kinds. */
extern const struct step_kind step_exec;
extern const struct step_kind step_http;
extern const struct step_kind step_reload;
extern const struct step_kind step_signal;
