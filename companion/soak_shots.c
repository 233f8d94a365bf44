#include "soak_shots.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../analyzer/csv_fields.h"
#include "../analyzer/xalloc.h"
#include "bell.h"
#include "soak_children.h"
#include "target.h"

static void
drop(struct soak_shots *shots, size_t i)
{
	free(shots->list[i].path);
	memmove(&shots->list[i], &shots->list[i + 1],
		(shots->count - i - 1) * sizeof(*shots->list));
	shots->count--;
}

void
soak_shots_release(struct soak_shots *shots)
{
	while (shots->count)
		drop(shots, shots->count - 1);
	free(shots->list);
	*shots = (struct soak_shots){ 0 };
}

/* --- who is tracked --------------------------------------------------------- */

struct process {
	pid_t pid;
	uint64_t start_ticks;
};

static bool
is_tracked(pid_t pid, uint64_t *start_ticks)
{
	struct target target;
	struct err ignored;
	bool tracked;

	if (target_open(&target, pid, &ignored) < 0)
		return false;
	tracked = target_find(&target, &ignored) == 1 &&
		  target.status.state == STATUS_ON;
	*start_ticks = target.stat.start_ticks;
	target_close(&target);
	return tracked;
}

static int
compare_age(const void *a, const void *b)
{
	const struct process *left = a, *right = b;

	if (left->start_ticks != right->start_ticks)
		return left->start_ticks < right->start_ticks ? -1 : 1;
	return (left->pid > right->pid) - (left->pid < right->pid);
}

size_t
soak_shots_tracked(pid_t main, pid_t *pids, size_t most)
{
	pid_t children[SOAK_CHILDREN_MAX];
	struct process list[SOAK_CHILDREN_MAX] = { { 0, 0 } };
	size_t count = soak_children_list(children, SOAK_CHILDREN_MAX);
	size_t found = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		if (!is_tracked(children[i], &list[found].start_ticks))
			continue;
		list[found].pid = children[i];
		/* Before all that ever started. */
		if (children[i] == main)
			list[found].start_ticks = 0;
		found++;
	}
	qsort(list, found, sizeof(list[0]), compare_age);
	for (i = 0; i < found && i < most; i++)
		pids[i] = list[i].pid;
	return i;
}

/* --- snapshots -------------------------------------------------------------- */

static int
add(struct soak_shots *shots, const struct soak_moment *moment,
    const struct target *target, struct err *err)
{
	const struct status *status = &target->status;
	struct soak_shot *shot;
	char *path;

	if (*status->error)
		return err_set(err, ERR_STEP,
			       "process %d could not write a snapshot: %s",
			       (int)target->proc.pid, status->error);
	if (!*status->snapshot)
		return err_set(err, ERR_STEP,
			       "process %d answered without a snapshot",
			       (int)target->proc.pid);
	path = target_path(target, status->snapshot);
	shots->list = xgrow(shots->list, &shots->capacity, shots->count + 1,
			    sizeof(*shots->list));
	shot = &shots->list[shots->count++];
	*shot = (struct soak_shot){
		.path = path,
		.pid = target->proc.pid,
		.own_pid = (uint32_t)status->pid,
		.start_ticks = status->start_ticks,
		.sequence = status->sequence,
		.moment = *moment,
	};
	return 0;
}

/* 0 done, 1 it has ended, -1 and `err`. */
static int
take_one(struct soak_shots *shots, const struct soak_moment *moment, pid_t pid,
	 unsigned int timeout_s, struct err *err)
{
	struct target target;
	int result;

	if (target_open(&target, pid, err) < 0)
		return 1;
	result = target_require(&target, err);
	if (!result)
		result = bell_check(&target, LKS_BELL_SNAPSHOT, err);
	if (!result)
		result = bell_ask(&target, LKS_BELL_SNAPSHOT, timeout_s, err);
	if (!result)
		result = add(shots, moment, &target, err);
	if (result && !target_alive(&target))
		result = 1;
	target_close(&target);
	return result;
}

static bool
is_alive(const struct soak_shot *shot, const pid_t *alive, size_t alive_count)
{
	size_t i;

	for (i = 0; i < alive_count; i++)
		if (alive[i] == shot->pid)
			return true;
	return false;
}

static bool
is_same(const struct soak_shot *a, const struct soak_shot *b)
{
	return a->pid == b->pid && a->start_ticks == b->start_ticks;
}

/* Forgets those of one process; its files go as well. */
static void
remove_process(struct soak_shots *shots, struct soak_shot of)
{
	size_t i;

	for (i = shots->count; i > 0; i--) {
		if (!is_same(&shots->list[i - 1], &of))
			continue;
		unlink(shots->list[i - 1].path);
		drop(shots, i - 1);
	}
}

static size_t
count_of(const struct soak_shots *shots, const struct soak_shot *of)
{
	size_t count = 0, i;

	for (i = 0; i < shots->count; i++)
		count += is_same(&shots->list[i], of);
	return count;
}

static void
tidy(struct soak_shots *shots, const pid_t *alive, size_t alive_count)
{
	size_t i;

	/* What the shim removed (keep=). */
	for (i = shots->count; i > 0; i--)
		if (access(shots->list[i - 1].path, F_OK) < 0)
			drop(shots, i - 1);
	for (i = 0; i < shots->count;) {
		const struct soak_shot *shot = &shots->list[i];

		if (is_alive(shot, alive, alive_count) ||
		    count_of(shots, shot) >= SOAK_SHOTS_TREND) {
			i++;
			continue;
		}
		shots->short_lived++;
		remove_process(shots, *shot);
		i = 0;
	}
	for (i = 0; i < shots->count && shots->count > SOAK_SHOTS_MAX;) {
		if (is_alive(&shots->list[i], alive, alive_count)) {
			i++;
			continue;
		}
		shots->removed += count_of(shots, &shots->list[i]);
		remove_process(shots, shots->list[i]);
		i = 0;
	}
}

int
soak_shots_take(struct soak_shots *shots, const struct soak_moment *moment,
		pid_t main, unsigned int timeout_s, struct strbuf *lines,
		struct err *err)
{
	pid_t pids[SOAK_PROCESSES_MAX];
	size_t count = soak_shots_tracked(main, pids, SOAK_PROCESSES_MAX), i;
	struct err other;

	if (!count || pids[0] != main)
		return err_set(err, ERR_STEP, "process %d is no longer tracked",
			       (int)main);
	for (i = 0; i < count; i++) {
		int result = take_one(shots, moment, pids[i], timeout_s,
				      i ? &other : err);

		if (i && result < 0)
			strbuf_addf(lines, "%s\n", other.text);
		else if (!i && result)
			return -1;
	}
	shots->rounds++;
	tidy(shots, pids, count);
	return 0;
}

/* --- trim ------------------------------------------------------------------- */

static int
trim_one(pid_t pid, unsigned int timeout_s, struct strbuf *lines,
	 struct err *err)
{
	struct target target;
	int result;

	if (target_open(&target, pid, err) < 0)
		return 1;
	result = target_require(&target, err);
	if (!result && !target.status.helper) {
		strbuf_addf(lines,
			    "not trimmed: process %d has one thread, and "
			    "malloc_trim is called by the shim's helper only\n",
			    (int)pid);
		target_close(&target);
		return 0;
	}
	if (!result)
		result = bell_check(&target, LKS_BELL_TRIM, err);
	if (!result)
		result = bell_ask(&target, LKS_BELL_TRIM, timeout_s, err);
	if (result && !target_alive(&target))
		result = 1;
	target_close(&target);
	return result;
}

int
soak_shots_trim(pid_t main, unsigned int timeout_s, struct strbuf *lines,
		struct err *err)
{
	pid_t pids[SOAK_PROCESSES_MAX];
	size_t count = soak_shots_tracked(main, pids, SOAK_PROCESSES_MAX), i;
	struct err other;

	for (i = 0; i < count; i++) {
		bool is_main = pids[i] == main;
		int result = trim_one(pids[i], timeout_s, lines,
				      is_main ? err : &other);

		if (!is_main && result < 0)
			strbuf_addf(lines, "%s\n", other.text);
		else if (is_main && result)
			return -1;
	}
	return 0;
}

void
soak_shots_csv(const struct soak_shots *shots, const char *unit,
	       struct strbuf *out)
{
	size_t i;

	strbuf_adds(out, "snapshot,pid,sequence,iteration,elapsed_s,unit,units"
			 "\n");
	for (i = 0; i < shots->count; i++) {
		const struct soak_shot *shot = &shots->list[i];

		csv_add_field(out, shot->path);
		strbuf_addf(out, ",%d,%" PRIu64 ",%" PRIu64 ",%.3f,",
			    (int)shot->pid, shot->sequence,
			    shot->moment.iteration, shot->moment.elapsed_s);
		csv_add_field(out, unit);
		strbuf_addf(out, ",%" PRIu64 "\n", shot->moment.units);
	}
}
