#include "soak_shots.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../analyzer/csv_fields.h"
#include "../analyzer/model.h"
#include "../analyzer/reader.h"
#include "../analyzer/xalloc.h"
#include "bell.h"
#include "fetch.h"
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

	if (target_hold(&target, pid, &ignored) < 0)
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

/* As soak_shots_tracked(), but how many there are. */
static size_t
list_tracked(pid_t main, pid_t *pids, size_t most)
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
	return found;
}

size_t
soak_shots_tracked(pid_t main, pid_t *pids, size_t most)
{
	size_t found = list_tracked(main, pids, most);

	return found < most ? found : most;
}

/* --- snapshots -------------------------------------------------------------- */

/* One that can't be read is none. */
static int
add(struct soak_shots *shots, const struct soak_moment *moment,
    const struct target *target, char *take_path, struct err *err)
{
	const struct status *status = &target->status;
	struct model *facts = reader_peek(take_path, err);
	struct soak_shot *shot;

	if (!facts) {
		free(take_path);
		return -1;
	}
	shots->list = xgrow(shots->list, &shots->capacity, shots->count + 1,
			    sizeof(*shots->list));
	shot = &shots->list[shots->count++];
	*shot = (struct soak_shot){
		.path = take_path,
		.owner = target->who.effective_uid,
		.pid = target->proc.pid,
		.own_pid = (uint32_t)status->pid,
		.start_ticks = status->start_ticks,
		.born_ns = facts->header.start_monotonic_ns,
		.sequence = status->sequence,
		.moment = *moment,
	};
	model_free(facts);
	return 0;
}

/* 0 done, 1 it has ended, -1 and `err`. */
static int
take_one(struct soak_shots *shots, const struct soak_moment *moment, pid_t pid,
	 unsigned int timeout_s, struct err *err)
{
	struct target target;
	char *path = NULL;
	int result;

	if (target_hold(&target, pid, err) < 0)
		return 1;
	if (!target_require(&target, err))
		path = bell_take_snapshot(&target, timeout_s, err);
	result = path ? add(shots, moment, &target, path, err) : -1;
	if (result && !target_alive(&target))
		result = 1;
	target_close(&target);
	return result;
}

bool
soak_shots_are_same(const struct soak_shot *a, const struct soak_shot *b)
{
	return a->pid == b->pid && a->start_ticks == b->start_ticks &&
	       a->born_ns == b->born_ns;
}

/* The last one of a pid tells which program is in it now. */
static bool
is_alive(const struct soak_shots *shots, const struct soak_shot *shot,
	 const pid_t *alive, size_t alive_count)
{
	size_t i;

	for (i = 0; i < alive_count && alive[i] != shot->pid; i++)
		continue;
	if (i == alive_count)
		return false;
	for (i = shots->count; i > 0 && shots->list[i - 1].pid != shot->pid;
	     i--)
		continue;
	return i && soak_shots_are_same(&shots->list[i - 1], shot);
}

/* Forgets those of one process; its files go as well. */
static void
remove_process(struct soak_shots *shots, struct soak_shot of)
{
	size_t i;

	for (i = shots->count; i > 0; i--) {
		if (!soak_shots_are_same(&shots->list[i - 1], &of))
			continue;
		fetch_remove(shots->list[i - 1].owner, shots->list[i - 1].path);
		drop(shots, i - 1);
	}
}

static size_t
count_of(const struct soak_shots *shots, const struct soak_shot *of)
{
	size_t count = 0, i;

	for (i = 0; i < shots->count; i++)
		count += soak_shots_are_same(&shots->list[i], of);
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

		if (is_alive(shots, shot, alive, alive_count) ||
		    count_of(shots, shot) >= SOAK_SHOTS_TREND) {
			i++;
			continue;
		}
		shots->short_lived++;
		remove_process(shots, *shot);
		i = 0;
	}
	for (i = 0; i < shots->count && shots->count > SOAK_SHOTS_MAX;) {
		if (is_alive(shots, &shots->list[i], alive, alive_count)) {
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
	size_t found = list_tracked(main, pids, SOAK_PROCESSES_MAX);
	size_t count = found < SOAK_PROCESSES_MAX ? found : SOAK_PROCESSES_MAX;
	size_t i;
	struct err other;

	/* Of workers that were killed since the last round. */
	target_sweep();
	if (!count || pids[0] != main)
		return err_set(err, ERR_STEP, "process %d is no longer tracked",
			       (int)main);
	if (found > count && !shots->crowd_told) {
		strbuf_addf(lines,
			    "there are %zu tracked processes: snapshots are "
			    "taken of the oldest %zu\n",
			    found, count);
		shots->crowd_told = true;
	}
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

	if (target_hold(&target, pid, err) < 0)
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
