/* link: -l:lib_slow_atfork.so -pthread */
/* not starved: the child's threads need memory, and it has 60 s */
/*
 * _Fork, which runs no handler, at a moment when every lock of the shim is
 * taken: from a fork handler that runs after the shim's. The child has them
 * all taken for ever. Whatever it allocates, in a thread of its own too, must
 * not wait for them: 20,000 calls that each wait until they give up would take
 * minutes, and the alarm is heard first.
 */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

#define CALLS 20000

extern void (*atfork_prepare_hook)(void);

static pid_t bare;

static void *
allocate(void *unused)
{
	void *kept[64] = { NULL };

	for (int i = 0; i < CALLS; i++) {
		free(kept[i % 64]);
		kept[i % 64] = malloc((size_t)i % 3000);
	}
	return unused;
}

static void
fork_barely(void)
{
	pthread_t thread;

	atfork_prepare_hook = NULL;
	bare = _Fork();
	if (bare != 0)
		return;
	alarm(60);
	if (pthread_create(&thread, NULL, allocate, NULL) != 0 ||
	    pthread_join(thread, NULL) != 0)
		_exit(1);
	exit(5);
}

static int
status_of(pid_t pid)
{
	int status = 0;

	if (pid <= 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int
main(void)
{
	void *before = use(malloc(1000));
	pid_t pid;

	atfork_prepare_hook = fork_barely;
	pid = fork();
	if (pid == 0)
		_exit(4);
	printf("fork: %d\n", status_of(pid));
	printf("_Fork: %d\n", status_of(bare));
	free(before);
	return 0;
}
