#include "child.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../analyzer/clock.h"
#include "procfs.h"

/* What people and supervisors send to a program. */
static const int handed_on[] = {
	SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2,
};

#define HANDED_ON (sizeof(handed_on) / sizeof(handed_on[0]))

/* Not what is ignored, as under nohup(1): the child inherits that, and blocked
 * it would be delivered all the same. */
static void
fill_set(sigset_t *set)
{
	struct sigaction action;
	size_t i;

	sigemptyset(set);
	for (i = 0; i < HANDED_ON; i++)
		if (!sigaction(handed_on[i], NULL, &action) &&
		    action.sa_handler != SIG_IGN)
			sigaddset(set, handed_on[i]);
}

static void
restore(const struct child *child)
{
	sigaction(SIGCHLD, &child->child_action, NULL);
	sigprocmask(SIG_SETMASK, &child->mask, NULL);
}

int
child_start(struct child *child, int (*run)(void *arg), void *arg,
	    struct err *err)
{
	/* Where SIGCHLD is ignored the kernel itself waits for children, and
	 * nobody learns their status. */
	struct sigaction action;
	sigset_t set;
	int error;

	memset(child, 0, sizeof(*child));
	memset(&action, 0, sizeof(action));
	action.sa_handler = SIG_DFL;
	fill_set(&child->handed_on);
	set = child->handed_on;
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &child->mask);
	sigaction(SIGCHLD, &action, &child->child_action);
	child->pid = fork();
	if (child->pid == 0) {
		restore(child);
		_exit(run(arg));
	}
	if (child->pid > 0)
		return 0;
	error = errno;
	restore(child);
	return err_set(err, ERR_STEP, "cannot fork: %s", strerror(error));
}

/* Waited for only here, so that its pid stays its own until then. */
static bool
has_ended(struct child *child)
{
	siginfo_t info = { .si_pid = 0 };
	struct procfs_status who;
	struct procfs proc;

	if (waitid(P_PID, (id_t)child->pid, &info,
		   WEXITED | WNOHANG | WNOWAIT) < 0 ||
	    info.si_pid != child->pid)
		return false;
	child->uid = info.si_uid; /* the real one, without /proc */
	if (!procfs_open(&proc, child->pid)) {
		if (!procfs_status(&proc, 0, &who))
			child->uid = who.effective_uid;
		procfs_close(&proc);
	}
	return waitpid(child->pid, &child->status, WNOHANG) == child->pid;
}

/* A terminal's interrupt that ended the child reached us too: it must not end
 * the rest of our work. */
static void
drain(const struct child *child)
{
	const struct timespec now = { 0, 0 };
	siginfo_t info;

	while (sigtimedwait(&child->handed_on, &info, &now) > 0)
		;
}

enum child_event
child_wait(struct child *child, uint64_t timeout_ns, int *signal)
{
	uint64_t end = clock_ns(CLOCK_MONOTONIC) + timeout_ns;
	struct timespec left;
	sigset_t set = child->handed_on;
	siginfo_t info;
	uint64_t now;
	int got;

	sigaddset(&set, SIGCHLD);
	for (;;) {
		if (has_ended(child)) {
			drain(child);
			restore(child);
			return CHILD_ENDED;
		}
		now = clock_ns(CLOCK_MONOTONIC);
		if (now >= end)
			return CHILD_TIME;
		left = clock_span(end - now);
		got = sigtimedwait(&set, &info, &left);
		if (got <= 0 || got == SIGCHLD || info.si_code == SI_KERNEL)
			continue;
		*signal = got;
		return CHILD_SIGNAL;
	}
}

bool
child_dies_of(const struct child *child, int signal)
{
	struct procfs_status status;
	struct procfs proc;
	uint64_t bit = 1ull << (signal - 1);
	bool result;

	if (procfs_open(&proc, child->pid) < 0)
		return false;
	result = !procfs_status(&proc, 0, &status) &&
		 !((status.caught | status.blocked) & bit);
	procfs_close(&proc);
	return result;
}

int
child_pass_on(const struct child *child)
{
	const struct rlimit none = { 0, 0 };
	struct sigaction action;
	sigset_t set;
	int number;

	if (!WIFSIGNALED(child->status))
		return WEXITSTATUS(child->status);
	number = WTERMSIG(child->status);
	/* The child has left its core, if any: ours is of no use. */
	setrlimit(RLIMIT_CORE, &none);
	memset(&action, 0, sizeof(action));
	action.sa_handler = SIG_DFL;
	sigaction(number, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, number);
	raise(number);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	return 128 + number;
}
