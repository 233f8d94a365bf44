#include "fake_target.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../companion/procfs.h"
#include "../../proto/status.h"

/* Of the child. */
static const struct fake_behaviour *behaviour;
static char file[128];
static int rung[2]; /* a pipe of bell words */
static pid_t helper;

int
fake_target_bell(void)
{
	return SIGRTMIN + 7;
}

static void
on_bell(int number, siginfo_t *info, void *context)
{
	uint64_t word = (uint64_t)(uintptr_t)info->si_value.sival_ptr;

	(void)number;
	(void)context;
	if (write(rung[1], &word, sizeof(word)) < 0)
		_exit(9);
}

static uint64_t
pid_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) < 0 ? 0 : st.st_ino;
}

static void
write_status(uint32_t token)
{
	struct procfs_stat stat;
	struct procfs proc;
	struct timespec now;
	char temporary[160];
	FILE *out;

	if (procfs_open(&proc, getpid()) < 0 || procfs_stat(&proc, &stat) < 0)
		_exit(9);
	procfs_close(&proc);
	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(temporary, sizeof(temporary), "%s.new", file);
	out = fopen(temporary, "w");
	if (!out)
		_exit(9);
	fchmod(fileno(out), 0600);
	fprintf(out,
		LKS_STATUS_MAGIC "\n"
				 "pid=%d\n"
				 "start_ticks=%" PRIu64 "\n"
				 "state=%s\n"
				 "bell=%d\n"
				 "helper=%d\n"
				 "token=%u\n"
				 "updated_ns=%lld\n"
				 "live_bytes=12345\n",
		(int)getpid(), stat.start_ticks - behaviour->wrong_start,
		behaviour->state ? behaviour->state : "on",
		behaviour->no_bell ? 0 : fake_target_bell(), (int)helper, token,
		(long long)now.tv_sec * 1000000000 + now.tv_nsec);
	if (token && behaviour->answer == FAKE_FAIL)
		fputs("error=no space left on device\n", out);
	else if (token)
		fputs("sequence=1\nsnapshot=/tmp/a%25b.snap\n", out);
	if (behaviour->extra)
		fputs(behaviour->extra, out);
	if (fclose(out) || rename(temporary, file) < 0)
		_exit(9);
}

static void
serve(void)
{
	uint64_t word;

	for (;;) {
		if (read(rung[0], &word, sizeof(word)) < 0) {
			if (errno == EINTR)
				continue;
			_exit(9);
		}
		if (word >> 32 != LKS_BELL_MAGIC)
			_exit(9);
		if (behaviour->answer == FAKE_DIE)
			_exit(0);
		if (behaviour->answer == FAKE_EXEC) {
			execl("/bin/sleep", "sleep", "60", NULL);
			_exit(9);
		}
		if (behaviour->answer != FAKE_SILENT)
			write_status((uint32_t)(word & 0xffffff));
	}
}

static void
block_bell(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, fake_target_bell());
	pthread_sigmask(how, &set, NULL);
}

static void *
run_helper(void *ready)
{
	uint64_t word = 1;

	helper = (pid_t)syscall(SYS_gettid);
	block_bell(SIG_UNBLOCK);
	if (write(*(int *)ready, &word, sizeof(word)) < 0)
		_exit(9);
	for (;;)
		pause();
}

static void __attribute__((noreturn)) start_helper(int ready)
{
	uint64_t word;
	pthread_t thread;
	int pair[2];

	block_bell(SIG_BLOCK);
	if (pipe(pair) < 0 ||
	    pthread_create(&thread, NULL, run_helper, &pair[1]) != 0 ||
	    read(pair[0], &word, sizeof(word)) < 0)
		_exit(9);
	write_status(0);
	if (write(ready, "", 1) < 0)
		_exit(9);
	serve();
	_exit(9);
}

static void
write_proc(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	if (!out || fputs(text, out) < 0 || fclose(out))
		_exit(9);
}

static void
write_map(const char *path, unsigned int outside)
{
	char line[32];

	snprintf(line, sizeof(line), "0 %u 1\n", outside);
	write_proc(path, line);
}

/* What a rootless container is: root within, one user without, other files. */
static void
contain(void)
{
	static const char directory[] = "/tmp/leakshim-0";
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		_exit(9);
	write_map("/proc/self/uid_map", uid);
	write_proc("/proc/self/setgroups", "deny");
	write_map("/proc/self/gid_map", gid);
	if (mount("none", "/tmp", "tmpfs", 0, NULL) < 0 ||
	    mkdir(directory, 0700) < 0)
		_exit(9);
	snprintf(file, sizeof(file), "%s/%" PRIu64 "-%d", directory,
		 pid_namespace(), (int)getpid());
}

static void *
run_alone(void *unused)
{
	(void)unused;
	serve();
	return NULL;
}

static void __attribute__((noreturn)) run(int ready)
{
	struct sigaction action = { .sa_flags = SA_SIGINFO };
	pthread_t thread;

	alarm(60);
	if (behaviour->contained)
		contain();
	action.sa_sigaction = on_bell;
	if (pipe(rung) < 0)
		_exit(9);
	if (!behaviour->no_handler && !behaviour->late_handler)
		sigaction(fake_target_bell(), &action, NULL);
	if (behaviour->blocked)
		block_bell(SIG_BLOCK);
	if (behaviour->helper)
		start_helper(ready);
	write_status(0);
	if (behaviour->main_exits &&
	    pthread_create(&thread, NULL, run_alone, NULL) != 0)
		_exit(9);
	if (write(ready, "", 1) < 0)
		_exit(9);
	if (behaviour->late_handler) {
		nanosleep(&(struct timespec){ 0, 50000000 }, NULL);
		sigaction(fake_target_bell(), &action, NULL);
	}
	if (behaviour->main_exits) {
		/* No handler runs in a thread that is half gone. */
		block_bell(SIG_BLOCK);
		pthread_exit(NULL);
	}
	serve();
	_exit(9);
}

void
fake_target_start(struct fake_target *fake, const struct fake_behaviour *as)
{
	char directory[64], byte;
	int ready[2];

	snprintf(directory, sizeof(directory), "/tmp/leakshim-%u",
		 (unsigned int)geteuid());
	if (mkdir(directory, 0700) < 0)
		assert_int_equal(errno, EEXIST);
	assert_int_equal(pipe(ready), 0);
	fake->pid = fork();
	assert_true(fake->pid >= 0);
	snprintf(fake->file, sizeof(fake->file), "%s/%" PRIu64 "-%d", directory,
		 pid_namespace(), (int)(fake->pid ? fake->pid : getpid()));
	if (!fake->pid) {
		close(ready[0]);
		behaviour = as;
		memcpy(file, fake->file, sizeof(file));
		run(ready[1]);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
}

void
fake_target_stop(struct fake_target *fake)
{
	kill(fake->pid, SIGKILL);
	waitpid(fake->pid, NULL, 0);
	unlink(fake->file);
}
