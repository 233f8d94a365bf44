/*
 * What time alone brings about: interval= and on=limit. The helper looks at
 * them, and sleeps as long as they let it.
 */
#pragma once

#include "lks.h"

struct lks_timers {
	uint64_t interval_ns; /* next moment of CLOCK_MONOTONIC; 0 = none */
	uint64_t limit_ns;
	bool limit_armed;
};

/* Any context. There is something to look at, so that a thread is needed. */
bool lks_timers_wanted(void);

void lks_timers_start(struct lks_timers *timers, uint64_t now);

/* Posts the jobs (job.h) whose time has come; nothing while dormant. */
void lks_timers_look(struct lks_timers *timers, uint64_t now);

/* Nanoseconds until the next look; 0 = there is none. */
uint64_t lks_timers_pause_ns(const struct lks_timers *timers, uint64_t now);
