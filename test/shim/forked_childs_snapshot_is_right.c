/* link: -pthread */
/*
 * Children forked in the middle of eight allocating threads: each frees half of
 * what main kept, and keeps an amount of its own. Their numbers are exact: what
 * the threads were doing is in them as it was at the fork, and no lock is
 * inherited held. Each has grown enough for a snapshot, whatever main itself
 * did in the parent; children that do nothing leave none.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

#define BLOCKS 1000
#define CHILDREN 12
#define SHORT_CHILDREN 100
#define THREADS 8

static atomic_int done;
static void *kept[BLOCKS];

NOINLINE static void
keep_in_parent(void)
{
	for (int i = 0; i < BLOCKS; i++)
		kept[i] = use(malloc(100));
}

NOINLINE static void
keep_in_child(void)
{
	for (int i = 0; i < 3000; i++)
		use(malloc(1000));
}

static void *
churn(void *unused)
{
	void *some[32] = { NULL };

	for (unsigned i = 0; !done; i++) {
		some[i % 32] = realloc(some[i % 32], i * 7 % 3000 + 1);
		if (i % 5 == 0) {
			free(some[i % 32]);
			some[i % 32] = NULL;
		}
	}
	return unused;
}

static void
be_a_child(void)
{
	alarm(60);
	for (int i = 0; i < BLOCKS; i += 2)
		free(kept[i]);
	keep_in_child();
	exit(7);
}

int
main(void)
{
	pthread_t threads[THREADS];

	keep_in_parent();
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, churn, NULL);
	/* Each makes what another thread has deferred. */
	for (int i = 0; i < SHORT_CHILDREN; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		CHECK(pid > 0 && waitpid(pid, NULL, 0) == pid);
	}
	for (int i = 0; i < CHILDREN; i++) {
		pid_t pid = fork();
		int status = 0;

		if (pid == 0)
			be_a_child();
		CHECK(pid > 0 && waitpid(pid, &status, 0) == pid &&
		      WIFEXITED(status) && WEXITSTATUS(status) == 7);
	}
	done = 1;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	return failed;
}
