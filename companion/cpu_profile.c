#include "cpu_profile.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "../analyzer/clock.h"
#include "live.h"
#include "procfs_usage.h"

#define TICKS_PER_S ((double)sysconf(_SC_CLK_TCK))

bool
cpu_sampling_read_maps(struct cpu_sampling *sampling)
{
	struct strbuf maps = { 0 };

	/* A process that is ending has no memory, and so an empty list. */
	if (live_add_mappings(&maps, sampling->proc) < 0 || !maps.len) {
		strbuf_release(&maps);
		return false;
	}
	strbuf_release(&sampling->maps);
	sampling->maps = maps;
	return true;
}

/* As procfs_is_zombie() says: others may live on after the main thread. */
static bool
has_ended(const struct procfs_usage *usage)
{
	const struct procfs_stat stat = {
		.state = usage->state,
		.threads = usage->threads,
	};

	return procfs_is_zombie(&stat);
}

bool
cpu_sampling_sleep(struct cpu_sampling *sampling, uint64_t ns)
{
	const struct timespec pause = { 0, (long)ns };
	struct strbuf *notes = &sampling->samples.notes;
	struct procfs_usage usage;
	uint64_t now;

	nanosleep(&pause, NULL);
	now = clock_ns(CLOCK_MONOTONIC);
	if (procfs_usage(sampling->proc, &usage) < 0 || has_ended(&usage)) {
		strbuf_addf(notes, "the process ended after %.2f s\n",
			    (double)(now - sampling->begin_ns) / 1e9);
		return false;
	}
	sampling->last_ticks = usage.cpu_ticks;
	if (cpu_samples_full(&sampling->samples)) {
		strbuf_addf(notes,
			    "ended after %.2f s: too many different "
			    "call stacks\n",
			    (double)(now - sampling->begin_ns) / 1e9);
		return false;
	}
	return now < sampling->end_ns && http_is_awaited(sampling->request);
}

/* Whether samples are all that was used, one can see from the two numbers. */
static void
add_sum(struct cpu_sampling *sampling)
{
	uint64_t ticks = sampling->last_ticks - sampling->first_ticks;
	double sampled = (double)sampling->samples.count *
			 (double)sampling->period_ns / 1e9;

	strbuf_addf(&sampling->samples.notes,
		    "the process used %.2f s of processor time, the samples "
		    "are %.2f s\n",
		    (double)ticks / TICKS_PER_S, sampled);
}

/* Why not the first way, if it is the second. */
static int
sample(struct cpu_sampling *sampling, enum cpu_way way, struct err *err)
{
	if (way == CPU_WAY_PTRACE)
		return cpu_ptrace_sample(sampling, err);
	if (cpu_perf_sample(sampling, err) == 0)
		return 0;
	if (way == CPU_WAY_PERF || err->code == ERR_TARGET)
		return -1;
	strbuf_addf(&sampling->samples.notes, "not by the kernel: %s\n",
		    err->text);
	return cpu_ptrace_sample(sampling, err);
}

static int
take(struct cpu_sampling *sampling, enum cpu_way way, struct cpu_profile *out,
     struct err *err)
{
	struct procfs_usage usage;
	struct strbuf rows = { 0 };

	if (procfs_usage(sampling->proc, &usage) < 0 ||
	    !cpu_sampling_read_maps(sampling))
		return err_set(err, ERR_TARGET,
			       "cannot look at process %d: it has ended, or "
			       "is another user's",
			       (int)sampling->proc->pid);
	sampling->first_ticks = usage.cpu_ticks;
	sampling->last_ticks = usage.cpu_ticks;
	if (sample(sampling, way, err) < 0)
		return -1;
	add_sum(sampling);
	out->period_ns = sampling->period_ns;
	out->duration_ns = clock_ns(CLOCK_MONOTONIC) - sampling->begin_ns;
	cpu_samples_add_rows(&rows, &sampling->samples);
	out->fd = live_open_rows(&rows, sampling->samples.count,
				 &sampling->maps, err);
	strbuf_release(&rows);
	if (out->fd < 0)
		return -1;
	out->notes = strbuf_detach(&sampling->samples.notes);
	return 0;
}

int
cpu_profile_take(struct served_process *process, enum cpu_way way,
		 const struct http_request *request, long seconds,
		 struct cpu_profile *out, bool *busy, struct err *err)
{
	uint64_t begin = clock_ns(CLOCK_MONOTONIC);
	struct cpu_sampling sampling = {
		.proc = &process->target.proc,
		.helper = served_helper(process),
		.request = request,
		.begin_ns = begin,
		.end_ns = begin + (uint64_t)seconds * CLOCK_NS_PER_S,
	};
	int result;

	*busy = atomic_exchange(&process->profiled, true);
	if (*busy)
		return err_set(err, ERR_STEP, "cpu profiling already in use");
	result = take(&sampling, way, out, err);
	atomic_store(&process->profiled, false);
	cpu_samples_release(&sampling.samples);
	strbuf_release(&sampling.maps);
	return result;
}

void
cpu_profile_release(struct cpu_profile *profile)
{
	close(profile->fd);
	free(profile->notes);
}
