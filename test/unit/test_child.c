/* A program that we wait for: its end, and what is sent meanwhile. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../companion/child.h"

#define LONG_NS 20000000000ull

static int
run_exit(void *arg)
{
	return *(int *)arg;
}

static int
run_pause(void *arg)
{
	(void)arg;
	while (pause() < 0)
		;
	return 1;
}

static void
start(struct child *child, int (*run)(void *arg), void *arg)
{
	struct err err;

	assert_int_equal(child_start(child, run, arg, &err), 0);
}

/* kill(2) takes -1 for every process there is. */
static void
send(const struct child *child, int signal)
{
	assert_true(child->pid > 1);
	assert_int_equal(kill(child->pid, signal), 0);
}

static void
assert_ended(struct child *child)
{
	int signal = 0;

	assert_int_equal(child_wait(child, LONG_NS, &signal), CHILD_ENDED);
}

static void
its_exit_status_is_ours(void **state)
{
	struct child child;
	int status;

	(void)state;
	for (status = 0; status < 256; status += 51) {
		start(&child, run_exit, &status);
		assert_ended(&child);
		assert_int_equal(child_pass_on(&child), status);
	}
}

/* Even where the kernel was told to wait for children by itself. */
static void
ignored_sigchld_loses_no_status(void **state)
{
	struct child child;
	int status = 42;

	(void)state;
	signal(SIGCHLD, SIG_IGN);
	start(&child, run_exit, &status);
	assert_ended(&child);
	assert_int_equal(child_pass_on(&child), 42);
	assert_ptr_equal(signal(SIGCHLD, SIG_DFL), SIG_IGN);
}

static void
what_is_sent_to_us_is_told(void **state)
{
	static const int numbers[] = { SIGHUP,  SIGINT,  SIGQUIT,
				       SIGTERM, SIGUSR1, SIGUSR2 };
	struct child child;
	int got = 0;
	size_t i;

	(void)state;
	start(&child, run_pause, NULL);
	assert_int_equal(child_wait(&child, 0, &got), CHILD_TIME);
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		kill(getpid(), numbers[i]);
		assert_int_equal(child_wait(&child, LONG_NS, &got),
				 CHILD_SIGNAL);
		assert_int_equal(got, numbers[i]);
	}
	send(&child, SIGKILL);
	assert_ended(&child);
	assert_int_equal(WTERMSIG(child.status), SIGKILL);
}

/* As under nohup(1). */
static void
ignored_signal_stays_ignored(void **state)
{
	struct child child;
	int got = 0;

	(void)state;
	signal(SIGHUP, SIG_IGN);
	start(&child, run_pause, NULL);
	kill(getpid(), SIGHUP);
	assert_int_equal(child_wait(&child, 100000000, &got), CHILD_TIME);
	send(&child, SIGHUP);
	assert_int_equal(child_wait(&child, 100000000, &got), CHILD_TIME);
	send(&child, SIGKILL);
	assert_ended(&child);
	signal(SIGHUP, SIG_DFL);
}

/* A terminal's interrupt that ended the child is still ours to take. */
static void
what_came_before_the_end_ends_nothing_after_it(void **state)
{
	struct child child;
	siginfo_t info;
	int status = 5;

	(void)state;
	start(&child, run_exit, &status);
	assert_int_equal(
		waitid(P_PID, (id_t)child.pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(kill(getpid(), SIGINT), 0);
	assert_ended(&child);
	assert_int_equal(child_pass_on(&child), 5);
}

static void
mask_is_as_it_was(void **state)
{
	sigset_t before, after;
	struct child child;
	int status = 0;

	(void)state;
	sigemptyset(&before);
	sigaddset(&before, SIGUSR1);
	sigprocmask(SIG_SETMASK, &before, NULL);
	start(&child, run_exit, &status);
	assert_ended(&child);
	sigprocmask(SIG_SETMASK, NULL, &after);
	assert_true(sigismember(&after, SIGUSR1));
	assert_false(sigismember(&after, SIGTERM));
	assert_false(sigismember(&after, SIGCHLD));
	sigemptyset(&before);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

static void
take(int signal)
{
	(void)signal;
}

static int
run_handler(void *arg)
{
	signal(SIGTERM, take);
	signal(SIGUSR1, SIG_DFL);
	if (write(*(int *)arg, "", 1) != 1)
		return 1;
	return run_pause(NULL);
}

static void
who_handles_a_signal_does_not_die_of_it(void **state)
{
	struct child child;
	int ready[2];
	char byte;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	start(&child, run_handler, &ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_false(child_dies_of(&child, SIGTERM));
	assert_true(child_dies_of(&child, SIGUSR1));
	send(&child, SIGKILL);
	assert_ended(&child);
	close(ready[0]);
	close(ready[1]);
}

/* In a process of its own, as it ends. */
static void
what_killed_it_kills_us(void **state)
{
	static const int numbers[] = { SIGTERM, SIGKILL, SIGABRT, SIGINT };
	const struct rlimit none = { 0, 0 };
	struct child child;
	int status;
	size_t i;
	pid_t pid;

	(void)state;
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		pid = fork();
		if (!pid) {
			setrlimit(RLIMIT_CORE, &none);
			start(&child, run_pause, NULL);
			send(&child, numbers[i]);
			assert_ended(&child);
			_exit(child_pass_on(&child));
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), numbers[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_exit_status_is_ours),
		cmocka_unit_test(ignored_sigchld_loses_no_status),
		cmocka_unit_test(what_is_sent_to_us_is_told),
		cmocka_unit_test(ignored_signal_stays_ignored),
		cmocka_unit_test(
			what_came_before_the_end_ends_nothing_after_it),
		cmocka_unit_test(mask_is_as_it_was),
		cmocka_unit_test(who_handles_a_signal_does_not_die_of_it),
		cmocka_unit_test(what_killed_it_kills_us),
	};

	return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}
