#include "pulse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../analyzer/clock.h"
#include "bell.h"
#include "procfs_body.h"
#include "procfs_text.h"

/* Rings if it is time. */
static void
refresh_locked(struct served_process *process, unsigned int max_age_ms)
{
	struct target *target = &process->target;
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	uint64_t age_ns = max_age_ms * 1000000ull;
	struct err err;

	if (target_find(target, &err) < 0 || served_is_silent(process))
		return;
	served_compare(process);
	if (served_is_stopped(process))
		return;
	if (!target->status.helper && age_ns < PULSE_ALONE_S * 1000000000ull)
		age_ns = PULSE_ALONE_S * 1000000000ull;
	if (process->refreshed_ns && now - process->refreshed_ns < age_ns)
		return;
	process->refreshed_ns = now;
	if (bell_check(target, LKS_BELL_REFRESH, &err) < 0) {
		/* It is dormant, or runs a program without the library: what
		 * was counted is of the past. */
		process->is_deaf = true;
		return;
	}
	process->is_deaf = false;
	if (bell_ask(target, LKS_BELL_REFRESH, PULSE_TIMEOUT_S, &err) < 0)
		process->silent_until_ns = clock_ns(CLOCK_MONOTONIC) +
					   PULSE_SILENT_S * 1000000000ull;
}

static void
copy_losses(const struct status *status, struct totals *out)
{
	size_t i;

	for (i = 0; i < status->loss_count && i < TOTALS_LOSSES_MAX; i++) {
		snprintf(out->losses[i].name, sizeof(out->losses[i].name), "%s",
			 status->losses[i].name);
		out->losses[i].count = status->losses[i].count;
	}
	out->loss_count = i;
}

/* A status file that was written otherwise than for a request has no counts:
 * those before still are the last. */
static void
copy_totals(const struct target *target, struct totals *out)
{
	const struct status *status = &target->status;

	out->is_read = true;
	out->state = status->state;
	out->helper = bell_helper(target);
	out->is_sampled = status->sample > 1;
	out->own_bytes = status->own_bytes;
	out->writer_cpu_ns = status->cpu_ns;
	out->longest_hold_ns = status->longest_hold_ns;
	out->snapshots = status->sequence;
	copy_losses(status, out);
	/* Nothing is recorded: 0 would be a count. */
	if (status->state == STATUS_DORMANT)
		out->counted = false;
	if (!status->has_totals || status->state == STATUS_DORMANT)
		return;
	out->counted = true;
	out->counted_ns = status->updated_ns;
	out->live_objects = status->live_objects;
	out->live_bytes = status->live_bytes;
	out->alloc_objects = status->alloc_objects;
	out->alloc_bytes = status->alloc_bytes;
	out->free_objects = status->free_objects;
	out->free_bytes = status->free_bytes;
	out->threads_unjoined = status->threads_unjoined;
}

/* Takes the process's lock unless somebody else asks it something; who has no
 * totals at all yet waits for those of that request. */
static bool
lock_to_ask(struct served_process *process)
{
	struct timespec until;
	bool is_new;

	if (pthread_mutex_trylock(&process->lock) == 0)
		return true;
	pthread_mutex_lock(&process->totals_lock);
	is_new = !process->totals.counted;
	pthread_mutex_unlock(&process->totals_lock);
	if (!is_new)
		return false;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PULSE_TIMEOUT_S;
	return pthread_mutex_timedlock(&process->lock, &until) == 0;
}

/* The last totals, refreshed if nobody else is at it. */
static void
take_totals(struct served_process *process, unsigned int max_age_ms,
	    struct totals *out)
{
	bool is_mine = lock_to_ask(process);

	if (is_mine)
		refresh_locked(process, max_age_ms);
	pthread_mutex_lock(&process->totals_lock);
	if (is_mine)
		copy_totals(&process->target, &process->totals);
	if (is_mine && process->is_deaf) {
		process->totals.counted = false;
		if (process->totals.state == STATUS_ON)
			process->totals.state = STATUS_OFF;
	}
	*out = process->totals;
	pthread_mutex_unlock(&process->totals_lock);
	if (is_mine)
		pthread_mutex_unlock(&process->lock);
}

/* "Max open files            1024                 524288               files" */
static uint64_t
descriptors_max(const struct procfs *proc)
{
	static const char key[] = "Max open files";
	char *text = procfs_text_read(proc->fd, "limits");
	char *line = text ? strstr(text, key) : NULL;
	uint64_t value = line ? strtoull(line + strlen(key), NULL, 10) : 0;

	free(text);
	return value;
}

static uint64_t
virtual_bytes(const struct procfs *proc)
{
	char *text = procfs_body_read(proc, "statm");
	uint64_t pages = text ? strtoull(text, NULL, 10) : 0;

	free(text);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* When the machine was booted, in seconds since 1970. */
static double
boot_s(void)
{
	return ((double)clock_ns(CLOCK_REALTIME) -
		(double)clock_ns(CLOCK_BOOTTIME)) /
	       1e9;
}

/* What the kernel counts. */
static int
look(const struct procfs *proc, struct pulse *out)
{
	double tick = (double)sysconf(_SC_CLK_TCK);

	out->wall_ns = clock_ns(CLOCK_REALTIME);
	if (procfs_usage(proc, &out->usage) < 0)
		return -1;
	if (procfs_descriptors(proc, &out->descriptors) < 0)
		out->descriptors = 0;
	out->descriptors_max = descriptors_max(proc);
	out->virtual_bytes = virtual_bytes(proc);
	out->cpu_s = (double)out->usage.cpu_ticks / tick;
	out->start_s = boot_s() + (double)out->usage.start_ticks / tick;
	return 0;
}

int
pulse_take(struct served_process *process, unsigned int max_age_ms,
	   struct pulse *out)
{
	memset(out, 0, sizeof(*out));
	take_totals(process, max_age_ms, &out->totals);
	return look(&process->target.proc, out);
}

int
pulse_glance(struct served_process *process, struct pulse *out)
{
	memset(out, 0, sizeof(*out));
	pthread_mutex_lock(&process->totals_lock);
	out->totals = process->totals;
	pthread_mutex_unlock(&process->totals_lock);
	return look(&process->target.proc, out);
}
