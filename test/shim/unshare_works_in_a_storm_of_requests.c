/* link: -pthread */
/*
 * A process that has joined its threads unshares its user namespace while
 * snapshots are asked for faster than they can be written. The helper has to
 * leave the rest undone and end.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

/* The shim's, if it is there: then the signal is ours, else it kills. */
__attribute__((weak)) void leakshim_shim_snapshot(void);

static void *
allocate(void *unused)
{
	free(use(malloc(100)));
	return unused;
}

static int
unshare_alone(void)
{
	pthread_t thread;

	alarm(60);
	for (int i = 0; i < 3; i++) {
		pthread_create(&thread, NULL, allocate, NULL);
		pthread_join(thread, NULL);
	}
	usleep(20000);
	return unshare(CLONE_NEWUSER) == 0 ? 0 : errno;
}

static int
storm_on(pid_t child)
{
	int status = 0;

	while (waitpid(child, &status, WNOHANG) == 0) {
		if (leakshim_shim_snapshot != NULL)
			kill(child, SIGUSR2);
		usleep(100);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int
main(void)
{
	long count = rounds(20, 200);
	pid_t child = fork();

	if (child == 0)
		_exit(unshare(CLONE_NEWUSER) == 0 ? 0 : 1);
	if (waitpid(child, &failed, 0) != child || failed != 0) {
		puts("user namespaces are not allowed here");
		return 77;
	}
	for (long i = 0; i < count && !failed; i++) {
		child = fork();
		if (child == 0)
			_exit(unshare_alone());
		CHECK(storm_on(child) == 0);
	}
	return failed;
}
