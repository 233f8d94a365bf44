/*
 * The program that serve runs, and what descends from it.
 *
 * What a daemon leaves behind comes to this process, and not to init, so that
 * ancestors tell whose a process is however it was started. Orphans live on when
 * this process ends. All functions are for the main thread.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Makes this process the parent of orphans; before the program starts. */
void family_begin(void);

/* Waits for one that has ended, a child or an orphan, if there is one: its pid
 * and *status as of wait(2). 0: none has; -1: nobody is left. Stops that a
 * thread of ours makes by ptrace stay its own. */
pid_t family_reap(int *status);

/* Does it descend from this process? False if it is gone. */
bool family_has(pid_t pid);
