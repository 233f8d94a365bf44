/*
 * The cloned writer: a short process that shares the host's memory, writes
 * what is pending and ends.
 *
 * Made by clone(CLONE_VM | CLONE_FS) with exit signal 0, so the host gets no
 * SIGCHLD and its waitpid(-1) does not see it. It has a copy of the descriptor
 * table, closed at once: nothing that the host holds is held on to, and its
 * descriptors are not among the host's, where closing all of them or forking
 * would catch ours. It shares the thread pointer of the thread that made it,
 * so neither errno nor lks_tls are its own: raw system calls only.
 *
 * The helper has its snapshots written so too, and waits.
 */
#pragma once

#include "lks.h"
#include "snap.h"

/* Any context, signals blocked, claimed (job.h) by `self`. Makes a writer; the
 * claim becomes the writer's. False: refused, the claim stays. */
bool lks_cloned_start(enum lks_way way, int32_t self);

/* A writer was made and its end has not been seen. Lock-free, no system
 * call. */
bool lks_cloned_is_there(void);

/* Looks whether it has ended; if it was killed, cleans up. True: none is left.
 * Not in the writer itself. */
bool lks_cloned_reap(void);

/* The helper. Waits for its end. */
void lks_cloned_wait(void);

/* FORK, in the child: the parent's is not its own. */
void lks_cloned_fork_child(void);
