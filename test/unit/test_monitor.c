/* When to look, what a process uses, and that it is still the same one. */
#include <errno.h>
#include <linux/sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../companion/monitor.h"
#include "../../companion/monitor_report.h"

#define S UINT64_C(1000000000)

/* --- the schedule --------------------------------------------------------------- */

static void
looks_do_not_drift(void **state)
{
	struct monitor_schedule schedule;
	uint64_t due, now = 7 * S;
	int i;

	(void)state;
	monitor_schedule_begin(&schedule, now, 2 * S);
	for (i = 1; i <= 1000; i++) {
		due = monitor_schedule_next(&schedule, now);
		assert_true(due == 7 * S + (uint64_t)i * 2 * S);
		/* Woken late, and the look takes its time. */
		now = due + S / 3;
	}
}

static void
looks_that_were_missed_are_left_out(void **state)
{
	struct monitor_schedule schedule;

	(void)state;
	monitor_schedule_begin(&schedule, 0, S);
	assert_true(monitor_schedule_next(&schedule, S / 2) == S);
	assert_true(monitor_schedule_next(&schedule, 7 * S + 1) == 8 * S);
	assert_true(monitor_schedule_next(&schedule, 8 * S) == 9 * S);
	/* Due at this very moment: it would be the same look. */
	assert_true(monitor_schedule_next(&schedule, 10 * S) == 11 * S);
}

static void
interval_widens_until_looking_fits(void **state)
{
	static const uint64_t costs[] = { S / 1000, S / 30, S / 10, S, 90 * S };
	struct monitor_schedule schedule;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(costs) / sizeof(costs[0]); i++) {
		monitor_schedule_begin(&schedule, 0, S);
		monitor_schedule_fit(&schedule, costs[i]);
		assert_true(costs[i] * 100 <=
			    schedule.stride * S * MONITOR_SCHEDULE_PERCENT);
		/* And no further than needed. */
		assert_true(schedule.stride == 1 ||
			    costs[i] * 100 >
				    (schedule.stride - 1) * S *
					    MONITOR_SCHEDULE_WALK_PERCENT);
	}
}

static void
interval_changes_only_when_it_must(void **state)
{
	struct monitor_schedule schedule;

	(void)state;
	monitor_schedule_begin(&schedule, 0, S);
	assert_false(monitor_schedule_fit(&schedule, S / 1000));
	assert_true(monitor_schedule_fit(&schedule, S * 3 / 10));
	assert_int_equal(schedule.stride, 10);
	assert_false(monitor_schedule_fit(&schedule, S / 4));
	assert_int_equal(schedule.stride, 10);
	assert_true(monitor_schedule_fit(&schedule, S / 1000));
	assert_int_equal(schedule.stride, 1);
	/* No cost overflows it. */
	monitor_schedule_fit(&schedule, UINT64_MAX);
	assert_true(schedule.stride > 1);
}

/* --- the parsers ---------------------------------------------------------------- */

#define STAT                                                                   \
	"9 (a) 1) S 41 5 6 0 -1 4194304 11 2 33 4 500 60 7 8 20 0 3 0 777 1\n"
#define STATUS                                                                  \
	"Name:\tx\nState:\tS (sleeping)\nVmHWM:\t 99 kB\nVmRSS:\t    1234 kB\n" \
	"RssAnon:\t 1 kB\nVmSwap:\t      56 kB\nThreads:\t3\n"

static void
usage_is_parsed(void **state)
{
	struct procfs_usage usage;

	(void)state;
	assert_int_equal(procfs_parse_usage(STAT, STATUS, &usage), 0);
	assert_int_equal(usage.state, 'S');
	assert_true(usage.has_memory);
	assert_true(usage.rss_bytes == 1234 * 1024);
	assert_true(usage.swap_bytes == 56 * 1024);
	assert_true(usage.minor_faults == 11 && usage.major_faults == 33);
	assert_true(usage.cpu_ticks == 560);
	assert_true(usage.threads == 3 && usage.start_ticks == 777);
	/* It is ending. */
	assert_int_equal(procfs_parse_usage(STAT, "Name:\tx\n", &usage), 0);
	assert_false(usage.has_memory);
	assert_true(usage.rss_bytes == 0);
}

static void
short_stat_is_no_usage(void **state)
{
	static const char whole[] = "9 (x) S 41 5 6 0 -1 4194304 1 2 3 4 5 6 "
				    "7 8 20 0 3 0 777";
	struct procfs_usage usage;
	char text[sizeof(whole)];
	size_t bytes;

	(void)state;
	for (bytes = 0; bytes < strlen(whole) - 3; bytes++) {
		memcpy(text, whole, bytes);
		text[bytes] = '\0';
		errno = 0;
		assert_int_equal(procfs_parse_usage(text, STATUS, &usage), -1);
		assert_int_equal(errno, EPROTO);
	}
	assert_int_equal(procfs_parse_usage(whole, STATUS, &usage), 0);
}

static void
open_descriptors_are_counted(void **state)
{
	uint64_t before, after;
	struct procfs proc;
	int fds[2];

	(void)state;
	assert_int_equal(procfs_open(&proc, getpid()), 0);
	assert_int_equal(procfs_descriptors(&proc, &before), 0);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(procfs_descriptors(&proc, &after), 0);
	assert_true(after == before + 2);
	close(fds[0]);
	close(fds[1]);
	procfs_close(&proc);
}

/* --- the process ---------------------------------------------------------------- */

/* A child that does nothing, with pid `wanted` if that is not 0; -1 with errno
 * if that can't be had. */
static pid_t
try_start(pid_t wanted)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = wanted ? (uintptr_t)&wanted : 0,
		.set_tid_size = wanted != 0,
	};
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0) {
		/* A test that fails leaves none behind. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

/* Until then its memory grows by the pages that it meets. */
static void
await_pause(pid_t pid)
{
	const struct timespec moment = { 0, 1000000 };
	struct procfs_stat stat = { .state = 'R' };
	struct procfs proc;
	int i;

	assert_int_equal(procfs_open(&proc, pid), 0);
	for (i = 0; i < 60000 && stat.state != 'S'; i++) {
		nanosleep(&moment, NULL);
		assert_int_equal(procfs_stat(&proc, &stat), 0);
	}
	procfs_close(&proc);
	assert_int_equal(stat.state, 'S');
}

static pid_t
start(void)
{
	pid_t pid = try_start(0);

	assert_true(pid > 1);
	await_pause(pid);
	return pid;
}

/* kill(2) takes -1 for every process there is: never without this check. */
static void
kill_child(pid_t pid)
{
	assert_true(pid > 1);
	assert_int_equal(kill(pid, SIGKILL), 0);
}

static void
stop(pid_t pid)
{
	kill_child(pid);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
values_are_those_of_proc(void **state)
{
	char path[48], text[4096], *at;
	struct monitor monitor;
	struct err err;
	pid_t pid = start();
	size_t bytes;
	FILE *file;

	(void)state;
	assert_int_equal(monitor_open(&monitor, pid, false, 1, &err), 0);
	assert_int_equal(monitor_look(&monitor, &err), 1);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "r");
	assert_non_null(file);
	bytes = fread(text, 1, sizeof(text) - 1, file);
	text[bytes] = '\0';
	fclose(file);
	at = strstr(text, "VmRSS:");
	assert_non_null(at);
	assert_true(monitor.last.usage.rss_bytes ==
		    strtoull(at + 6, NULL, 10) * 1024);
	assert_true(monitor.last.pss.at_ns == monitor.last.at_ns);
	assert_true(monitor.last.pss.bytes > 0);
	assert_true(monitor.last.cpu_percent < 0);
	assert_true(monitor.last.heap.at_ns == 0);
	monitor_close(&monitor);
	stop(pid);
}

static void
ended_process_is_ended_also_before_it_is_reaped(void **state)
{
	struct monitor monitor;
	siginfo_t info;
	struct err err;
	pid_t pid = start();

	(void)state;
	assert_int_equal(monitor_open(&monitor, pid, false, 1, &err), 0);
	assert_int_equal(monitor_look(&monitor, &err), 1);
	kill_child(pid);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(monitor_look(&monitor, &err), 0);
	assert_true(monitor.ended);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(monitor_look(&monitor, &err), 0);
	monitor_close(&monitor);
}

static void
reused_pid_is_never_followed(void **state)
{
	struct monitor monitor, with_maps;
	struct err err;
	pid_t pid = start(), again;

	(void)state;
	assert_int_equal(monitor_open(&monitor, pid, false, 1, &err), 0);
	assert_int_equal(monitor_open(&with_maps, pid, true, 1, &err), 0);
	assert_int_equal(monitor_look(&monitor, &err), 1);
	stop(pid);
	again = try_start(pid);
	if (again < 0 && (errno == EPERM || errno == ENOSYS)) {
		monitor_close(&monitor);
		monitor_close(&with_maps);
		print_message("only root may choose a pid\n");
		skip();
	}
	assert_int_equal(again, pid);
	assert_int_equal(kill(pid, 0), 0);
	assert_int_equal(monitor_look(&monitor, &err), 0);
	assert_int_equal(monitor_look(&with_maps, &err), 0);
	assert_true(monitor.looks == 1 && with_maps.looks == 0);
	monitor_close(&monitor);
	monitor_close(&with_maps);
	stop(pid);
}

static void
no_process_is_an_error(void **state)
{
	struct monitor monitor;
	struct err err;
	pid_t pid = start();

	(void)state;
	stop(pid);
	assert_int_equal(monitor_open(&monitor, pid, false, 1, &err), -1);
	assert_int_equal(err.code, ERR_TARGET);
}

/* --- what is printed -------------------------------------------------------------- */

/* A look that was never taken, of a process with a hostile name. */
static void
invent(struct monitor *monitor, const char *name)
{
	memset(monitor, 0, sizeof(*monitor));
	snprintf(monitor->name, sizeof(monitor->name), "%s", name);
	monitor->target.proc.pid = 77;
	monitor->looks = 2;
	monitor->last.wall_ns = UINT64_C(1700000000123456789);
	monitor->last.at_ns = 100 * S;
	monitor->last.usage.has_memory = true;
	monitor->last.usage.rss_bytes = 5 << 20;
	monitor->last.usage.threads = 2;
	monitor->last.usage.minor_faults = 9;
	monitor->last.cpu_percent = 12.5;
	monitor->last.pss.bytes = 3 << 20;
	monitor->last.pss.at_ns = 86 * S;
	monitor->last.uss = monitor->last.pss;
	monitor->last.uss.bytes = 2 << 20;
}

static void
old_values_say_their_age(void **state)
{
	struct monitor monitor;
	struct strbuf text = { 0 };

	(void)state;
	invent(&monitor, "app");
	monitor_report_look(&text, &monitor, MONITOR_TEXT, NULL);
	assert_non_null(strstr(strbuf_text(&text), "3.0 MiB    2.0 MiB  14s "));
	strbuf_clear(&text);
	monitor_report_look(&text, &monitor, MONITOR_CSV, NULL);
	assert_string_equal(strbuf_text(&text),
			    "2023-11-14T22:13:20.123Z,77,app,5242880,3145728,"
			    "2097152,14.000,0,,,,2,,12.50,0.00,9,0\n");
	strbuf_release(&text);
}

static void
hostile_names_are_quoted(void **state)
{
	struct strbuf text = { 0 };
	struct monitor monitor;
	json_t *object;

	(void)state;
	invent(&monitor, "a,\"b\n\x1b[2J\xff");
	monitor_report_look(&text, &monitor, MONITOR_CSV, NULL);
	assert_non_null(strstr(strbuf_text(&text),
			       ",77,\"a,\"\"b\n\x1b[2J?\",5242880,"));
	strbuf_clear(&text);
	monitor_report_look(&text, &monitor, MONITOR_JSON, NULL);
	object = json_loads(strbuf_text(&text), 0, NULL);
	assert_non_null(object);
	assert_string_equal(json_string_value(json_object_get(object, "name")),
			    "a,\"b\n\x1b[2J?");
	json_decref(object);
	strbuf_clear(&text);
	monitor_summary(&text, &monitor);
	assert_non_null(strstr(strbuf_text(&text), "a,\"b\\n\\x1b[2J\\xff"));
	strbuf_release(&text);
}

static void
one_look_is_one_number(void **state)
{
	struct monitor monitor = { .looks = 1 };
	struct strbuf text = { 0 };

	(void)state;
	invent(&monitor, "x");
	monitor.looks = 1;
	monitor.first = monitor.last;
	monitor_summary(&text, &monitor);
	assert_non_null(strstr(strbuf_text(&text), ": 1 look: RSS "));
	assert_null(strstr(strbuf_text(&text), " to "));
	strbuf_release(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(looks_do_not_drift),
		cmocka_unit_test(one_look_is_one_number),
		cmocka_unit_test(looks_that_were_missed_are_left_out),
		cmocka_unit_test(interval_widens_until_looking_fits),
		cmocka_unit_test(interval_changes_only_when_it_must),
		cmocka_unit_test(usage_is_parsed),
		cmocka_unit_test(short_stat_is_no_usage),
		cmocka_unit_test(open_descriptors_are_counted),
		cmocka_unit_test(values_are_those_of_proc),
		cmocka_unit_test(
			ended_process_is_ended_also_before_it_is_reaped),
		cmocka_unit_test(reused_pid_is_never_followed),
		cmocka_unit_test(no_process_is_an_error),
		cmocka_unit_test(old_values_say_their_age),
		cmocka_unit_test(hostile_names_are_quoted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
