/*
 * Where a process spends its processor time, seen from outside, in one of two
 * ways: the kernel samples it (perf_events.h), which it does not notice, or,
 * where that is not allowed, its threads are stopped by ptrace (live.h).
 */
#pragma once

#include "cpu_samples.h"
#include "serve.h"

struct cpu_profile {
	int fd; /* the stacks, for the analyzer (live_open_rows); owned */
	uint64_t period_ns;
	uint64_t duration_ns;
	char *notes; /* lines; owned */
};

/*
 * Takes `seconds`, or less if the process ends; `way` is not CPU_WAY_NONE. -1
 * with `err`: it could not be. *busy: since one is being taken already.
 * cpu_profile_release() after 0 only.
 */
int cpu_profile_take(struct served_process *process, enum cpu_way way,
		     const struct http_request *request, long seconds,
		     struct cpu_profile *out, bool *busy, struct err *err)
	__attribute__((warn_unused_result));
void cpu_profile_release(struct cpu_profile *profile);

/* --- the two ways, for cpu_profile.c ------------------------------------- */

struct cpu_sampling {
	const struct procfs *proc;
	pid_t helper; /* leakshim's own thread, which is left out; 0 = none */
	const struct http_request *request;
	uint64_t begin_ns; /* CLOCK_MONOTONIC */
	uint64_t end_ns;
	/* Mappings, without which stacks have no names: the last that were
	 * had, since the process may end. */
	struct strbuf maps;
	uint64_t first_ticks; /* of processor time that it used */
	uint64_t last_ticks;
	struct cpu_samples samples;
	uint64_t period_ns; /* what a sample stands for */
};

/* Fill samples and period_ns until cpu_sampling_sleep() says no. -1 with `err`:
 * there is nothing, and it took no time. */
typedef int cpu_sampler(struct cpu_sampling *sampling, struct err *err);
cpu_sampler cpu_perf_sample;
cpu_sampler cpu_ptrace_sample;

/* Waits; false: that was all, or the process has ended, or nobody waits. */
bool cpu_sampling_sleep(struct cpu_sampling *sampling, uint64_t ns);
/* The mappings may be others by now. False: they could not be read, and stay as
 * they were. */
bool cpu_sampling_read_maps(struct cpu_sampling *sampling);
