/* not starved: without tables SIGUSR2 is nobody's, and kills */
/*
 * After unshare(CLONE_NEWPID) the next child is process 1 of the namespace,
 * and when it ends nobody can be born there any more. A snapshot in between
 * must not be that child. Asked for only where we are preloaded: else the
 * signal would kill.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int
main(void)
{
	pid_t first;
	pid_t second;

	if (unshare(CLONE_NEWPID) != 0) {
		puts("no new pid namespace to be had");
		return 77;
	}
	if (getenv("LD_PRELOAD") != NULL)
		raise(SIGUSR2);
	first = fork();
	if (first == 0) {
		sleep(1);
		_exit(getpid() == 1 ? 0 : 1);
	}
	second = fork();
	if (second == 0)
		_exit(0);
	printf("forks: %d %d\n", first > 0, second > 0);
	for (int status; wait(&status) > 0;)
		printf("status %d\n", status);
	return 0;
}
