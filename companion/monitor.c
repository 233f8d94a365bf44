#include "monitor.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../analyzer/clock.h"
#include "../analyzer/format.h"
#include "bell.h"

/* How often a tracked process may be asked to count its heap. With a helper it
 * is the helper that does it; else it is a thread made for it, beside a program
 * that has no other. A little less than the second or the five that are meant:
 * looks don't come to the nanosecond. */
#define HEAP_NS (CLOCK_NS_PER_S * 9 / 10)
#define HEAP_ALONE_NS (CLOCK_NS_PER_S * 49 / 10)
/* After one that did not answer in time, and between looks for a status file
 * that is not there. */
#define HEAP_SILENT_NS (CLOCK_NS_PER_S * 30)
#define HEAP_NONE_NS (CLOCK_NS_PER_S * 5)
#define HEAP_TIMEOUT_S 1

/* How long a process without memory takes to end. */
#define ENDING_MS 200

static int
fail(const struct monitor *monitor, const char *what, struct err *err)
{
	return err_set(err, ERR_TARGET, "cannot %s of process %d: %s", what,
		       (int)monitor->target.proc.pid,
		       errno == EPROTO  ? "the kernel's text is not as "
					  "proc(5) says"
		       : errno == EFBIG ? "it has too many of them"
					: strerror(errno));
}

/* --- the process ---------------------------------------------------------------- */

/* A descriptor that polls as readable at its end. The pid is still its own if
 * the directory is alive afterwards. */
static int
open_pidfd(struct monitor *monitor)
{
	int fd = (int)syscall(SYS_pidfd_open, monitor->target.proc.pid, 0);

	if (fd >= 0 && !target_alive(&monitor->target)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

int
monitor_open(struct monitor *monitor, pid_t pid, bool with_maps,
	     unsigned int sharers, struct err *err)
{
	struct procfs_names names;
	bool kernel;

	memset(monitor, 0, sizeof(*monitor));
	monitor->with_maps = with_maps;
	monitor->sharers = sharers;
	if (target_open(&monitor->target, pid, err) < 0)
		return -1;
	if (procfs_names(&monitor->target.proc, &names) < 0) {
		fail(monitor, "read the name", err);
		target_close(&monitor->target);
		return -1;
	}
	kernel = names.kernel;
	memcpy(monitor->name, names.comm, sizeof(monitor->name));
	procfs_names_release(&names);
	if (kernel) {
		target_close(&monitor->target);
		return err_set(err, ERR_TARGET,
			       "%d is a thread of the kernel: it has no memory "
			       "of its own",
			       (int)pid);
	}
	monitor->pidfd = open_pidfd(monitor);
	return 0;
}

void
monitor_close(struct monitor *monitor)
{
	if (monitor->pidfd >= 0)
		close(monitor->pidfd);
	target_close(&monitor->target);
	smaps_release(&monitor->maps[0]);
	smaps_release(&monitor->maps[1]);
	smaps_diff_release(&monitor->diff);
	strbuf_release(&monitor->heap_note);
	strbuf_release(&monitor->notes);
}

/*
 * The thread through which its memory was seen has ended, or the main thread
 * has and others go on: takes hold anew, of the same process only.
 */
static bool
reopen(struct monitor *monitor)
{
	struct target *target = &monitor->target;
	uint64_t start = target->stat.start_ticks;
	struct procfs_stat stat;
	struct procfs again;

	if (procfs_open(&again, target->proc.pid) < 0)
		return false;
	/* In this order: while the old one lives, the pid is its own. */
	if (procfs_stat(&again, &stat) < 0 || stat.start_ticks != start ||
	    !target_alive(target)) {
		procfs_close(&again);
		return false;
	}
	procfs_close(&target->proc);
	target->proc = again;
	return true;
}

/* Gives a process that lost its memory the time to end. */
static bool
is_ending(struct monitor *monitor)
{
	struct pollfd end = { .fd = monitor->pidfd, .events = POLLIN };

	return !target_alive(&monitor->target) || monitor->pidfd < 0 ||
	       poll(&end, 1, ENDING_MS) != 0;
}

/* 1, 0 once it has ended, -1 with `err`. */
static int
look_usage(struct monitor *monitor, struct procfs_usage *out, struct err *err)
{
	int result;

	result = procfs_usage(&monitor->target.proc, out);
	if ((result < 0 && errno == ESRCH) ||
	    (result == 0 && !out->has_memory)) {
		if (!target_alive(&monitor->target))
			return 0;
		if (!reopen(monitor))
			return is_ending(monitor)
				       ? 0
				       : err_set(err, ERR_TARGET,
						 "cannot take hold of process "
						 "%d again",
						 (int)monitor->target.proc.pid);
		result = procfs_usage(&monitor->target.proc, out);
		if (result == 0 && !out->has_memory && is_ending(monitor))
			return 0;
	}
	if (result < 0)
		return errno == ESRCH ? 0
				      : fail(monitor, "read the usage", err);
	monitor->target.stat.state = out->state;
	return 1;
}

/* --- PSS and USS ---------------------------------------------------------------- */

static void
set_amounts(struct monitor_look *look, const struct smaps_amounts *amounts)
{
	look->pss.bytes = amounts->pss;
	look->uss.bytes = smaps_uss(amounts);
	look->pss.at_ns = look->at_ns;
	look->uss.at_ns = look->at_ns;
}

static void
refuse_rollup(struct monitor *monitor)
{
	monitor->no_rollup = true;
	strbuf_addf(&monitor->notes, "no PSS and USS of process %d: %s\n",
		    (int)monitor->target.proc.pid, strerror(errno));
}

/* The kernel walks all mappings: as often as it fits. */
static void
look_rollup(struct monitor *monitor, struct monitor_look *look)
{
	uint64_t began = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	struct smaps_amounts amounts;
	int result;

	if (monitor->no_rollup || look->at_ns < monitor->rollup_due_ns)
		return;
	result = smaps_rollup(&amounts, &monitor->target.proc);
	monitor->walk_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - began;
	monitor->rollup_due_ns =
		look->at_ns +
		monitor_schedule_rest(monitor->walk_ns * monitor->sharers,
				      MONITOR_SCHEDULE_WALK_PERCENT);
	if (result == 0)
		set_amounts(look, &amounts);
	else if (errno != ESRCH)
		refuse_rollup(monitor);
}

static int
look_maps(struct monitor *monitor, struct monitor_look *look, struct err *err)
{
	uint64_t began = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	unsigned int older = monitor->newest;
	unsigned int newer = monitor->looks ? 1 - older : older;

	if (smaps_read(&monitor->maps[newer], &monitor->target.proc) < 0)
		return errno == ESRCH ? 0
				      : fail(monitor, "read the mappings", err);
	monitor->newest = newer;
	monitor->diff.count = 0;
	if (monitor->looks)
		smaps_diff(&monitor->diff, &monitor->maps[older],
			   &monitor->maps[newer]);
	set_amounts(look, &monitor->maps[newer].total);
	monitor->walk_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - began;
	return 1;
}

const struct smaps *
monitor_maps(const struct monitor *monitor)
{
	return &monitor->maps[monitor->newest];
}

/* --- the live heap -------------------------------------------------------------- */

/* Told again only when the reason is another. */
static void
note_heap(struct monitor *monitor, const char *why)
{
	if (strcmp(why, strbuf_text(&monitor->heap_note)) == 0)
		return;
	strbuf_clear(&monitor->heap_note);
	strbuf_adds(&monitor->heap_note, why);
	strbuf_addf(&monitor->notes, "live heap not refreshed: %s\n", why);
}

static void
take_heap(struct monitor *monitor, struct monitor_look *look, uint64_t at_ns)
{
	const struct status *status = &monitor->target.status;

	if (!status->has_totals)
		return;
	look->heap.bytes = status->live_bytes;
	look->heap_objects = status->live_objects;
	look->heap.at_ns = at_ns;
}

/* What the file says without being asked is as old as the file. */
static void
find_status(struct monitor *monitor, struct monitor_look *look)
{
	const struct status *status = &monitor->target.status;
	struct err err;
	uint64_t age;

	monitor->heap_due_ns = look->at_ns + HEAP_NONE_NS;
	switch (target_find(&monitor->target, &err)) {
	case 1:
		monitor->tracked = true;
		monitor->heap_due_ns = look->at_ns;
		age = look->wall_ns > status->updated_ns
			      ? look->wall_ns - status->updated_ns
			      : 0;
		take_heap(monitor, look,
			  look->at_ns > age ? look->at_ns - age : 1);
		break;
	case 0:
		break;
	default:
		note_heap(monitor, err.text);
		break;
	}
}

static void
look_heap(struct monitor *monitor, struct monitor_look *look)
{
	struct target *target = &monitor->target;
	struct err err;

	if (look->at_ns < monitor->heap_due_ns)
		return;
	if (!monitor->tracked)
		find_status(monitor, look);
	/* A stopped one answers when it goes on: it would only keep us. */
	if (!monitor->tracked || look->usage.state == 'T' ||
	    look->usage.state == 't')
		return;
	if (bell_check(target, LKS_BELL_REFRESH, &err) < 0 ||
	    bell_ask(target, LKS_BELL_REFRESH, HEAP_TIMEOUT_S, &err) < 0) {
		monitor->heap_due_ns = look->at_ns + HEAP_SILENT_NS;
		if (target_alive(target))
			note_heap(monitor, err.text);
		return;
	}
	monitor->heap_due_ns =
		look->at_ns + (target->status.helper ? HEAP_NS : HEAP_ALONE_NS);
	take_heap(monitor, look, look->at_ns);
	strbuf_clear(&monitor->heap_note);
}

/* --- a look ----------------------------------------------------------------------- */

/* Counters never fall, but for those of a clock that was set. */
static uint64_t
since(uint64_t before, uint64_t now)
{
	return now > before ? now - before : 0;
}

static void
compare(struct monitor_look *look, const struct monitor_look *before)
{
	double ticks, seconds;

	ticks = (double)since(before->usage.cpu_ticks, look->usage.cpu_ticks);
	seconds = (double)since(before->at_ns, look->at_ns) / CLOCK_NS_PER_S;
	if (seconds > 0)
		look->cpu_percent =
			100 * ticks / (double)sysconf(_SC_CLK_TCK) / seconds;
	look->minor_faults =
		since(before->usage.minor_faults, look->usage.minor_faults);
	look->major_faults =
		since(before->usage.major_faults, look->usage.major_faults);
}

int
monitor_look(struct monitor *monitor, struct err *err)
{
	struct monitor_look look = monitor->last; /* values that last */
	int result;

	monitor->walk_ns = 0;
	look.wall_ns = clock_ns(CLOCK_REALTIME);
	look.at_ns = clock_ns(CLOCK_MONOTONIC);
	look.cpu_percent = -1;
	result = look_usage(monitor, &look.usage, err);
	if (result == 1 && monitor->with_maps)
		result = look_maps(monitor, &look, err);
	if (result != 1) {
		monitor->ended = result == 0;
		return result;
	}
	if (!monitor->with_maps)
		look_rollup(monitor, &look);
	look.has_descriptors = procfs_descriptors(&monitor->target.proc,
						  &look.descriptors) == 0;
	look_heap(monitor, &look);
	if (monitor->looks++)
		compare(&look, &monitor->last);
	else
		monitor->first = look;
	monitor->last = look;
	return 1;
}

/* --- the summary ------------------------------------------------------------------ */

static void
add_growth(struct strbuf *out, const char *what, struct monitor_value first,
	   struct monitor_value last)
{
	double hours =
		(double)(last.at_ns - first.at_ns) / CLOCK_NS_PER_S / 3600;
	double grown = (double)last.bytes - (double)first.bytes;

	strbuf_addf(out, "%s ", what);
	format_bytes(out, (int64_t)first.bytes, false);
	if (first.at_ns == last.at_ns)
		return;
	strbuf_adds(out, " to ");
	format_bytes(out, (int64_t)last.bytes, false);
	if (hours > 0) {
		strbuf_adds(out, " (");
		format_byte_rate(out, grown / hours, true);
		strbuf_addc(out, ')');
	}
}

static struct monitor_value
value_of(const struct monitor_look *look)
{
	return (struct monitor_value){
		.bytes = look->usage.rss_bytes,
		.at_ns = look->at_ns,
	};
}

void
monitor_summary(struct strbuf *out, const struct monitor *monitor)
{
	const struct monitor_look *first = &monitor->first;
	const struct monitor_look *last = &monitor->last;
	uint64_t ns = last->at_ns - first->at_ns;

	strbuf_addf(out, "process %d ", (int)monitor->target.proc.pid);
	strbuf_add_quoted(out, monitor->name);
	if (!monitor->looks) {
		strbuf_adds(out, ": not looked at");
		return;
	}
	if (monitor->looks == 1) {
		strbuf_adds(out, ": 1 look: ");
	} else {
		strbuf_addf(out, ": %" PRIu64 " looks in ", monitor->looks);
		format_duration(out, ns);
		strbuf_adds(out, ": ");
	}
	add_growth(out, "RSS", value_of(first), value_of(last));
	if (first->uss.at_ns)
		add_growth(out, ", USS", first->uss, last->uss);
	if (first->heap.at_ns)
		add_growth(out, ", live heap", first->heap, last->heap);
	if (last->usage.threads != first->usage.threads)
		strbuf_addf(out, ", threads %" PRIu64 " to %" PRIu64,
			    first->usage.threads, last->usage.threads);
	if (last->has_descriptors && first->has_descriptors &&
	    last->descriptors != first->descriptors)
		strbuf_addf(out, ", descriptors %" PRIu64 " to %" PRIu64,
			    first->descriptors, last->descriptors);
}
