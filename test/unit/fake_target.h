/*
 * A process that looks tracked: it has a status file and answers the bell,
 * without the shim. So the companion's side of proto/status.h is tested alone,
 * and against targets that a shim never is.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

enum fake_answer {
	FAKE_ANSWER, /* as asked */
	FAKE_FAIL,   /* with error= */
	FAKE_SILENT, /* not at all */
	FAKE_DIE,
	FAKE_EXEC, /* becomes a program that knows nothing */
};

struct fake_behaviour {
	const char *state; /* NULL = "on" */
	const char *extra; /* lines added to the file, or NULL */
	bool no_bell;      /* bell=0 */
	bool no_handler;   /* the file names a bell that has no handler */
	bool late_handler; /* it has one only some time after */
	bool blocked;      /* every thread blocks the bell */
	bool helper;       /* main blocks it, a helper thread takes it */
	bool main_exits;   /* only that thread goes on */
	bool contained;   /* in a user and mount namespace, with another /tmp */
	bool wrong_start; /* the file is of a process that was before it */
	enum fake_answer answer;
};

struct fake_target {
	pid_t pid;
	char file[128]; /* its status file */
};

/* Starts one, in the calling user's /tmp/leakshim-UID, and returns when its
 * file is there. Fails the cmocka test if it can't. */
void fake_target_start(struct fake_target *fake,
		       const struct fake_behaviour *behaviour);

/* Ends it if it still runs, waits for it and removes its file. */
void fake_target_stop(struct fake_target *fake);

/* The bell of a fake target. */
int fake_target_bell(void);
