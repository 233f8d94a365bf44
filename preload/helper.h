/*
 * The helper: our thread in hosts that have threads of their own, or that
 * asked for interval=, on=limit or ledger=deep.
 *
 * It sleeps on a futex until something is asked for or a time has come; it
 * never ticks for the epochs, which recorded calls and snapshots do. It has
 * its files written by a cloned writer (cloned.h), so its descriptors are
 * never the host's. Signals: all blocked but ours, so that a host that blocks
 * everything can still be asked.
 */
#pragma once

#include "lks.h"

/* RECORD, guard up. Makes it, if there is none. */
void lks_helper_ensure(void);

/* RECORD. Waits until it has done what was asked, a tenth of a second at most;
 * false: there is none. */
bool lks_helper_settle(void);

/* Any context. Lets it look at the jobs; false: there is none. */
bool lks_helper_wake(void);

/* Tid, 0 = none. */
int32_t lks_helper_tid(void);

/* A host thread ended. When all have, after a main that called pthread_exit,
 * the helper ends too, and with it the process. */
void lks_helper_thread_ended(bool main_thread);

/* RECORD, guard up, signals blocked. Ends it if the host has one thread by now,
 * and waits until the kernel has forgotten it: bounded. True: it ended. */
bool lks_helper_retire(void);

/* FORK, in the child, where it is not. */
void lks_helper_fork_child(void);
