/* options: interval=1h */
/*
 * With interval= a forked child has a helper from the beginning. One that asks
 * at once for what the kernel allows a process of one thread only, as sandboxes
 * do, must be told what it is told without us, though the helper is only just
 * being made.
 */
#include <errno.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

static int
unshare_in_child(void)
{
	int status = 0;

	if (fork() == 0)
		_exit(unshare(CLONE_NEWUSER) == 0 ? 0 : errno);
	wait(&status);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* By a bare process, before there is anybody to be in the way. */
static int
is_allowed(void)
{
	int status = 0;

	if (vfork() == 0) {
		execl("/usr/bin/env", "env", "-u", "LD_PRELOAD", "unshare",
		      "-U", "true", (char *)NULL);
		_exit(1);
	}
	wait(&status);
	return status == 0;
}

int
main(void)
{
	long count = rounds(40, 400);

	if (!is_allowed()) {
		puts("user namespaces are not allowed here");
		return 77;
	}
	for (long i = 0; i < count && !failed; i++)
		CHECK(unshare_in_child() == 0);
	return failed;
}
