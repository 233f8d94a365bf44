/* link: -pthread */
/*
 * A vfork child runs in its parent's memory, our handler and all: the signal
 * that reaches it asks nothing of the parent, with one thread or with more.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

static void *
run(void *unused)
{
	free(use(malloc(100)));
	return unused;
}

static int
signalled_child(void)
{
	int status = 0;
	pid_t pid = vfork();

	if (pid == 0) {
		syscall(SYS_kill, syscall(SYS_getpid), SIGUSR2);
		_exit(5);
	}
	waitpid(pid, &status, 0);
	return status;
}

int
main(void)
{
	pthread_t thread;

	free(use(malloc(100)));
	for (int i = 0; i < 20; i++)
		CHECK(signalled_child() == 5 << 8);
	pthread_create(&thread, NULL, run, NULL);
	pthread_join(thread, NULL);
	for (int i = 0; i < 20; i++)
		CHECK(signalled_child() == 5 << 8);
	free(use(malloc(100)));
	return failed;
}
