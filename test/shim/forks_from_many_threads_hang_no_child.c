/* link: -pthread */
/*
 * Four threads fork, two at a time or more, while four others allocate. Each
 * child allocates from a known state and leaves by another way; none may hang
 * or die.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 4
#define FORKS 100

static atomic_int done;
static atomic_int bad;

static void *
allocate(void *unused)
{
	void *kept[64] = { NULL };

	for (unsigned i = 0; !done; i++) {
		free(kept[i % 64]);
		kept[i % 64] = malloc(i % 2000);
	}
	for (unsigned i = 0; i < 64; i++)
		free(kept[i]);
	return unused;
}

static void
be_a_child(int i)
{
	void *p = malloc(5000);

	alarm(20);
	memset(p, i, 5000);
	p = realloc(p, 100000);
	free(p);
	if (i % 3 == 0)
		exit(7);
	if (i % 3 == 1)
		_exit(7);
	execl("/bin/sh", "sh", "-c", "exit 7", (char *)NULL);
	_exit(1);
}

static void *
fork_often(void *unused)
{
	for (int i = 0; i < FORKS; i++) {
		pid_t pid = fork();
		int status = 0;

		if (pid == 0)
			be_a_child(i);
		if (pid < 0 || waitpid(pid, &status, 0) != pid ||
		    !WIFEXITED(status) || WEXITSTATUS(status) != 7)
			atomic_fetch_add(&bad, 1);
	}
	return unused;
}

int
main(void)
{
	pthread_t allocators[THREADS];
	pthread_t forkers[THREADS];

	for (int i = 0; i < THREADS; i++)
		pthread_create(&allocators[i], NULL, allocate, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&forkers[i], NULL, fork_often, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(forkers[i], NULL);
	done = 1;
	for (int i = 0; i < THREADS; i++)
		pthread_join(allocators[i], NULL);
	printf("%d bad children\n", bad);
	return bad != 0;
}
