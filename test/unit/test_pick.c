/* Which processes a word means. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../companion/pick.h"
#include "../../companion/procfs_names.h"

/* No other program has these names. At most 15 bytes, as comm holds. */
static char comm[16];
static char argv0[32];
static char exe[32]; /* longer than comm */

static char directory[] = "/tmp/lks-pick-XXXXXX";
static char program[64];

static void
copy_sleep(void)
{
	char command[128];

	snprintf(command, sizeof(command), "cp \"$(command -v sleep)\" %s",
		 program);
	assert_int_equal(system(command), 0);
}

static int
set_up(void **state)
{
	int own = (int)getpid();

	(void)state;
	snprintf(comm, sizeof(comm), "pc-%d", own);
	snprintf(argv0, sizeof(argv0), "pick-argv0-%d", own);
	snprintf(exe, sizeof(exe), "pick-executable-%d", own);
	if (!mkdtemp(directory))
		return -1;
	snprintf(program, sizeof(program), "%s/%s", directory, exe);
	copy_sleep();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	unlink(program);
	return rmdir(directory);
}

static void
end(pid_t pid)
{
	/* kill(2) takes -1 for every process there is. */
	assert_true(pid > 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* A child that says when it is ready and then waits. `run` in it, if it is
 * there, must make itself known by closing `ready`, as exec does. */
static pid_t
start(void (*run)(void))
{
	int ready[2];
	pid_t pid;
	char byte;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		close(ready[0]);
		run();
		close(ready[1]);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 0);
	close(ready[0]);
	return pid;
}

static void
run_comm(void)
{
	prctl(PR_SET_NAME, comm);
}

static void
run_program(void)
{
	char path[64], minute[] = "60";
	char *arguments[] = { path, minute, NULL };

	snprintf(path, sizeof(path), "/not/there/%s", argv0);
	execv(program, arguments);
	_exit(127);
}

static void
assert_picked(const char *word, pid_t pid)
{
	struct pick pick;
	struct err err = { .text = "" };

	if (pick_processes(&pick, word, &err) < 0)
		fail_msg("'%s' means nobody: %s", word, err.text);
	assert_int_equal(pick.count, 1);
	assert_int_equal(pick.pids[0], pid);
	pick_release(&pick);
}

static void
assert_nobody(const char *word, const char *why)
{
	struct pick pick;
	struct err err = { .text = "" };

	assert_int_equal(pick_processes(&pick, word, &err), -1);
	assert_int_equal(err.code, ERR_TARGET);
	assert_string_equal(err.text, why);
}

static void
digits_are_a_pid_whether_it_is_there_or_not(void **state)
{
	(void)state;
	assert_picked("1", 1);
	assert_picked("2147483647", 2147483647);
	assert_picked("007", 7);
	assert_nobody("0", "'0' is not a PID");
	assert_nobody("2147483648", "'2147483648' is not a PID");
	assert_nobody("99999999999999999999999",
		      "'99999999999999999999999' is not a PID");
}

static void
word_that_nobody_has_is_told(void **state)
{
	(void)state;
	assert_nobody("", "no process is called ''");
	assert_nobody("-1", "no process is called '-1'");
	assert_nobody("pick-\n-nobody", "no process is called "
					"'pick-\\n-nobody'");
}

static void
process_is_picked_by_each_of_its_names(void **state)
{
	char cut[16] = "";
	pid_t pid = start(run_program);

	(void)state;
	memcpy(cut, exe, sizeof(cut) - 1);
	assert_picked(exe, pid);
	assert_picked(argv0, pid);
	assert_picked(cut, pid); /* comm */
	end(pid);
}

static void
part_of_a_name_picks_nobody(void **state)
{
	pid_t pid = start(run_program);
	struct pick pick;
	struct err err;
	char word[64];

	(void)state;
	snprintf(word, sizeof(word), "%.*s", (int)strlen(exe) - 1, exe);
	assert_int_equal(pick_processes(&pick, word, &err), -1);
	snprintf(word, sizeof(word), "%sx", exe);
	assert_int_equal(pick_processes(&pick, word, &err), -1);
	assert_int_equal(pick_processes(&pick, argv0 + 1, &err), -1);
	end(pid);
}

static void
program_that_was_replaced_keeps_its_name(void **state)
{
	pid_t pid = start(run_program);

	(void)state;
	assert_int_equal(unlink(program), 0);
	assert_picked(exe, pid);
	end(pid);
	copy_sleep();
}

static void
all_of_a_name_are_picked_in_order(void **state)
{
	pid_t pids[3];
	struct pick pick;
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++)
		pids[i] = start(run_comm);
	assert_int_equal(pick_processes(&pick, comm, &err), 0);
	assert_int_equal(pick.count, 3);
	for (i = 0; i < 3; i++) {
		bool found = pick.pids[0] == pids[i] ||
			     pick.pids[1] == pids[i] || pick.pids[2] == pids[i];

		assert_true(found);
		assert_true(!i || pick.pids[i - 1] < pick.pids[i]);
	}
	pick_release(&pick);
	for (i = 0; i < 3; i++)
		end(pids[i]);
}

static void
zombie_is_not_meant(void **state)
{
	pid_t pid = start(run_comm);
	siginfo_t info;
	char why[64];

	(void)state;
	assert_picked(comm, pid);
	kill(pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(kill(pid, 0), 0);
	snprintf(why, sizeof(why), "no process is called '%s'", comm);
	assert_nobody(comm, why);
	end(pid);
}

static void
caller_is_not_meant(void **state)
{
	char old[16];
	struct pick pick;
	struct err err;

	(void)state;
	prctl(PR_GET_NAME, old);
	prctl(PR_SET_NAME, comm);
	assert_int_equal(pick_processes(&pick, comm, &err), -1);
	prctl(PR_SET_NAME, old);
}

static void
thread_of_the_kernel_is_no_program(void **state)
{
	struct procfs_names names = { .kernel = true };
	struct procfs proc;

	(void)state;
	/* Where kernel threads are visible, the second process is one. */
	if (procfs_open(&proc, 2) < 0)
		skip();
	assert_int_equal(procfs_names(&proc, &names), 0);
	if (strcmp(names.comm, "kthreadd") != 0) {
		procfs_names_release(&names);
		procfs_close(&proc);
		print_message("no kernel thread to be seen here\n");
		skip();
	}
	assert_true(names.kernel);
	procfs_names_release(&names);
	procfs_close(&proc);
	assert_nobody("kthreadd", "no process is called 'kthreadd'");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digits_are_a_pid_whether_it_is_there_or_not),
		cmocka_unit_test(word_that_nobody_has_is_told),
		cmocka_unit_test(process_is_picked_by_each_of_its_names),
		cmocka_unit_test(part_of_a_name_picks_nobody),
		cmocka_unit_test(program_that_was_replaced_keeps_its_name),
		cmocka_unit_test(all_of_a_name_are_picked_in_order),
		cmocka_unit_test(zombie_is_not_meant),
		cmocka_unit_test(caller_is_not_meant),
		cmocka_unit_test(thread_of_the_kernel_is_no_program),
	};

	return cmocka_run_group_tests_name("pick", tests, set_up, tear_down);
}
