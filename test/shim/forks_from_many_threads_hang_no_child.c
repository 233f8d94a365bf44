/* cflags: -Wno-deprecated-declarations */
/* link: -pthread */
/* full: 10,000 forks */
/*
 * Four threads fork, two at a time or more, while eight others allocate. Each
 * child allocates from a known state and then leaves, or becomes another
 * process, in its own way; none may hang or die.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

#define ALLOCATORS 8
#define FORKERS 4
#define STATUS 7

extern char **environ;

static atomic_int done;
static atomic_int bad;
static atomic_int daemons;
static int from_daemons[2];
static long forks_each;

static void *
allocate(void *unused)
{
	void *kept[64] = { NULL };

	for (unsigned i = 0; !done; i++) {
		free(kept[i % 64]);
		kept[i % 64] = malloc(i % 2000);
		/* Children need a processor too. */
		if (i % 500 == 0)
			usleep(200);
	}
	for (unsigned i = 0; i < 64; i++)
		free(kept[i]);
	return unused;
}

static void
work(int i)
{
	char *p = malloc(5000);

	memset(p, i, 5000);
	p = realloc(p, 100000);
	if (p[4999] != (char)i)
		_exit(90);
	free(p);
}

static int
status_of(pid_t pid)
{
	int status = 0;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status)
				 : -WTERMSIG(status) - 100;
}

static char *const exit_7[] = { (char *)(uintptr_t) "sh",
				(char *)(uintptr_t) "-c",
				(char *)(uintptr_t) "exit 7", NULL };

static int
of_grandchild(int i)
{
	pid_t pid = fork();

	if (pid == 0) {
		work(i);
		_exit(STATUS);
	}
	return status_of(pid);
}

static int
of_vfork(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		execv("/bin/sh", exit_7);
		_exit(91);
	}
	return status_of(pid);
}

static int
of_spawn(void)
{
	pid_t pid;

	if (posix_spawn(&pid, "/bin/sh", NULL, NULL, exit_7, environ) != 0)
		return -1;
	return status_of(pid);
}

/* A copy that no handler hears of: it may only do what is async-signal-safe,
 * but many do this. */
static int
of_clone(int i)
{
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0) {
		work(i);
		_exit(STATUS);
	}
	return status_of(pid);
}

static int
of_bare_fork(int i)
{
	pid_t pid = _Fork();

	if (pid == 0) {
		work(i);
		_exit(STATUS);
	}
	return status_of(pid);
}

/* Nobody waits for a daemon: it says that it is there. */
static void
be_a_daemon(int i)
{
	if (daemon(1, 1) != 0)
		_exit(92);
	alarm(60);
	work(i);
	if (write(from_daemons[1], "d", 1) != 1)
		_exit(93);
	exit(0);
}

#define WAYS 9

static void __attribute__((noreturn)) be_a_child(int i)
{
	/* A hung child dies of it, which is bad. */
	alarm(60);
	work(i);
	switch (i % WAYS) {
	case 0:
		exit(STATUS);
	case 1:
		_exit(STATUS);
	case 2:
		execv("/bin/sh", exit_7);
		_exit(94);
	case 3:
		exit(of_grandchild(i));
	case 4:
		_exit(of_vfork());
	case 5:
		exit(of_spawn());
	case 6:
		exit(of_clone(i));
	case 7:
		exit(of_bare_fork(i));
	default:
		be_a_daemon(i); /* status 0 of the first of the two */
		_exit(95);
	}
}

static void *
fork_often(void *unused)
{
	for (int i = 0; i < forks_each; i++) {
		int want = i % WAYS == WAYS - 1 ? 0 : STATUS;
		pid_t pid = fork();
		int got;

		if (pid == 0)
			be_a_child(i);
		got = status_of(pid);
		if (want == 0)
			atomic_fetch_add(&daemons, 1);
		if (got != want) {
			fprintf(stderr, "way %d: %d\n", i % WAYS, got);
			atomic_fetch_add(&bad, 1);
		}
	}
	return unused;
}

/* Every daemon's byte, each of which ends by itself or by its alarm. */
static int
count_daemons(void)
{
	char bytes[256];
	ssize_t n;
	int count = 0;

	close(from_daemons[1]);
	while ((n = read(from_daemons[0], bytes, sizeof(bytes))) > 0)
		count += (int)n;
	return count;
}

int
main(void)
{
	pthread_t allocators[ALLOCATORS];
	pthread_t forkers[FORKERS];

	forks_each = rounds(270, 10000) / FORKERS;
	if (pipe(from_daemons) != 0)
		return 1;
	for (int i = 0; i < ALLOCATORS; i++)
		pthread_create(&allocators[i], NULL, allocate, NULL);
	for (int i = 0; i < FORKERS; i++)
		pthread_create(&forkers[i], NULL, fork_often, NULL);
	for (int i = 0; i < FORKERS; i++)
		pthread_join(forkers[i], NULL);
	done = 1;
	for (int i = 0; i < ALLOCATORS; i++)
		pthread_join(allocators[i], NULL);
	printf("%d bad children\n", bad);
	printf("all daemons told: %d\n", count_daemons() == daemons);
	return bad != 0;
}
