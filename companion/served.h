/*
 * The processes that serve answers for: those that were named, or with --watch
 * all tracked ones of this user as they come and go.
 *
 * A process is held by its /proc directory (target.h), so that a pid that was
 * given to another one is not mistaken for it. Whoever got one from here gives
 * it back; it is freed when it has ended and nobody has it any more.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../analyzer/err.h"
#include "target.h"
#include "totals.h"

/* More would be a fleet's, which has engines for that. */
#define SERVED_MAX 100

/* What ended is found by its pid for a while, with its last profile: whoever
 * comes to look why it did. No more than so many. */
#define SERVED_ENDED_MAX 8
#define SERVED_ENDED_S 60

struct scrape;     /* scrape.h */
struct chart;      /* chart.h */
struct live_cache; /* live_profile.h */

struct served_process {
	pid_t pid;
	char *exe;         /* base name; owned */
	char *tracked_exe; /* as its status file says; owned */
	/* Asking takes a while: the bell, the status file and the last scrape
	 * are one asker's at a time. */
	pthread_mutex_t lock;
	struct target target;  /* guard: lock */
	struct scrape *scrape; /* guard: lock; the last, or NULL */
	/* Guard: lock; CLOCK_MONOTONIC. When a scrape failed last, 0 = never, and
	 * why: who waited meanwhile is told the same. */
	uint64_t failed_ns;
	struct err failure;
	/* CLOCK_MONOTONIC: when it was asked for fresh totals, 0 = never (guard:
	 * lock), and until when it is not asked again, as it is silent. */
	uint64_t refreshed_ns;
	_Atomic uint64_t silent_until_ns;
	bool is_deaf; /* guard: lock; its bell is nobody's */
	pthread_mutex_t totals_lock;
	struct totals totals; /* guard: totals_lock; the last that were had */
	struct chart *chart;  /* owned; it has a lock of its own */
	struct live_cache *threads; /* owned; it has a lock of its own */
	atomic_bool profiled; /* its processor time is, by one at a time */
	atomic_bool replaced; /* the process runs another program by now */
	bool ended;           /* guard: the set's lock */
	unsigned int held;    /* guard: the set's lock */
	struct served *served;
};

struct served;

struct served *served_new(void) __attribute__((warn_unused_result));
void served_free(struct served *served); /* NULL is allowed; nothing is held */

/* Adds a tracked process; one that is there already is no error. -1 with
 * `err`: it is not tracked, or there are SERVED_MAX. */
int served_add(struct served *served, pid_t pid, struct err *err)
	__attribute__((warn_unused_result));

/* Drops those that have ended, or run another program. Returns how many are
 * left, with those that served_renew() has to add. */
size_t served_sweep(struct served *served);

/*
 * Adds those again that were dropped since they run another program: they begin
 * anew, with no past. What became of each is told to `tell`, which may be NULL,
 * unless all is well.
 */
void served_renew(struct served *served, void (*tell)(const struct err *err));

/* With the process's lock, after its status was read: notes whether it still
 * runs the program that was served. */
void served_compare(struct served_process *process);
/* With the process's lock: whether a signal or a debugger stopped it. It answers
 * nobody then. One that is traced for a profile goes on in a moment, for which
 * this waits up to a tenth of a second. */
bool served_is_stopped(struct served_process *process);
/* -1 with `err` if it is stopped: it would be waited for in vain, and do all
 * that it was asked when it goes on. */
int served_require_running(struct served_process *process, struct err *err)
	__attribute__((warn_unused_result));

/* The shim's own thread, which is none of the program's; 0 = none. */
pid_t served_helper(struct served_process *process);

/* Whether it did not answer of late, so that it is not to be asked in vain unless
 * somebody wants it. */
bool served_is_silent(const struct served_process *process);

size_t served_count(struct served *served);

/* Whether it was seen that it has ended, or runs another program. */
bool served_has_ended(struct served_process *process);

/* NULL: it is not there. It may have ended. served_put() gives it back. */
struct served_process *served_find(struct served *served, pid_t pid)
	__attribute__((warn_unused_result));
/* The only one; NULL: there is none, or are several. */
struct served_process *served_only(struct served *served)
	__attribute__((warn_unused_result));
/* All, by pid; at most SERVED_MAX. Returns how many. */
size_t served_all(struct served *served,
		  struct served_process *out[SERVED_MAX]);
/* One more holder. */
struct served_process *served_hold(struct served_process *process);
void served_put(struct served_process *process); /* NULL is allowed */
