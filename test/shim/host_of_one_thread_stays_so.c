/* Asked for snapshots by itself: no thread, no child that it could see, and
 * what only a process of one thread may do. */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

static int
entries(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	while (d != NULL && readdir(d) != NULL)
		n++;
	if (d != NULL)
		closedir(d);
	return n;
}

static void
show(const char *when)
{
	int status = 0;
	pid_t pid;

	printf("%s: %d tasks\n", when, entries("/proc/self/task") - 2);
	errno = 0;
	printf("waitpid: %d %d\n", waitpid(-1, &status, WNOHANG), errno);
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(5);
	printf("the only child: %d %d\n", waitpid(-1, &status, 0) == pid,
	       WEXITSTATUS(status));
}

int
main(int argc, char **argv)
{
	show("at first");
	if (argc > 1) {
		raise(SIGUSR2);
		while (access(argv[1], F_OK) != 0)
			usleep(1000);
	}
	show("asked");
	errno = 0;
	printf("unshare: %d %s\n", unshare(CLONE_NEWUSER), strerror(errno));
	if (argc > 1)
		raise(SIGUSR2);
	show("in a namespace");
	return 0;
}
