/* link: -pthread */
/*
 * What the kernel allows a process of one thread only, asked by one that had
 * more and has joined them, and by one that never had any: right after a
 * request for a snapshot, so that somebody of ours would be at work.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

/* The shim's, if it is there. */
__attribute__((weak)) void leakshim_shim_snapshot(void);

static void *
allocate(void *unused)
{
	free(use(malloc(100)));
	return unused;
}

static void
run_threads(void)
{
	pthread_t threads[3];

	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, allocate, NULL);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
}

/* A thread that was joined is gone for the kernel some moments later. The
 * helper does not count: that is the question. */
static int
tasks(void)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *entry;
	char name[300];
	int count = 0;

	while (d != NULL && (entry = readdir(d)) != NULL) {
		FILE *f;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "/proc/self/task/%s/comm",
			 entry->d_name);
		f = fopen(name, "r");
		if (f == NULL)
			continue;
		if (fgets(name, sizeof(name), f) != NULL)
			count += strcmp(name, "leakshim\n") != 0;
		fclose(f);
	}
	closedir(d);
	return count;
}

static const char *
try_unshare(void)
{
	return unshare(CLONE_NEWUSER) == 0 ? "done" : strerror(errno);
}

static void
ask(int request)
{
	if (request && leakshim_shim_snapshot != NULL)
		leakshim_shim_snapshot();
}

static int
in_child(int threads, int request)
{
	int status = 0;
	int fd;

	fflush(stdout);
	if (fork() == 0) {
		alarm(30);
		if (threads)
			run_threads();
		while (tasks() > 1)
			usleep(1000);
		ask(request);
		errno = 0;
		printf("mount: %d %s\n",
		       setns(open("/proc/self/ns/mnt", O_RDONLY), 0),
		       strerror(errno));
		ask(request);
		printf("threads %d: %s\n", threads, try_unshare());
		/* Refused to who is in it already, not for its threads. */
		fd = open("/proc/self/ns/user", O_RDONLY);
		errno = 0;
		printf("user: %d %s\n", setns(fd, CLONE_NEWUSER),
		       strerror(errno));
		run_threads();
		free(use(malloc(1000)));
		exit(3);
	}
	wait(&status);
	return WIFEXITED(status) && WEXITSTATUS(status) == 3;
}

int
main(void)
{
	int status = 0;

	if (fork() == 0)
		_exit(unshare(CLONE_NEWUSER) == 0 ? 0 : 1);
	wait(&status);
	if (status != 0) {
		puts("user namespaces are not allowed here");
		return 77;
	}
	for (int i = 0; i < 5; i++) {
		CHECK(in_child(0, 0));
		CHECK(in_child(1, 0));
		CHECK(in_child(0, 1));
		CHECK(in_child(1, 1));
	}
	return failed;
}
