/* full: 10,000 children */
/*
 * Children that live for a moment and end in each way there is: nothing of
 * them stays, neither snapshots nor status files, which the .sh looks for.
 */
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

#define WAYS 6

static void __attribute__((noreturn)) end(long way)
{
	free(use(malloc(1000)));
	switch (way) {
	case 0:
		exit(0);
	case 1:
		_exit(0);
	case 2:
		quick_exit(0);
	case 3:
		kill(getpid(), SIGKILL);
		_exit(1);
	case 4:
		syscall(SYS_exit_group, 0);
		_exit(1);
	default:
		unsetenv("LD_PRELOAD");
		execl("/bin/true", "true", (char *)NULL);
		_exit(1);
	}
}

int
main(void)
{
	long children = rounds(300, 10000);

	for (long i = 0; i < children; i++) {
		pid_t pid = fork();
		int status = -1;

		if (pid == 0)
			end(i % WAYS);
		CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
		CHECK(i % WAYS == 3 ? WIFSIGNALED(status) : status == 0);
	}
	return failed;
}
