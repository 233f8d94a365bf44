#include "family.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "procfs.h"

/* Generations; pids that are given anew while they are read make no circle. */
#define FAMILY_DEPTH 1000

void
family_begin(void)
{
	/* A kernel that can't leaves orphans to init: they are none of ours. */
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

pid_t
family_reap(int *status)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	/* Looked at first: a wait for a child tells stops by ptrace as well,
	 * and takes them from the thread that waits for them. */
	if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WNOTHREAD) <
	    0)
		return errno == ECHILD ? -1 : 0;
	if (info.si_code != CLD_EXITED && info.si_code != CLD_KILLED &&
	    info.si_code != CLD_DUMPED)
		return 0;
	return waitpid(info.si_pid, status, WNOHANG | __WNOTHREAD) ==
			       info.si_pid
		       ? info.si_pid
		       : 0;
}

static pid_t
parent_of(pid_t pid)
{
	struct procfs_stat stat;
	struct procfs proc;
	pid_t parent = 0;

	if (procfs_open(&proc, pid) < 0)
		return 0;
	if (procfs_stat(&proc, &stat) == 0)
		parent = stat.ppid;
	procfs_close(&proc);
	return parent;
}

bool
family_has(pid_t pid)
{
	pid_t self = getpid();
	int i;

	for (i = 0; i < FAMILY_DEPTH && pid > 1; i++) {
		pid = parent_of(pid);
		if (pid == self)
			return true;
	}
	return false;
}
