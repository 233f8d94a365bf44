/*
 * The processes of a soak: all that descend from this one. What a daemon leaves
 * behind comes to us, and nothing outlives the soak. Children that this process
 * had before are none of them.
 *
 * There is one such set per process: signals and child processes are. All
 * functions are for the main thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "../analyzer/err.h"

/* More are not looked at. */
#define SOAK_CHILDREN_MAX 1024

/* Takes SIGINT, SIGTERM, SIGHUP (unless it is ignored) and SIGCHLD, and becomes
 * the parent of orphans. At the second of the first three all children are
 * killed and the process ends at once, with status 128 + the signal. */
int soak_children_init(struct err *err) __attribute__((warn_unused_result));

/* How often we were asked to end: 0 or 1. */
int soak_children_stops(void);

/* Waits so long, less if a child ended or we were asked to end. */
void soak_children_wait(double seconds);

/*
 * Starts a program, in a session of its own, with descriptors 1 and 2 from
 * `output` and 0 from /dev/null. Returns its pid, or -1 with errno, also if it
 * could not be executed. `path` is the file; `argv` and `envp` end with NULL.
 */
pid_t soak_children_start(const char *path, char *const *argv,
			  char *const *envp, int output)
	__attribute__((warn_unused_result));

/* Whether a child has ended, and its status as of wait(2). Of one that was
 * started this is known until it is forgotten; of an orphan for a while. */
bool soak_children_ended(pid_t pid, int *status);

/* Whatever ended by that number before is another process. */
void soak_children_forget(pid_t pid);

/* A command that runs now, and what it starts, is no part of the target; 0: none
 * runs any more. */
void soak_children_set_apart(pid_t pid);

/* All descendants, at most `most`: how many. */
size_t soak_children_list(pid_t *pids, size_t most);

/* Those that are there already, and are to stay. */
struct soak_spare {
	pid_t pids[SOAK_CHILDREN_MAX];
	size_t count;
};
void soak_children_spare(struct soak_spare *spare);
/* All descendants but these and what is set apart, at most `most`: how many. */
size_t soak_children_others(const struct soak_spare *spare, pid_t *pids,
			    size_t most);
/* Are there any? */
bool soak_children_are_more(const struct soak_spare *spare);

/* SIGTERM to `first` (0 = none), then to all descendants but the spared (NULL =
 * none), and, `grace_s` seconds after the beginning, SIGKILL to all of them
 * that are left. How many of them are there all the same: another user's. */
size_t soak_children_end(pid_t first, double grace_s,
			 const struct soak_spare *spare);

/* Monotonic time in seconds. */
double soak_children_now(void);
