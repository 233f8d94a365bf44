/* link: -pthread -ldl */
/*
 * A program that touches much of what we interpose and prints what it sees:
 * signal dispositions, masks, waitpid, dlerror, threads, descriptors. The
 * runner demands the same output with and without us.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void
show_signals(void)
{
	for (int sig = 1; sig < 65; sig++) {
		struct sigaction sa;

		if (sigaction(sig, NULL, &sa) != 0)
			printf("%d: %s\n", sig, strerror(errno));
		else if (sa.sa_handler != SIG_DFL || sa.sa_flags != 0)
			printf("%d: not default\n", sig);
	}
}

static void
on_signal(int sig)
{
	(void)sig;
}

static void
show_own_handlers(void)
{
	struct sigaction old;
	struct sigaction act = { .sa_handler = on_signal };

	printf("signal: %d\n", signal(SIGUSR2, on_signal) == SIG_DFL);
	printf("signal again: %d\n", signal(SIGUSR2, SIG_DFL) == on_signal);
	for (int sig = SIGRTMIN; sig <= SIGRTMAX; sig++) {
		sigaction(sig, &act, &old);
		if (old.sa_handler != SIG_DFL)
			printf("%d was taken\n", sig);
		sigaction(sig, NULL, &old);
		if (old.sa_handler != on_signal)
			printf("%d is not mine\n", sig);
	}
}

static void
show_children(void)
{
	int status;
	pid_t waited;
	pid_t pid = fork();

	if (pid == 0)
		_exit(7);
	waited = waitpid(-1, &status, 0);
	printf("child: %d status %d\n", waited == pid, WEXITSTATUS(status));
	waited = waitpid(-1, &status, 0);
	printf("no more: %d %s\n", waited, strerror(errno));
}

static void
show_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	printf("%d entries in fd\n", n);
}

static void
show_loader(void)
{
	printf("dlerror: %s\n", dlerror() == NULL ? "none" : "some");
	printf("dlopen: %d\n", dlopen("no-such-library.so", RTLD_NOW) == NULL);
	puts(dlerror());
}

/* What succeeds leaves errno alone. */
static void *
show_errno(void *unused)
{
	struct sigaction act = { .sa_handler = on_signal };
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	errno = 33;
	free(malloc(100));
	printf("errno %d\n", errno);
	fd = signalfd(-1, &set, 0);
	printf("errno %d\n", errno);
	close(fd);
	sigaction(SIGWINCH, &act, NULL);
	signal(SIGWINCH, SIG_DFL);
	dlclose(dlopen(NULL, RTLD_NOW));
	prctl(PR_GET_NAME, (char[16]){ 0 });
	syscall(SYS_getpid);
	unshare(0);
	printf("errno %d\n", errno);
	return unused;
}

int
main(void)
{
	pthread_t thread;

	/* Nothing of before main is left in it. */
	printf("errno %d\n", errno);
	show_errno(NULL);
	show_signals();
	show_descriptors();
	show_loader();
	show_children();
	show_own_handlers();
	errno = 34;
	pthread_create(&thread, NULL, show_errno, NULL);
	pthread_join(thread, NULL);
	printf("errno %d\n", errno);
	return 0;
}
