/* Finding a process and ringing for it, against processes that only pretend
 * to be tracked. */
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../companion/bell.h"
#include "../../companion/target.h"
#include "fake_target.h"

static struct fake_target fake;

/* As a verb does it: the text of what went wrong, or "". */
static const char *
ask(const struct fake_behaviour *behaviour, enum err_code code)
{
	static struct err err;
	/* Where an answer is expected, a busy machine may take its time. */
	unsigned int timeout_s = behaviour->answer == FAKE_SILENT ? 1 : 30;
	struct target target;
	int result;

	fake_target_start(&fake, behaviour);
	assert_int_equal(target_open(&target, fake.pid, &err), 0);
	result = target_require(&target, &err);
	if (!result)
		result = bell_check(&target, LKS_BELL_SNAPSHOT, &err);
	if (!result)
		result = bell_ask(&target, LKS_BELL_SNAPSHOT, timeout_s, &err);
	if (result)
		assert_int_equal(err.code, code);
	else
		assert_string_equal(target.status.snapshot, "/tmp/a%b.snap");
	target_close(&target);
	fake_target_stop(&fake);
	return result ? err.text : "";
}

static void
assert_refused(const struct fake_behaviour *behaviour, enum err_code code,
	       const char *part)
{
	const char *text = ask(behaviour, code);

	if (!strstr(text, part))
		fail_msg("'%s' does not say '%s'", text, part);
}

static void
is_answered(void **state)
{
	struct fake_behaviour behaviour = { .answer = FAKE_ANSWER };

	(void)state;
	assert_string_equal(ask(&behaviour, ERR_NONE), "");
}

static void
helper_answers_where_main_blocks(void **state)
{
	struct fake_behaviour behaviour = { .helper = true };

	(void)state;
	assert_string_equal(ask(&behaviour, ERR_NONE), "");
}

/* Its /proc/PID says it is a zombie. */
static void
process_without_its_main_thread_answers(void **state)
{
	struct fake_behaviour behaviour = { .main_exits = true };

	(void)state;
	assert_string_equal(ask(&behaviour, ERR_NONE), "");
}

static bool
can_contain(void)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0);
	waitpid(pid, &status, 0);
	return status == 0;
}

static void
contained_process_answers(void **state)
{
	struct fake_behaviour behaviour = { .contained = true };
	struct target target;
	struct err err;
	char *path;

	(void)state;
	if (!can_contain()) {
		print_message("user namespaces are not allowed here\n");
		skip();
	}
	fake_target_start(&fake, &behaviour);
	assert_int_equal(target_open(&target, fake.pid, &err), 0);
	assert_int_equal(target_require(&target, &err), 0);
	assert_int_equal(bell_ask(&target, LKS_BELL_SNAPSHOT, 30, &err), 0);
	path = target_path(&target, target.status.snapshot);
	assert_int_equal(strncmp(path, "/proc/", 6), 0);
	assert_non_null(strstr(path, "/root/tmp/a%b.snap"));
	free(path);
	target_close(&target);
	fake_target_stop(&fake);
}

static void
silence_times_out(void **state)
{
	struct fake_behaviour behaviour = { .answer = FAKE_SILENT };

	(void)state;
	assert_refused(&behaviour, ERR_STEP, "did not answer within 1 s");
}

static void
stopped_process_is_named_so(void **state)
{
	struct fake_behaviour behaviour = { .answer = FAKE_ANSWER };
	struct target target;
	struct err err;

	(void)state;
	fake_target_start(&fake, &behaviour);
	kill(fake.pid, SIGSTOP);
	waitpid(fake.pid, NULL, WUNTRACED);
	assert_int_equal(target_open(&target, fake.pid, &err), 0);
	assert_int_equal(target_require(&target, &err), 0);
	assert_int_equal(bell_check(&target, LKS_BELL_SNAPSHOT, &err), 0);
	assert_int_equal(bell_ask(&target, LKS_BELL_SNAPSHOT, 1, &err), -1);
	assert_non_null(strstr(err.text, "it is stopped"));
	target_close(&target);
	fake_target_stop(&fake);
}

static void
death_is_not_a_time_out(void **state)
{
	struct fake_behaviour behaviour = { .answer = FAKE_DIE };

	(void)state;
	assert_refused(&behaviour, ERR_TARGET, "ended before it answered");
}

static void
another_program_is_no_time_out(void **state)
{
	struct fake_behaviour behaviour = { .answer = FAKE_EXEC };

	(void)state;
	assert_refused(&behaviour, ERR_TARGET, "executed another program");
	/* The one who was rung ends with the program. */
	behaviour.helper = true;
	assert_refused(&behaviour, ERR_TARGET, "executed another program");
}

/* As between an exec and the new program's handlers: the signal would kill
 * it. */
static void
bell_of_a_helper_that_has_gone_is_not_rung(void **state)
{
	/* Above any pid that there is (PID_MAX_LIMIT). */
	struct fake_behaviour behaviour = {
		.extra = "helper=4194305\n",
		.answer = FAKE_DIE,
	};

	(void)state;
	assert_refused(&behaviour, ERR_TARGET, "executed another program");
}

static void
no_bell_is_refused_with_the_reason(void **state)
{
	struct fake_behaviour behaviour = {
		.no_bell = true,
		.extra = "bell_note=taken by the program\n",
	};

	(void)state;
	assert_refused(&behaviour, ERR_TARGET,
		       "no bell in force: taken by the program");
}

/* The signal would kill it: that it survives is what is tested. */
static void
bell_without_handler_is_not_rung(void **state)
{
	struct fake_behaviour behaviour = { .no_handler = true };

	(void)state;
	assert_refused(&behaviour, ERR_TARGET, "does not handle");
}

/* As of a program that was executed while we looked. */
static void
bell_is_rung_once_it_has_its_handler(void **state)
{
	struct fake_behaviour behaviour = { .late_handler = true };

	(void)state;
	assert_string_equal(ask(&behaviour, ERR_NONE), "");
}

static void
blocked_bell_is_not_rung(void **state)
{
	struct fake_behaviour behaviour = { .blocked = true };

	(void)state;
	assert_refused(&behaviour, ERR_TARGET, "every thread");
}

static void
off_is_refused_with_the_reason(void **state)
{
	struct fake_behaviour behaviour = {
		.state = "off",
		.extra = "reason=table is broken\n",
	};

	(void)state;
	assert_refused(&behaviour, ERR_TARGET, "is off: table is broken");
}

static void
dormant_is_told_how_to_start(void **state)
{
	struct fake_behaviour behaviour = {
		.state = "dormant",
		.extra = "signal=12\n",
	};

	(void)state;
	assert_refused(&behaviour, ERR_TARGET, "start it with leakshim start");
	behaviour.no_bell = true;
	assert_refused(&behaviour, ERR_TARGET, "start it with kill -USR2");
}

static void
absurd_bell_is_not_rung(void **state)
{
	struct fake_behaviour behaviour = { .extra = "bell=4000000000\n" };

	(void)state;
	assert_refused(&behaviour, ERR_TARGET, "is no signal");
}

static void
failed_write_is_in_the_answer(void **state)
{
	struct fake_behaviour behaviour = { .answer = FAKE_FAIL };
	struct target target;
	struct err err;

	(void)state;
	fake_target_start(&fake, &behaviour);
	assert_int_equal(target_open(&target, fake.pid, &err), 0);
	assert_int_equal(target_require(&target, &err), 0);
	assert_int_equal(bell_ask(&target, LKS_BELL_SNAPSHOT, 30, &err), 0);
	assert_string_equal(target.status.error, "no space left on device");
	target_close(&target);
	fake_target_stop(&fake);
}

static void
file_of_a_dead_namesake_is_removed(void **state)
{
	struct fake_behaviour behaviour = { .wrong_start = true };
	struct target target;
	struct stat st;
	struct err err;

	(void)state;
	fake_target_start(&fake, &behaviour);
	assert_int_equal(stat(fake.file, &st), 0);
	assert_int_equal(target_open(&target, fake.pid, &err), 0);
	assert_int_equal(target_find(&target, &err), 0);
	assert_int_equal(stat(fake.file, &st), -1);
	target_close(&target);
	fake_target_stop(&fake);
}

static void
file_of_an_ended_process_is_removed(void **state)
{
	struct fake_behaviour behaviour = { .answer = FAKE_ANSWER };
	struct target target;
	struct stat st;
	struct err err;

	(void)state;
	fake_target_start(&fake, &behaviour);
	kill(fake.pid, SIGKILL);
	waitpid(fake.pid, NULL, 0);
	assert_int_equal(stat(fake.file, &st), 0);
	assert_int_equal(target_open(&target, fake.pid, &err), -1);
	assert_int_equal(err.code, ERR_TARGET);
	assert_non_null(strstr(err.text, "no such process"));
	assert_int_equal(stat(fake.file, &st), -1);
}

static void
zombie_has_ended(void **state)
{
	struct target target;
	struct err err;
	siginfo_t info;
	pid_t pid = fork();

	(void)state;
	if (!pid)
		_exit(0);
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	assert_int_equal(target_open(&target, pid, &err), -1);
	assert_non_null(strstr(err.text, "has ended"));
	waitpid(pid, NULL, 0);
}

/* Its paths are taken as they are. */
static void
path_of_a_process_without_status_is_its_own(void **state)
{
	struct target target;
	struct err err;
	char *path;

	(void)state;
	assert_int_equal(target_open(&target, getpid(), &err), 0);
	path = target_path(&target, "/a/b");
	assert_string_equal(path, "/a/b");
	free(path);
	target_close(&target);
}

static void
untracked_process_is_named_so(void **state)
{
	struct target target;
	struct err err;

	(void)state;
	assert_int_equal(target_open(&target, getpid(), &err), 0);
	assert_int_equal(target_require(&target, &err), -1);
	assert_int_equal(err.code, ERR_TARGET);
	assert_non_null(strstr(err.text, "not loaded in it"));
	target_close(&target);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_answered),
		cmocka_unit_test(helper_answers_where_main_blocks),
		cmocka_unit_test(process_without_its_main_thread_answers),
		cmocka_unit_test(contained_process_answers),
		cmocka_unit_test(silence_times_out),
		cmocka_unit_test(stopped_process_is_named_so),
		cmocka_unit_test(death_is_not_a_time_out),
		cmocka_unit_test(another_program_is_no_time_out),
		cmocka_unit_test(bell_of_a_helper_that_has_gone_is_not_rung),
		cmocka_unit_test(no_bell_is_refused_with_the_reason),
		cmocka_unit_test(bell_without_handler_is_not_rung),
		cmocka_unit_test(bell_is_rung_once_it_has_its_handler),
		cmocka_unit_test(blocked_bell_is_not_rung),
		cmocka_unit_test(off_is_refused_with_the_reason),
		cmocka_unit_test(dormant_is_told_how_to_start),
		cmocka_unit_test(absurd_bell_is_not_rung),
		cmocka_unit_test(failed_write_is_in_the_answer),
		cmocka_unit_test(file_of_a_dead_namesake_is_removed),
		cmocka_unit_test(file_of_an_ended_process_is_removed),
		cmocka_unit_test(zombie_has_ended),
		cmocka_unit_test(path_of_a_process_without_status_is_its_own),
		cmocka_unit_test(untracked_process_is_named_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
