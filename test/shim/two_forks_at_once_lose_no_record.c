/* link: -l:lib_slow_atfork.so -pthread */
/*
 * Two threads fork at the same time, and each of them is held up between the
 * shim's own handler and the fork, so the other comes to the handler while
 * every lock of the shim is taken. Each child has all of the blocks, and its
 * losses (the .sh looks) are none.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

#define BLOCKS 20000

extern void (*atfork_prepare_hook)(void);

static atomic_int inside;
static atomic_int met;
static void *kept[BLOCKS];

/* Until the other one is in fork too, which it never is while we are. */
static void
dawdle(void)
{
	const struct timespec pause = { 0, 60000000 };

	if (atomic_fetch_add(&inside, 1) > 0)
		atomic_fetch_add(&met, 1);
	nanosleep(&pause, NULL);
	atomic_fetch_sub(&inside, 1);
}

NOINLINE static void
keep_blocks(void)
{
	for (int i = 0; i < BLOCKS; i++)
		kept[i] = use(malloc(100));
}

NOINLINE static void
child_leaks(void)
{
	for (int i = 0; i < 4000; i++)
		use(malloc(1000));
}

static void *
fork_some(void *unused)
{
	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();
		int status = 0;

		if (pid == 0) {
			alarm(60);
			for (int j = 0; j < BLOCKS; j += 2)
				free(kept[j]);
			child_leaks();
			exit(7);
		}
		CHECK(pid > 0 && waitpid(pid, &status, 0) == pid &&
		      WIFEXITED(status) && WEXITSTATUS(status) == 7);
	}
	return unused;
}

int
main(void)
{
	pthread_t other;

	keep_blocks();
	atfork_prepare_hook = dawdle;
	pthread_create(&other, NULL, fork_some, NULL);
	fork_some(NULL);
	pthread_join(other, NULL);
	atfork_prepare_hook = NULL;
	return failed;
}
