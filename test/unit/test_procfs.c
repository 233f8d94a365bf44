/* What /proc says, and what hostile names make of it. */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../companion/procfs_names.h"
#include "../../companion/procfs_usage.h"

/* Fields 4 to 22; ppid is 41, num_threads 3, start time 777. */
#define REST " 41 5 6 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 3 0 777 1 2 3\n"

static void
name_may_look_like_fields(void **state)
{
	static const char *const texts[] = {
		"9 (sh) S" REST,   "9 (a b) S" REST, "9 (x) R 1 2 3) S" REST,
		"9 (()))) S" REST, "9 (\n) S" REST,  "9 () S" REST,
	};
	struct procfs_stat stat;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		memset(&stat, 0, sizeof(stat));
		assert_int_equal(procfs_parse_stat(texts[i], &stat), 0);
		assert_int_equal(stat.state, 'S');
		assert_int_equal(stat.ppid, 41);
		assert_int_equal(stat.threads, 3);
		assert_int_equal(stat.start_ticks, 777);
	}
}

static void
short_stat_is_refused(void **state)
{
	static const char whole[] = "9 (sh) S 41 5 6 0 -1 4194304 1 2 3 4 5 6 "
				    "7 8 20 0 3 0 777";
	char text[sizeof(whole)];
	struct procfs_stat stat;
	size_t bytes;

	(void)state;
	for (bytes = 0; bytes < strlen(whole) - 3; bytes++) {
		memcpy(text, whole, bytes);
		text[bytes] = '\0';
		assert_int_equal(procfs_parse_stat(text, &stat), -1);
		assert_int_equal(errno, EPROTO);
	}
	assert_int_equal(procfs_parse_stat(whole, &stat), 0);
}

#define STATUS(nspid)                                                          \
	"Name:\tPid:\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t12\n"         \
	"Pid:\t13\nUid:\t1\t2\t3\t4\n" nspid                                   \
	"SigPnd:\t0000000000000000\nSigBlk:\t0000000000000800\n"               \
	"SigIgn:\t0000000000000001\nSigCgt:\tfffffffe00000000\n"

static void
status_is_parsed(void **state)
{
	struct procfs_status status;

	(void)state;
	assert_int_equal(procfs_parse_status(STATUS("NSpid:\t13\n"), &status),
			 0);
	assert_int_equal(status.state, 'S');
	assert_int_equal(status.tgid, 12);
	assert_int_equal(status.real_uid, 1);
	assert_int_equal(status.effective_uid, 2);
	assert_int_equal(status.saved_uid, 3);
	assert_int_equal(status.own_pid, 13);
	assert_int_equal(status.pid_depth, 1);
	assert_true(status.blocked == 0x800);
	assert_true(status.caught == 0xfffffffe00000000);
}

static void
own_pid_is_the_innermost(void **state)
{
	struct procfs_status status;

	(void)state;
	assert_int_equal(
		procfs_parse_status(STATUS("NSpid:\t13\t70\t1\n"), &status), 0);
	assert_int_equal(status.own_pid, 1);
	assert_int_equal(status.pid_depth, 3);
	/* A kernel without namespaces. */
	assert_int_equal(procfs_parse_status(STATUS(""), &status), 0);
	assert_int_equal(status.own_pid, 13);
	assert_int_equal(status.pid_depth, 1);
}

static void
status_without_a_key_is_refused(void **state)
{
	struct procfs_status status;

	(void)state;
	assert_int_equal(procfs_parse_status("", &status), -1);
	assert_int_equal(procfs_parse_status("Tgid:\t1\nPid:\t1\n", &status),
			 -1);
	assert_int_equal(errno, EPROTO);
}

static void
uid_map_is_read_inside_out(void **state)
{
	static const char map[] = "         0       1000          1\n"
				  "         1     100000      65536\n";
	uid_t inside = 0;

	(void)state;
	assert_true(procfs_parse_uid_map(map, 1000, &inside));
	assert_int_equal(inside, 0);
	assert_true(procfs_parse_uid_map(map, 100032, &inside));
	assert_int_equal(inside, 33);
	assert_false(procfs_parse_uid_map(map, 1001, &inside));
	assert_false(procfs_parse_uid_map(map, 165536, &inside));
	assert_false(procfs_parse_uid_map("", 0, &inside));
}

static void
we_see_ourselves(void **state)
{
	struct procfs_status status;
	struct procfs_stat stat;
	struct procfs proc;

	(void)state;
	signal(SIGUSR1, SIG_DFL);
	assert_int_equal(procfs_open(&proc, getpid()), 0);
	assert_int_equal(procfs_stat(&proc, &stat), 0);
	assert_int_equal(stat.ppid, getppid());
	assert_int_equal(stat.state, 'R');
	assert_true(stat.start_ticks > 0);
	assert_int_equal(procfs_status(&proc, 0, &status), 0);
	assert_int_equal(status.tgid, getpid());
	assert_int_equal(status.effective_uid, geteuid());
	assert_int_equal(status.caught & 1ull << (SIGUSR1 - 1), 0);
	assert_int_equal(procfs_maps(&proc, "libcmocka.so"), 0);
	assert_int_equal(procfs_maps(&proc, "libc.so.6"), 1);
	assert_false(procfs_other_root(&proc));
	procfs_close(&proc);
}

static int
count_thread(pid_t tid, void *arg)
{
	unsigned int *count = arg;

	(void)tid;
	(*count)++;
	return 0;
}

static void
ended_process_is_never_another(void **state)
{
	struct procfs_status status;
	struct procfs_stat stat;
	struct procfs proc;
	unsigned int count = 0;
	uint64_t inode;
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	assert_int_equal(procfs_open(&proc, pid), 0);
	assert_int_equal(procfs_stat(&proc, &stat), 0);
	assert_false(procfs_is_zombie(&stat));
	assert_int_equal(procfs_each_thread(&proc, count_thread, &count), 0);
	assert_int_equal(count, 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(procfs_stat(&proc, &stat), -1);
	assert_int_equal(errno, ESRCH);
	assert_int_equal(procfs_status(&proc, 0, &status), -1);
	assert_int_equal(errno, ESRCH);
	assert_int_equal(procfs_namespace(&proc, "pid", &inode), -1);
	assert_int_equal(errno, ESRCH);
	assert_int_equal(procfs_maps(&proc, "libc.so.6"), -1);
	assert_int_equal(errno, ESRCH);
	procfs_close(&proc);
	assert_int_equal(procfs_open(&proc, pid), -1);
	assert_int_equal(errno, ESRCH);
}

/* --- a process whose main thread ends ------------------------------------- */

/* Of the child: ends its thread when a byte comes. */
static int byes[2][2];

static void *
live_until_told(void *as_bye)
{
	char byte;

	while (read(*(int *)as_bye, &byte, 1) != 1)
		;
	return NULL;
}

static void __attribute__((noreturn)) run_two_threads(int ready)
{
	pthread_t thread;
	int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(60);
	for (i = 0; i < 2; i++) {
		if (pthread_create(&thread, NULL, live_until_told,
				   &byes[i][0]) != 0)
			_exit(9);
	}
	if (write(ready, "", 1) != 1)
		_exit(9);
	live_until_told(&ready);
	pthread_exit(NULL);
}

static void
wait_for_threads(const struct procfs *proc, char state, uint64_t threads)
{
	const struct timespec pause = { 0, 1000000 };
	struct procfs_stat stat;
	int i;

	for (i = 0; i < 30000; i++) {
		assert_int_equal(procfs_stat(proc, &stat), 0);
		if (stat.state == state && stat.threads == threads)
			return;
		nanosleep(&pause, NULL);
	}
	fail_msg("state %c with %d threads", stat.state, (int)stat.threads);
}

static void
assert_seen_whole(const struct procfs *proc)
{
	struct procfs_usage usage;
	struct procfs_names names;
	char exe[PATH_MAX];
	uint64_t count;

	assert_int_equal(procfs_usage(proc, &usage), 0);
	assert_true(usage.has_memory);
	assert_true(usage.rss_bytes > 0);
	assert_int_equal(procfs_exe(proc, exe, NULL), 0);
	assert_int_equal(procfs_names(proc, &names), 0);
	assert_string_equal(names.exe, "test_procfs");
	assert_string_equal(names.argv0, "test_procfs");
	procfs_names_release(&names);
	assert_int_equal(procfs_maps(proc, "libc.so.6"), 1);
	assert_int_equal(procfs_descriptors(proc, &count), 0);
	assert_true(count > 0);
	assert_false(procfs_other_root(proc));
	assert_int_equal(procfs_namespace(proc, "mnt", &count), 0);
}

/* Its own directory has no memory any more, nor has the thread's that ends
 * next. */
static void
process_is_seen_whole_while_any_thread_lives(void **state)
{
	struct procfs proc;
	int ready[2];
	char byte;
	pid_t pid;
	int i;

	(void)state;
	/* Both directions, so that main reads where it wrote. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ready), 0);
	for (i = 0; i < 2; i++)
		assert_int_equal(pipe(byes[i]), 0);
	pid = fork();
	if (!pid)
		run_two_threads(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(procfs_open(&proc, pid), 0);
	assert_seen_whole(&proc);
	assert_int_equal(write(ready[0], "", 1), 1);
	wait_for_threads(&proc, 'Z', 3);
	assert_seen_whole(&proc);
	assert_int_equal(write(byes[0][1], "", 1), 1);
	wait_for_threads(&proc, 'Z', 2);
	assert_seen_whole(&proc);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	procfs_close(&proc);
	close(ready[0]);
	close(ready[1]);
	for (i = 0; i < 2; i++) {
		close(byes[i][0]);
		close(byes[i][1]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(name_may_look_like_fields),
		cmocka_unit_test(short_stat_is_refused),
		cmocka_unit_test(status_is_parsed),
		cmocka_unit_test(own_pid_is_the_innermost),
		cmocka_unit_test(status_without_a_key_is_refused),
		cmocka_unit_test(uid_map_is_read_inside_out),
		cmocka_unit_test(we_see_ourselves),
		cmocka_unit_test(ended_process_is_never_another),
		cmocka_unit_test(process_is_seen_whole_while_any_thread_lives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
