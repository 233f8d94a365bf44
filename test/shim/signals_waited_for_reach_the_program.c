/*
 * A program that blocks signals and waits for them, by each of the four calls:
 * every one arrives, also those sent while the shim is still letting go of
 * them, and SIGUSR2 and the real-time signals keep their default disposition.
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 20

static const struct timespec at_once;
static const struct timespec long_time = { 5, 0 };

static int
by_sigwait(const sigset_t *set)
{
	int sig = 0;

	return sigwait(set, &sig) == 0 ? sig : -1;
}

static int
by_sigwaitinfo(const sigset_t *set)
{
	siginfo_t info;

	return sigwaitinfo(set, &info) == info.si_signo ? info.si_signo : -1;
}

static int
by_sigtimedwait(const sigset_t *set)
{
	return sigtimedwait(set, NULL, &long_time);
}

static int
by_signalfd(const sigset_t *set)
{
	struct signalfd_siginfo info = { .ssi_signo = 0 };
	int fd = signalfd(-1, set, SFD_CLOEXEC);

	if (fd < 0 || read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		perror("signalfd");
	close(fd);
	return (int)info.ssi_signo;
}

/* How many of ROUNDS signals came back. */
static int
rounds(int sig, int (*wait_for)(const sigset_t *))
{
	sigset_t set;
	int got = 0;

	sigemptyset(&set);
	sigaddset(&set, sig);
	/* Says what is waited for, and at once the first one is sent. */
	if (sigtimedwait(&set, NULL, &at_once) >= 0 || errno != EAGAIN)
		perror("sigtimedwait");
	for (int i = 0; i < ROUNDS; i++) {
		kill(getpid(), sig);
		got += wait_for(&set) == sig;
	}
	return got;
}

static void
all_ways(const char *who)
{
	struct sigaction seen;

	printf("%s: sigwait %d\n", who, rounds(SIGUSR2, by_sigwait));
	printf("%s: sigwaitinfo %d\n", who,
	       rounds(SIGRTMAX - 1, by_sigwaitinfo));
	printf("%s: sigtimedwait %d\n", who,
	       rounds(SIGRTMAX - 2, by_sigtimedwait));
	printf("%s: signalfd %d\n", who, rounds(SIGRTMAX - 3, by_signalfd));
	for (int sig = SIGRTMAX - 4; sig < SIGRTMAX; sig++)
		if (sigaction(sig, NULL, &seen) != 0 ||
		    seen.sa_handler != SIG_DFL)
			printf("%s: %d has a handler\n", who, sig);
}

/* The shim's, if it is there. */
__attribute__((weak)) int leakshim_shim_present(void);

/* True: a task has SIGUSR2 open, as only one that is not ours can. */
static int
listens(const char *task)
{
	unsigned long long blocked = ~0ull;
	char path[300];
	char line[100];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%s/status", task);
	f = fopen(path, "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		sscanf(line, "SigBlk: %llx", &blocked);
	if (f != NULL)
		fclose(f);
	return (blocked >> (SIGUSR2 - 1) & 1) == 0;
}

/* Before that, what we wait for could not be taken from us. A helper that
 * could not be made never comes. */
static void
wait_for_helper(void)
{
	struct dirent *entry;
	int found = 0;
	DIR *tasks;

	if (leakshim_shim_present == NULL || !leakshim_shim_present())
		return;
	for (int i = 0; i < 500 && !found; i++) {
		tasks = opendir("/proc/self/task");
		while (tasks != NULL && (entry = readdir(tasks)) != NULL)
			if (entry->d_name[0] != '.')
				found |= listens(entry->d_name);
		if (tasks != NULL)
			closedir(tasks);
		usleep(2000);
	}
}

static void *
in_thread(void *unused)
{
	wait_for_helper();
	all_ways("thread");
	return unused;
}

int
main(void)
{
	pthread_t thread;
	sigset_t all;
	pid_t child;

	alarm(30);
	sigfillset(&all);
	sigdelset(&all, SIGALRM);
	if (sigprocmask(SIG_BLOCK, &all, NULL) != 0)
		return 1;
	child = fork();
	if (child == 0) {
		all_ways("process");
		return 0;
	}
	if (child < 0 || waitpid(child, NULL, 0) != child ||
	    pthread_create(&thread, NULL, in_thread, NULL) != 0)
		return 1;
	pthread_join(thread, NULL);
	return 0;
}
