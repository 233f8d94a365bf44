/*
 * The program of `leakshim serve --run -- CMD`.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "served.h"

#define SERVE_PAUSE_NS 200000000

struct serve_program {
	const char *name; /* CMD; borrowed */
	pid_t pid;        /* 0: there is none */
	bool has_ended;   /* and its end was told */
	bool is_alone;    /* nothing that descends from us is left */
	/* What we change for ourselves and the program gets as we did. */
	struct sigaction pipe;
	struct sigaction child;
	struct rlimit files; /* 0: not known, and not changed */
};

/* Whether a signal has asked us to end. */
bool cmd_serve_is_over(void);

/* Starts it and waits until it is served, or with `watch` something that it
 * started can be. 0, also if we are to end; or an exit status, told. */
int cmd_serve_program_start(struct serve_program *program,
			    struct served *served, char **command, bool watch)
	__attribute__((warn_unused_result));

/* Takes leave of what has ended, and tells how the program did. */
void cmd_serve_program_look(struct serve_program *program);

/* Tells what goes on that it started, tracked and not served. */
void cmd_serve_program_tell_left(const struct serve_program *program);
