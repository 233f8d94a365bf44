#include "served.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../analyzer/clock.h"
#include "../analyzer/path.h"
#include "../analyzer/xalloc.h"
#include "bell.h"
#include "chart.h"
#include "live_profile.h"
#include "procfs_body.h"
#include "procfs_names.h"
#include "procfs_text.h"
#include "scrape.h"

/* For so long what stops a process may be a profile. */
#define TRACED_LOOKS 20
#define TRACED_LOOK_NS 5000000

/* Held here too. */
struct ended {
	struct served_process *process;
	uint64_t until_ns; /* CLOCK_MONOTONIC */
};

struct served {
	pthread_mutex_t lock;
	struct served_process *processes[SERVED_MAX]; /* guard: lock; by pid */
	size_t count;                                 /* guard: lock */
	pid_t replaced[SERVED_MAX];                   /* guard: lock */
	size_t replaced_count;                        /* guard: lock */
	struct ended ended[SERVED_ENDED_MAX];         /* guard: lock; oldest
						       * first */
	size_t ended_count;                           /* guard: lock */
};

struct served *
served_new(void)
{
	struct served *served = xcalloc(1, sizeof(*served));

	pthread_mutex_init(&served->lock, NULL);
	return served;
}

static void
free_process(struct served_process *process)
{
	scrape_put(process->scrape);
	chart_free(process->chart);
	live_cache_free(process->threads);
	target_close(&process->target);
	pthread_mutex_destroy(&process->lock);
	pthread_mutex_destroy(&process->totals_lock);
	free(process->exe);
	free(process->tracked_exe);
	free(process);
}

/* Out of the table, and freed if nobody has it. */
static void
drop_locked(struct served *served, size_t i)
{
	struct served_process *process = served->processes[i];

	served->count--;
	memmove(&served->processes[i], &served->processes[i + 1],
		(served->count - i) * sizeof(served->processes[0]));
	process->ended = true;
	chart_end(process->chart);
	if (!process->held)
		free_process(process);
}

/* The oldest of those that ended. */
static void
forget_locked(struct served *served)
{
	struct served_process *process = served->ended[0].process;

	served->ended_count--;
	memmove(&served->ended[0], &served->ended[1],
		served->ended_count * sizeof(served->ended[0]));
	if (--process->held == 0)
		free_process(process);
}

/* Out of the table, and kept for a while. */
static void
end_locked(struct served *served, size_t i)
{
	struct served_process *process = served->processes[i];

	if (served->ended_count == SERVED_ENDED_MAX)
		forget_locked(served);
	process->held++;
	served->ended[served->ended_count++] = (struct ended){
		process,
		clock_ns(CLOCK_MONOTONIC) + SERVED_ENDED_S * CLOCK_NS_PER_S,
	};
	drop_locked(served, i);
}

/* The last that had this pid; NULL: none of late. */
static struct served_process *
find_ended_locked(const struct served *served, pid_t pid)
{
	size_t i;

	for (i = served->ended_count; i-- > 0;)
		if (served->ended[i].process->pid == pid)
			return served->ended[i].process;
	return NULL;
}

void
served_free(struct served *served)
{
	if (!served)
		return;
	while (served->count)
		drop_locked(served, served->count - 1);
	while (served->ended_count)
		forget_locked(served);
	pthread_mutex_destroy(&served->lock);
	free(served);
}

/* Where a pid is, or would be. */
static size_t
place_of(const struct served *served, pid_t pid)
{
	size_t i = 0;

	while (i < served->count && served->processes[i]->pid < pid)
		i++;
	return i;
}

static bool
is_at(const struct served *served, size_t i, pid_t pid)
{
	return i < served->count && served->processes[i]->pid == pid;
}

/* What people call it: the name it runs by where that is another than its
 * file's (redis-server is a link to redis-check-rdb). */
static char *
name_of(const struct target *target)
{
	const char *exe = path_base(target->status.exe);
	struct procfs_names names;
	char *name;

	if (procfs_names(&target->proc, &names) < 0)
		return xstrdup(exe);
	/* The kernel cuts it: then it is the beginning of the file's. */
	if (!*names.comm || !strncmp(exe, names.comm, strlen(names.comm)))
		name = xstrdup(exe);
	else
		name = xstrdup(names.comm);
	procfs_names_release(&names);
	return name;
}

static struct served_process *
new_process(pid_t pid, struct err *err)
{
	struct served_process *process = xcalloc(1, sizeof(*process));

	if (target_open(&process->target, pid, err) < 0) {
		free(process);
		return NULL;
	}
	if (target_require(&process->target, err) < 0) {
		target_close(&process->target);
		free(process);
		return NULL;
	}
	process->pid = pid;
	process->exe = name_of(&process->target);
	process->chart = chart_new();
	process->threads = live_cache_new();
	process->totals.helper = bell_helper(&process->target);
	process->tracked_exe = xstrdup(process->target.status.exe);
	pthread_mutex_init(&process->lock, NULL);
	pthread_mutex_init(&process->totals_lock, NULL);
	return process;
}

/* Without the process's lock: an asker has that for seconds. The descriptor
 * that is asked never changes. */
static bool
is_alive(const struct served_process *process)
{
	struct procfs_stat stat;

	return procfs_stat(&process->target.proc, &stat) == 0 &&
	       !procfs_is_zombie(&stat);
}

int
served_add(struct served *served, pid_t pid, struct err *err)
{
	struct served_process *process = new_process(pid, err);
	int result = 0;
	size_t i;

	if (!process)
		return -1;
	process->served = served;
	pthread_mutex_lock(&served->lock);
	i = place_of(served, pid);
	if (is_at(served, i, pid) && !is_alive(served->processes[i]))
		end_locked(served, i);
	if (is_at(served, i, pid)) {
		free_process(process);
	} else if (served->count == SERVED_MAX) {
		result =
			err_set(err, ERR_TARGET,
				"process %d is left out: %d are served already",
				(int)pid, SERVED_MAX);
		free_process(process);
	} else {
		memmove(&served->processes[i + 1], &served->processes[i],
			(served->count - i) * sizeof(served->processes[0]));
		served->processes[i] = process;
		served->count++;
	}
	pthread_mutex_unlock(&served->lock);
	return result;
}

size_t
served_sweep(struct served *served)
{
	size_t i, count;

	pthread_mutex_lock(&served->lock);
	while (served->ended_count &&
	       served->ended[0].until_ns <= clock_ns(CLOCK_MONOTONIC))
		forget_locked(served);
	for (i = served->count; i-- > 0;) {
		const struct served_process *process = served->processes[i];

		if (!is_alive(process)) {
			end_locked(served, i);
		} else if (atomic_load(&process->replaced)) {
			if (served->replaced_count < SERVED_MAX)
				served->replaced[served->replaced_count++] =
					process->pid;
			drop_locked(served, i);
		}
	}
	count = served->count + served->replaced_count;
	pthread_mutex_unlock(&served->lock);
	return count;
}

pid_t
served_helper(struct served_process *process)
{
	pid_t helper;

	pthread_mutex_lock(&process->totals_lock);
	helper = process->totals.helper;
	pthread_mutex_unlock(&process->totals_lock);
	return helper;
}

bool
served_is_silent(const struct served_process *process)
{
	return clock_ns(CLOCK_MONOTONIC) <
	       atomic_load(&process->silent_until_ns);
}

size_t
served_count(struct served *served)
{
	size_t count;

	pthread_mutex_lock(&served->lock);
	count = served->count;
	pthread_mutex_unlock(&served->lock);
	return count;
}

void
served_renew(struct served *served, void (*tell)(const struct err *err))
{
	pid_t pids[SERVED_MAX];
	size_t i, count;
	struct err err;

	pthread_mutex_lock(&served->lock);
	count = served->replaced_count;
	memcpy(pids, served->replaced, count * sizeof(pids[0]));
	served->replaced_count = 0;
	pthread_mutex_unlock(&served->lock);
	for (i = 0; i < count; i++) {
		if (served_add(served, pids[i], &err) < 0 && tell)
			tell(&err);
	}
}

void
served_compare(struct served_process *process)
{
	if (strcmp(process->tracked_exe, process->target.status.exe) != 0)
		atomic_store(&process->replaced, true);
}

/* A thread of ours: `goroutine` and CPU profiles stop threads. */
static bool
is_traced_by_us(const struct procfs *proc)
{
	char *text = procfs_body_read(proc, "status");
	const char *tracer = text ? procfs_text_line(text, "TracerPid") : NULL;
	char task[64];

	snprintf(task, sizeof(task), "/proc/self/task/%ld",
		 tracer ? strtol(tracer, NULL, 10) : 0);
	free(text);
	return access(task, F_OK) == 0;
}

bool
served_is_stopped(struct served_process *process)
{
	const struct timespec pause = { 0, TRACED_LOOK_NS };
	const struct target *target = &process->target;
	int i;

	/* Who takes a profile, we or another serve, lets it go in a moment; a
	 * debugger does not. */
	for (i = 0; i < TRACED_LOOKS; i++) {
		if (!target_alive(&process->target))
			return false;
		if (target->stat.state != 't')
			return target->stat.state == 'T';
		nanosleep(&pause, NULL);
	}
	return !is_traced_by_us(&target->proc);
}

int
served_require_running(struct served_process *process, struct err *err)
{
	if (!served_is_stopped(process))
		return 0;
	return err_set(err, ERR_STEP, "process %d is stopped (kill -CONT %d)",
		       (int)process->pid, (int)process->pid);
}

bool
served_has_ended(struct served_process *process)
{
	bool ended;

	pthread_mutex_lock(&process->served->lock);
	ended = process->ended;
	pthread_mutex_unlock(&process->served->lock);
	return ended;
}

struct served_process *
served_find(struct served *served, pid_t pid)
{
	struct served_process *found = NULL;
	size_t i;

	pthread_mutex_lock(&served->lock);
	i = place_of(served, pid);
	found = is_at(served, i, pid) ? served->processes[i]
				      : find_ended_locked(served, pid);
	if (found)
		found->held++;
	pthread_mutex_unlock(&served->lock);
	return found;
}

struct served_process *
served_only(struct served *served)
{
	struct served_process *found = NULL;

	pthread_mutex_lock(&served->lock);
	if (served->count == 1) {
		found = served->processes[0];
		found->held++;
	}
	pthread_mutex_unlock(&served->lock);
	return found;
}

size_t
served_all(struct served *served, struct served_process *out[SERVED_MAX])
{
	size_t i, count;

	pthread_mutex_lock(&served->lock);
	count = served->count;
	for (i = 0; i < count; i++) {
		out[i] = served->processes[i];
		out[i]->held++;
	}
	pthread_mutex_unlock(&served->lock);
	return count;
}

struct served_process *
served_hold(struct served_process *process)
{
	pthread_mutex_lock(&process->served->lock);
	process->held++;
	pthread_mutex_unlock(&process->served->lock);
	return process;
}

void
served_put(struct served_process *process)
{
	struct served *served;
	bool is_last;

	if (!process)
		return;
	served = process->served;
	pthread_mutex_lock(&served->lock);
	is_last = --process->held == 0 && process->ended;
	pthread_mutex_unlock(&served->lock);
	if (is_last)
		free_process(process);
}
