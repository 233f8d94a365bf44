/*
 * Programs that sandbox themselves after their start, with filters that kill
 * for what they don't need themselves. Under the shim they must live on, be
 * asked for snapshots, start and end threads, fork, and end, as plain. argv:
 * which list, and how it is installed. The .sh looks what there is to see.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What a plain run of work() asks for, of a program of one thread. */
static const int tight[] = {
	SYS_read,       SYS_write,          SYS_brk,        SYS_mmap,
	SYS_munmap,     SYS_mremap,         SYS_madvise,    SYS_mprotect,
	SYS_getpid,     SYS_gettid,         SYS_tgkill,     SYS_rt_sigreturn,
	SYS_futex,      SYS_rt_sigprocmask, SYS_exit_group, SYS_exit,
	SYS_newfstatat,
};
/* Not even who it is, nor signal masks. */
static const int tightest[] = {
	SYS_read, SYS_write,      SYS_brk,          SYS_mmap,       SYS_munmap,
	SYS_exit, SYS_exit_group, SYS_rt_sigreturn, SYS_newfstatat,
};
/* Kills for these alone. */
static const int open_only[] = { SYS_openat, SYS_open };
static const int clone_only[] = { SYS_clone };

static struct sock_filter code[64];
static struct sock_fprog filter = { 0, code };

static void
emit(struct sock_filter one)
{
	code[filter.len++] = one;
}

/* `listed` is answered for the numbers in the list, `others` for the rest. */
static void
build(const int *list, size_t count, unsigned listed, unsigned others)
{
	emit((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					  offsetof(struct seccomp_data, nr)));
	for (size_t i = 0; i < count; i++)
		emit((struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, (unsigned)list[i],
			(unsigned char)(count - i), 0));
	emit((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, others));
	emit((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, listed));
}

static void
choose(const char *name)
{
	const unsigned kill = SECCOMP_RET_KILL_PROCESS;
	const unsigned allow = SECCOMP_RET_ALLOW;

	if (strcmp(name, "tight") == 0)
		build(tight, COUNT(tight), allow, kill);
	else if (strcmp(name, "trap") == 0)
		build(tight, COUNT(tight), allow, SECCOMP_RET_TRAP);
	else if (strcmp(name, "errors") == 0)
		build(tight, COUNT(tight), allow, SECCOMP_RET_ERRNO | EPERM);
	else if (strcmp(name, "tightest") == 0)
		build(tightest, COUNT(tightest), allow, kill);
	else if (strcmp(name, "open") == 0)
		build(open_only, COUNT(open_only), kill, allow);
	else if (strcmp(name, "clone") == 0)
		build(clone_only, COUNT(clone_only), kill, allow);
	else
		exit(2);
}

static int
install(const char *how)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	if (strcmp(how, "prctl") == 0)
		return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
	if (strcmp(how, "tsync") == 0)
		return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
				    SECCOMP_FILTER_FLAG_TSYNC, &filter);
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter);
}

NOINLINE static void
keep_after(void)
{
	for (int i = 0; i < 1000; i++)
		use(malloc(1000));
}

static void
say(const char *text)
{
	if (write(1, text, strlen(text)) < 0)
		_exit(3);
}

/* raise() asks more of the kernel than a filter may allow. */
static void
work(const char *ask)
{
	void *some[100];

	for (int i = 0; i < 20000; i++) {
		if (i >= 100)
			free(some[i % 100]);
		some[i % 100] = malloc((size_t)i);
	}
	for (int i = 0; i < 100; i++)
		free(some[i]);
	keep_after();
	if (*ask != '\0')
		raise(SIGUSR2);
	free(malloc(1 << 20));
	say("worked\n");
}

static void *
wait_for_ever(void *unused)
{
	for (;;)
		pause();
	return unused;
}

int
main(int argc, char **argv)
{
	const char *ask = argc > 4 ? argv[4] : "";
	pthread_t thread;

	if (argc < 4)
		return 2;
	free(use(malloc(10))); /* the first asks the kernel for more */
	choose(argv[1]);
	if (strcmp(argv[3], "threads") == 0)
		pthread_create(&thread, NULL, wait_for_ever, NULL);
	/* One that the kernel refuses is none. */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) == 0 ||
	    errno != EFAULT)
		say("a filter of nothing was not refused\n");
	if (install(argv[2]) != 0) {
		puts("no filter can be installed");
		return 77;
	}
	work(ask);
	/* The helper's file, which nobody forbade it. */
	while (argc > 5 && access(argv[5], F_OK) != 0)
		usleep(1000);
	if (strcmp(argv[3], "fork") == 0) {
		pid_t pid = fork();
		int status = 0;

		if (pid == 0) {
			work("");
			exit(9);
		}
		waitpid(pid, &status, 0);
		say(WIFEXITED(status) && WEXITSTATUS(status) == 9 ? "child\n"
								  : "no\n");
	}
	return 5;
}
