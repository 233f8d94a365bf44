#include "bell.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../analyzer/clock.h"
#include "../analyzer/strbuf.h"
#include "human.h"
#include "overlay.h"

/* How often the status file is looked at: a snapshot takes longer, and the
 * look costs some tens of microseconds. */
#define POLL_NS 10000000

/* Looks, a poll apart, at a process that blocks the bell or has no handler of
 * it. */
#define LOOKS 20

/* A program that was executed gets so long to have its loader, and the shim in
 * it, done. */
#define FOLLOW_NS 1000000000

#define SIGNAL_MAX 64

static atomic_bool given_up;

/* 0 for no signal: a file read while we wait may name none any more. */
static uint64_t
signal_bit(uint64_t number)
{
	return number >= 1 && number <= SIGNAL_MAX ? 1ull << (number - 1) : 0;
}

/* --- who takes it ----------------------------------------------------------- */

struct taker {
	const struct target *target;
	pid_t helper; /* in the process's namespace; 0 = look for any thread */
	uint64_t bit; /* of the bell */
	pid_t found;  /* the helper's tid as we see it */
};

/* Stops at the thread that can take the bell. */
static int
visit_thread(pid_t tid, void *arg)
{
	struct taker *taker = arg;
	struct procfs_status thread;

	/* Threads come and go. */
	if (procfs_status(&taker->target->proc, tid, &thread) < 0 ||
	    thread.state == 'Z' || thread.state == 'X')
		return 0;
	if (taker->helper && thread.own_pid != taker->helper)
		return 0;
	if (thread.blocked & taker->bit)
		return 0;
	taker->found = tid;
	return 1;
}

pid_t
bell_helper(const struct target *target)
{
	struct taker taker = {
		.target = target,
		.helper = (pid_t)target->status.helper,
		.bit = signal_bit(target->status.bell),
	};

	if (!target->status.helper || target->status.helper > INT32_MAX)
		return 0;
	/* Within our own namespace the tid needs no search. */
	if (target->who.pid_depth == 1)
		visit_thread(taker.helper, &taker);
	else
		procfs_each_thread(&target->proc, visit_thread, &taker);
	return taker.found;
}

static bool
blocked_everywhere(const struct target *target)
{
	struct taker taker = {
		.target = target,
		.bit = signal_bit(target->status.bell),
	};

	return procfs_each_thread(&target->proc, visit_thread, &taker) == 0;
}

/* Whether nobody takes the bell. libc blocks every signal for a moment in
 * fork, pthread_create and at a thread's end, so one look is not enough. */
static bool
nobody_listens(const struct target *target)
{
	const struct timespec pause = { 0, POLL_NS };
	int i;

	for (i = 0; i < LOOKS; i++) {
		if (bell_helper(target) || !blocked_everywhere(target))
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

/* A program that has just been executed in place of the one that wrote the
 * status file has no handler before its shim has begun. False as well if the
 * process has ended. */
static bool
has_handler(struct target *target)
{
	const struct timespec pause = { 0, POLL_NS };
	int i;

	for (i = 0; i < LOOKS && target_alive(target); i++) {
		if (procfs_status(&target->proc, 0, &target->who) < 0)
			break;
		if (target->who.caught & signal_bit(target->status.bell))
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

static int
refuse_dormant(const struct target *target, struct err *err)
{
	const struct status *status = &target->status;
	char name[HUMAN_SIGNAL_BYTES];
	int pid = (int)target->proc.pid;

	if (status->bell)
		return err_set(err, ERR_TARGET,
			       "process %d is dormant (start=off): start it "
			       "with leakshim start %d",
			       pid, pid);
	if (!status->signal)
		return err_set(err, ERR_TARGET,
			       "process %d is dormant (start=off) and has no "
			       "signal in force to start it%s%s",
			       pid, *status->signal_note ? ": " : "",
			       status->signal_note);
	human_signal(name, status->signal);
	return err_set(err, ERR_TARGET,
		       "process %d is dormant (start=off): start it with "
		       "kill -%s %d (the first one starts tracking, the next "
		       "ones take snapshots)",
		       pid, name, pid);
}

int
bell_check(struct target *target, enum lks_bell op, struct err *err)
{
	const struct status *status = &target->status;
	char name[HUMAN_SIGNAL_BYTES];
	int pid = (int)target->proc.pid;

	if (status->state == STATUS_OFF)
		return err_set(err, ERR_TARGET,
			       "tracking of process %d is off%s%s", pid,
			       *status->reason ? ": " : "", status->reason);
	if (status->state == STATUS_DORMANT &&
	    (op == LKS_BELL_SNAPSHOT || op == LKS_BELL_DUMP ||
	     op == LKS_BELL_SCRAPE))
		return refuse_dormant(target, err);
	if (!status->bell)
		return err_set(err, ERR_TARGET,
			       "process %d has no bell in force%s%s", pid,
			       *status->bell_note ? ": " : "",
			       status->bell_note);
	if (status->bell > SIGNAL_MAX)
		return err_set(err, ERR_TARGET,
			       "process %d names a bell that is no signal: "
			       "%" PRIu64,
			       pid, status->bell);
	human_signal(name, status->bell);
	if (!has_handler(target)) {
		if (!target_alive(target))
			return err_set(err, ERR_TARGET, "process %d has ended",
				       pid);
		return err_set(err, ERR_TARGET,
			       "process %d does not handle SIG%s any more, "
			       "which was its bell: %s",
			       pid, name,
			       target_moved_on(target)
				       ? "it has executed another program, in "
					 "which libleakshim.so is not loaded"
				       : "the program took it");
	}
	if (nobody_listens(target))
		return err_set(err, ERR_TARGET,
			       "every thread of process %d blocks SIG%s, its "
			       "bell, and it has no helper thread",
			       pid, name);
	return 0;
}

/* --- ringing ---------------------------------------------------------------- */

uint32_t
bell_new_token(void)
{
	uint32_t token = 0;

	/* Up to 256 bytes come whole, once the kernel has entropy at all. */
	while (!(token & 0xffffff))
		if (getrandom(&token, sizeof(token), 0) < 0 && errno != EINTR)
			token = (uint32_t)getpid();
	return token & 0xffffff;
}

/* Who was rung. */
struct ringing {
	uint64_t bell;
	pid_t helper;        /* its tid as we see it; 0 = the process */
	uint64_t updated_ns; /* the file's */
	uint64_t lost_ns;    /* CLOCK_MONOTONIC; 0 = it was not noticed */
};

/* Whether the helper that the file names is no thread of the process any more:
 * it executed a program, which would take the signal by its default action,
 * death, until it has its handlers. */
static bool
helper_has_gone(const struct target *target)
{
	struct procfs_status thread;

	return target->status.helper && target->status.helper <= INT32_MAX &&
	       target->who.pid_depth == 1 &&
	       procfs_status(&target->proc, (pid_t)target->status.helper,
			     &thread) < 0;
}

static int
ring(struct target *target, enum lks_bell op, uint32_t token,
     struct ringing *ringing, struct err *err)
{
	int bell = (int)target->status.bell;
	pid_t pid = target->proc.pid;
	pid_t helper = bell_helper(target);
	siginfo_t info;
	long result;

	*ringing = (struct ringing){
		.bell = target->status.bell,
		.helper = helper,
		.updated_ns = target->status.updated_ns,
	};
	memset(&info, 0, sizeof(info));
	info.si_signo = bell;
	info.si_code = SI_QUEUE;
	info.si_pid = getpid();
	info.si_uid = getuid();
	info.si_value.sival_ptr = (void *)(uintptr_t)lks_bell_word(op, token);
	/* To the helper alone where there is one: the program's own threads
	 * then see no EINTR. If the process ends and another gets its pid
	 * between the check and here, that one is signalled: some
	 * microseconds, and pids are given out in turn. */
	if (!helper && helper_has_gone(target)) {
		ringing->helper = (pid_t)target->status.helper;
		return 0;
	}
	if (helper)
		result = syscall(SYS_rt_tgsigqueueinfo, pid, helper, bell,
				 &info);
	else
		result = syscall(SYS_rt_sigqueueinfo, pid, bell, &info);
	/* A helper that has gone meanwhile is noticed as if after it. */
	if (!result || (errno == ESRCH && helper && target_alive(target)))
		return 0;
	if (errno == ESRCH)
		return err_set(err, ERR_TARGET, "process %d has ended",
			       (int)pid);
	return err_set(err, errno == EPERM ? ERR_TARGET : ERR_STEP,
		       "cannot signal process %d: %s", (int)pid,
		       strerror(errno));
}

/*
 * Whether the signal was lost with whom it was for: an exec ends the helper and
 * takes the handlers away, and what dumps its core does nothing else any more.
 * Updates `who`.
 */
static bool
is_lost(struct target *target, const struct ringing *ringing)
{
	struct procfs_status thread;

	if (procfs_status(&target->proc, 0, &target->who) < 0)
		return false;
	return target->who.dumping ||
	       !(target->who.caught & signal_bit(ringing->bell)) ||
	       (ringing->helper &&
		procfs_status(&target->proc, ringing->helper, &thread) < 0);
}

/*
 * What to do after that: 1 = whoever listens now may be rung for the same, 0 =
 * wait, -1 = give up. A program that was executed is not rung before it has
 * written its own file: what handles the signal until then is not known to be
 * the shim, and its helper, which spares the others the signal, is not known.
 */
static int
follow(struct target *target, enum lks_bell op, struct ringing *ringing,
       struct err *err)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	int pid = (int)target->proc.pid;

	if (target->who.dumping)
		return err_set(err, ERR_TARGET,
			       "process %d is being ended (its core is being "
			       "dumped)",
			       pid);
	if (target->status.updated_ns != ringing->updated_ns)
		return bell_check(target, op, err) < 0 ? -1 : 1;
	if (!ringing->lost_ns)
		ringing->lost_ns = now;
	if (now - ringing->lost_ns < FOLLOW_NS)
		return 0;
	return err_set(err, ERR_TARGET,
		       "process %d has executed another program, %s", pid,
		       procfs_maps(&target->proc, OVERLAY_LIBRARY) == 0
			       ? "in which " OVERLAY_LIBRARY " is not loaded"
			       : "which does not track");
}

static bool
is_full(const struct status_place *place)
{
	char path[sizeof(place->directory) + 64];
	struct statvfs system;

	snprintf(path, sizeof(path), "%s%s", place->prefix, place->directory);
	return !statvfs(path, &system) && system.f_blocks && !system.f_bavail;
}

/* More than we have, which it may have inherited as well. */
static bool
has_more_filters(struct target *target)
{
	struct procfs_status own;
	struct procfs proc;
	bool result;

	if (procfs_open(&proc, getpid()) < 0)
		return false;
	result = !procfs_status(&proc, 0, &own) &&
		 !procfs_status(&target->proc, 0, &target->who) &&
		 target->who.filters > own.filters;
	procfs_close(&proc);
	return result;
}

static int
explain_silence(struct target *target, unsigned int timeout_s, struct err *err)
{
	struct strbuf full = { 0 };
	const char *why = "";

	switch (target->stat.state) {
	case 'T':
		why = ": it is stopped and answers when it is continued "
		      "(kill -CONT)";
		break;
	case 't':
		why = ": it is stopped by a tracer (a debugger) and answers "
		      "when it is continued";
		break;
	case 'D':
		why = ": it waits in the kernel (state D)";
		break;
	default:
		if (nobody_listens(target)) {
			why = ": every thread blocks its bell";
		} else if (is_full(&target->place)) {
			strbuf_addf(&full,
				    ": the file system of '%s%s', where its "
				    "answers go, is full",
				    target->place.prefix,
				    target->place.directory);
			why = strbuf_text(&full);
		} else if (has_more_filters(target)) {
			why = ": its system calls are filtered (seccomp), and "
			      "what an answer takes may be refused, or be what "
			      "kills";
		}
		break;
	}
	err_set(err, ERR_STEP, "process %d did not answer within %u s%s",
		(int)target->proc.pid, timeout_s, why);
	strbuf_release(&full);
	return -1;
}

void
bell_give_up(void)
{
	atomic_store(&given_up, true);
}

int
bell_ask(struct target *target, enum lks_bell op, unsigned int timeout_s,
	 struct err *err)
{
	return bell_ask_with(target, op, bell_new_token(), timeout_s, err);
}

int
bell_ask_with(struct target *target, enum lks_bell op, uint32_t token,
	      unsigned int timeout_s, struct err *err)
{
	const struct timespec pause = { 0, POLL_NS };
	uint64_t end = clock_ns(CLOCK_MONOTONIC) + timeout_s * CLOCK_NS_PER_S;
	struct ringing ringing;
	struct err ignored;
	bool alive, lost;
	int again;

	if (ring(target, op, token, &ringing, err) < 0)
		return -1;
	for (;;) {
		/* Asked before the file is read: what a process wrote as its
		 * last act still counts. */
		alive = target_alive(target);
		lost = alive && is_lost(target, &ringing);
		if (target_find(target, &ignored) == 1 &&
		    status_answers(&target->status, token))
			return 0;
		if (!alive)
			return err_set(err, ERR_TARGET,
				       "process %d ended before it answered",
				       (int)target->proc.pid);
		again = lost ? follow(target, op, &ringing, err) : 0;
		if (again < 0)
			return -1;
		/* The program may have taken the bell that the file named: the
		 * shim chose another, which it had no time to tell. */
		if (!lost && target->status.bell != ringing.bell)
			again = !bell_check(target, op, &ignored);
		if (again && ring(target, op, token, &ringing, err) < 0)
			return -1;
		if (atomic_load(&given_up))
			return err_set(
				err, ERR_STEP,
				"process %d was not waited for: leakshim "
				"is ending",
				(int)target->proc.pid);
		if (clock_ns(CLOCK_MONOTONIC) >= end)
			return explain_silence(target, timeout_s, err);
		nanosleep(&pause, NULL);
	}
}

char *
bell_take_snapshot(struct target *target, unsigned int timeout_s,
		   struct err *err)
{
	const struct status *status = &target->status;
	int pid = (int)target->proc.pid;

	if (bell_check(target, LKS_BELL_SNAPSHOT, err) < 0 ||
	    bell_ask(target, LKS_BELL_SNAPSHOT, timeout_s, err) < 0)
		return NULL;
	if (*status->error) {
		err_set(err, ERR_STEP,
			"process %d could not write a snapshot: %s", pid,
			status->error);
		return NULL;
	}
	if (!*status->snapshot) {
		err_set(err, ERR_STEP, "process %d answered without a snapshot",
			pid);
		return NULL;
	}
	if (target_check_path(target, status->snapshot, err) < 0)
		return NULL;
	return target_path(target, status->snapshot);
}
