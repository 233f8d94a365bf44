/*
 * The signals and what they set off, in a program that is not interposed: the
 * host's sigaction is called as the wrapper would.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../preload/cloned.h"
#include "../../preload/counters.h"
#include "../../preload/depot.h"
#include "../../preload/epoch.h"
#include "../../preload/ident.h"
#include "../../preload/job.h"
#include "../../preload/opts.h"
#include "../../preload/record.h"
#include "../../preload/sigmask.h"
#include "../../preload/sink.h"
#include "../../preload/state.h"
#include "../../preload/status.h"
#include "../../preload/trigger.h"
#include "../../preload/writer.h"
#include "../../proto/status.h"
#include "preload_env.h"

static volatile sig_atomic_t host_calls;

static void
host_handler(int sig)
{
	(void)sig;
	host_calls++;
}

static enum lks_trigger_answer
host_sets(int sig, void (*handler)(int), struct sigaction *old)
{
	struct sigaction act = { .sa_handler = handler };
	enum lks_trigger_answer answer =
		lks_trigger_sigaction(sig, &act, old, NULL);

	if (answer == LKS_TRIGGER_PASS)
		assert_int_equal(sigaction(sig, &act, old), 0);
	return answer;
}

/* Both signals installed anew over default dispositions. */
static void
install(const char *options)
{
	char text[512];

	for (int sig = SIGRTMIN; sig <= SIGRTMAX; sig++)
		signal(sig, SIG_DFL);
	signal(SIGUSR1, SIG_DFL);
	signal(SIGUSR2, SIG_DFL);
	snprintf(text, sizeof(text), "out=%s,%s", preload_env_path("t.%n"),
		 options);
	preload_env_boot(text);
	lks_trigger_init();
}

/* Until the writer that was set off has finished. */
static void
wait_for_writer(void)
{
	for (int i = 0; i < 6000 && !lks_cloned_reap(); i++)
		usleep(10000);
	assert_true(lks_cloned_reap());
	assert_int_equal(lks_job_writer(), 0);
}

static void
bell(uint64_t word)
{
	union sigval value = { .sival_ptr = (void *)(uintptr_t)word };

	assert_int_equal(sigqueue(getpid(), lks_trigger_bell(), value), 0);
}

static void
bell_is_the_highest_free_realtime_signal(void **state)
{
	(void)state;
	install("signal=USR1");
	assert_int_equal(lks_trigger_signal(), SIGUSR1);
	assert_int_equal(lks_trigger_bell(), SIGRTMAX - 1);
}

static void
host_that_asks_sees_a_default_disposition(void **state)
{
	struct sigaction seen;

	(void)state;
	install("");
	memset(&seen, 0xee, sizeof(seen));
	assert_int_equal(lks_trigger_sigaction(SIGUSR2, NULL, &seen, NULL),
			 LKS_TRIGGER_ANSWER);
	assert_true(seen.sa_handler == SIG_DFL);
	assert_int_equal(lks_trigger_sigaction(SIGUSR1, NULL, &seen, NULL),
			 LKS_TRIGGER_PASS);
}

static void
host_that_sets_the_default_leaves_ours(void **state)
{
	struct sigaction act = { .sa_handler = SIG_DFL,
				 .sa_flags = SA_NOCLDSTOP };
	struct sigaction seen;

	(void)state;
	install("");
	assert_int_equal(lks_trigger_sigaction(SIGUSR2, &act, &seen, NULL),
			 LKS_TRIGGER_ANSWER);
	assert_int_equal(lks_trigger_signal(), SIGUSR2);
	lks_trigger_sigaction(SIGUSR2, NULL, &seen, NULL);
	assert_int_equal(seen.sa_flags, SA_NOCLDSTOP);
}

static void
host_that_installs_a_handler_wins(void **state)
{
	struct sigaction old;

	(void)state;
	install("");
	host_sets(SIGUSR2, host_handler, &old);
	wait_for_writer();
	assert_true(old.sa_handler == SIG_DFL);
	assert_int_equal(lks_trigger_signal(), 0);
	assert_string_equal(lks_trigger_signal_note(), "taken by the program");
	host_calls = 0;
	raise(SIGUSR2);
	assert_int_equal(host_calls, 1);
	assert_int_equal(host_sets(SIGUSR2, SIG_DFL, &old), LKS_TRIGGER_PASS);
	assert_true(old.sa_handler == host_handler);
}

static void
bell_that_the_host_takes_moves_to_another_signal(void **state)
{
	struct sigaction old;

	(void)state;
	install("");
	host_sets(SIGRTMAX - 1, host_handler, &old);
	wait_for_writer();
	assert_int_equal(lks_trigger_bell(), SIGRTMAX - 2);
	assert_string_equal(lks_trigger_bell_note(), "");
}

static void
signal_that_is_not_default_at_start_is_left_alone(void **state)
{
	struct sigaction seen;

	(void)state;
	install("");
	signal(SIGUSR1, SIG_IGN);
	lks_opts_parse("signal=USR1");
	lks_trigger_init();
	assert_string_equal(lks_trigger_signal_note(),
			    "was ignored when the program started");
	assert_int_equal(sigaction(SIGUSR1, NULL, &seen), 0);
	assert_true(seen.sa_handler == SIG_IGN);
}

static void
handler_that_came_past_us_is_noticed(void **state)
{
	(void)state;
	install("");
	signal(SIGUSR2, host_handler);
	assert_int_equal(lks_trigger_signal(), 0);
	assert_string_equal(lks_trigger_signal_note(), "taken by the program");
}

static void
signal_has_a_clone_write_that_the_host_does_not_see(void **state)
{
	Leakshim__V1__Snapshot *s;

	(void)state;
	install("");
	errno = 77;
	raise(SIGUSR2);
	assert_int_equal(errno, 77);
	assert_int_equal(waitpid(-1, NULL, 0), -1);
	assert_int_equal(errno, ECHILD);
	wait_for_writer();
	s = preload_env_snapshot(lks_sink_last_path());
	assert_int_equal(s->header->trigger,
			 LEAKSHIM__V1__TRIGGER__TRIGGER_SIGNAL);
	assert_int_equal(s->header->way, LEAKSHIM__V1__WAY__WAY_CLONE);
	assert_int_equal(s->header->pid, getpid());
	assert_int_equal(s->ledger->thread_count, 1);
	leakshim__v1__snapshot__free_unpacked(s, NULL);
}

static void
bell_without_the_magic_word_is_nothing(void **state)
{
	(void)state;
	install("");
	bell(12345);
	raise(lks_trigger_bell());
	assert_false(lks_job_is_pending());
	assert_true(lks_cloned_reap());
}

/* The caller's to free. */
static char *
read_status(void)
{
	char path[128];
	char *text;
	size_t bytes;

	snprintf(path, sizeof(path), "/run/user/%u/leakshim/%lu-%d", geteuid(),
		 (unsigned long)lks_ident.pid_namespace, getpid());
	if (access(path, F_OK) != 0)
		snprintf(path, sizeof(path), "/tmp/leakshim-%u/%lu-%d",
			 geteuid(), (unsigned long)lks_ident.pid_namespace,
			 getpid());
	text = preload_env_read(path, &bytes);
	assert_non_null(text);
	return text;
}

static void
bell_starts_a_dormant_shim_and_answers_its_token(void **state)
{
	uint64_t before = lks_epoch_start_monotonic_ns();
	char *text;

	(void)state;
	install("start=off");
	lks_state_set(LKS_DORMANT);
	bell(lks_bell_word(LKS_BELL_START, 0x1234));
	wait_for_writer();
	assert_int_equal(lks_state_page.state, LKS_ON);
	assert_true(lks_epoch_start_monotonic_ns() > before);
	assert_int_equal(lks_epoch_late_ns(),
			 lks_epoch_start_monotonic_ns() - before);
	text = read_status();
	assert_non_null(strstr(text, "\ntoken=4660\n"));
	free(text);
}

static void
requests_during_a_snapshot_are_served_after_it(void **state)
{
	int32_t self = getpid();

	(void)state;
	install("");
	assert_true(lks_job_claim(self));
	raise(SIGUSR2);
	assert_true(lks_job_is_pending());
	assert_true(lks_cloned_reap());
	lks_job_serve(LKS_WAY_HOST, self);
	assert_false(lks_job_is_pending());
	assert_int_equal(lks_job_writer(), 0);
}

/* In the middle of a call of ours nothing can be settled, and a writer at work
 * can't do it for us. */
static void
request_in_a_call_waits_for_what_was_deferred_before(void **state)
{
	const uintptr_t address = 0x7f0000001000u;
	Leakshim__V1__Snapshot *s;
	int32_t self = getpid();

	(void)state;
	install("");
	lks_tls.guard = LKS_GUARD_OWN;
	lks_record_init();
	lks_tls_learn(NULL);
	assert_non_null(lks_tls_block());
	for (uint32_t i = 0; i < 1u << 18 && !lks_tls.defers; i++)
		lks_record_tick();
	if (!lks_tls.defers)
		skip(); /* no membarrier here */
	assert_true(lks_job_claim(self));
	lks_tls.guard = LKS_GUARD_CALL;
	lks_record_add(address, 10, lks_depot_overflow());
	bell(lks_bell_word(LKS_BELL_SNAPSHOT, 2001));
	lks_job_serve(LKS_WAY_HOST, self); /* the writer's, its last round */
	assert_true(lks_job_is_pending());
	lks_tls_leave();
	wait_for_writer();
	s = preload_env_snapshot(lks_sink_last_path());
	assert_int_equal(s->trailer->live_objects, 1);
	leakshim__v1__snapshot__free_unpacked(s, NULL);
	lks_tls.guard = LKS_GUARD_OWN;
	lks_record_remove(address);
	lks_record_stop();
	lks_tls.guard = LKS_GUARD_DOWN;
}

static void
write_beyond_the_file_size_limit_does_not_kill(void **state)
{
	struct lks_sigmask mask;
	sigset_t pending;

	(void)state;
	lks_sigmask_block(&mask);
	raise(SIGXFSZ);
	sigpending(&pending);
	assert_true(sigismember(&pending, SIGXFSZ));
	lks_sigmask_restore(&mask); /* the default would end the program */
	sigpending(&pending);
	assert_false(sigismember(&pending, SIGXFSZ));
}

static void
tokens_of_several_askers_all_come_back(void **state)
{
	int32_t self = getpid();
	char *text;

	(void)state;
	install("");
	assert_true(lks_job_claim(self));
	for (uint32_t token = 1001; token <= 1003; token++)
		bell(lks_bell_word(LKS_BELL_SNAPSHOT, token));
	bell(lks_bell_word(LKS_BELL_REFRESH, 1004));
	lks_job_serve(LKS_WAY_HOST, self);
	text = read_status();
	assert_non_null(strstr(text, "\ntoken=1001\n"));
	assert_non_null(strstr(text, "\ntoken=1002\n"));
	assert_non_null(strstr(text, "\ntoken=1003\n"));
	assert_non_null(strstr(text, "\ntoken=1004\n"));
	free(text);
}

static _Atomic int threads_waiting;

static void *
bury(void *dead)
{
	threads_waiting--;
	while (threads_waiting > 0)
		;
	lks_job_writer_died(*(int32_t *)dead);
	return NULL;
}

static void
killed_writer_is_cleaned_up_after_once(void **state)
{
	enum { ROUNDS = 200, THREADS = 2 };
	int32_t dead = 999999;
	uint64_t before;

	(void)state;
	install("");
	before = lks_count_get(snapshot_failures);
	for (int i = 0; i < ROUNDS; i++) {
		pthread_t threads[THREADS];

		assert_true(lks_job_claim(dead));
		threads_waiting = THREADS;
		for (int t = 0; t < THREADS; t++)
			assert_int_equal(pthread_create(&threads[t], NULL, bury,
							&dead),
					 0);
		for (int t = 0; t < THREADS; t++)
			pthread_join(threads[t], NULL);
		assert_int_equal(lks_job_writer(), 0);
	}
	assert_int_equal(lks_count_get(snapshot_failures), before + ROUNDS);
}

static void
host_waits_for(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	lks_trigger_await(&set);
}

/* These two last: what was waited for once is never taken again. */
static void
signal_that_the_host_waits_for_is_its_own(void **state)
{
	struct sigaction seen;

	(void)state;
	install("signal=USR1");
	host_waits_for(SIGHUP);
	assert_int_equal(lks_trigger_signal(), SIGUSR1);
	host_waits_for(SIGUSR1);
	wait_for_writer();
	assert_int_equal(lks_trigger_signal(), 0);
	assert_string_equal(lks_trigger_signal_note(),
			    "waited for by the program");
	assert_int_equal(sigaction(SIGUSR1, NULL, &seen), 0);
	assert_true(seen.sa_handler == SIG_DFL);
	install("signal=USR1");
	assert_int_equal(lks_trigger_signal(), 0);
}

static void
bell_that_the_host_waits_for_moves_to_another_signal(void **state)
{
	(void)state;
	install("");
	host_waits_for(SIGRTMAX - 1);
	wait_for_writer();
	assert_int_equal(lks_trigger_bell(), SIGRTMAX - 2);
	assert_string_equal(lks_trigger_bell_note(), "");
}

static int
remove_status(void **state)
{
	(void)state;
	lks_status_remove();
	return 0;
}

static atomic_int heard; /* times that `hears` has listened */
static atomic_bool host_calls_now;
static atomic_bool may_end;

/* As the helper does. */
static void *
hears(void *changed)
{
	bool is_changed = lks_trigger_listen();

	heard = 1;
	while (!host_calls_now)
		usleep(1000);
	usleep(5000);
	heard = 2;
	is_changed |= lks_trigger_listen();
	while (!may_end)
		usleep(1000);
	lks_trigger_stop_listening();
	return is_changed ? changed : NULL;
}

/* All of the host's threads block the signal: the helper would run its handler
 * if that were in force before it has listened again. */
static void
handler_of_the_host_never_runs_on_the_helper(void **state)
{
	struct timespec before, after;
	pthread_t thread;
	sigset_t set, old;
	void *changed;
	int64_t ms;

	(void)state;
	install("signal=USR1");
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, &old);
	assert_int_equal(pthread_create(&thread, NULL, hears, &set), 0);
	while (heard != 1)
		usleep(1000);
	clock_gettime(CLOCK_MONOTONIC, &before);
	host_calls = 0;
	host_calls_now = true;
	assert_int_equal(host_sets(SIGUSR1, host_handler, NULL),
			 LKS_TRIGGER_ANSWER);
	clock_gettime(CLOCK_MONOTONIC, &after);
	ms = (after.tv_sec - before.tv_sec) * 1000 +
	     (after.tv_nsec - before.tv_nsec) / 1000000;
	/* It does not wait for ever, as on a machine without time. */
	if (ms < 500) {
		assert_int_equal(heard, 2);
		kill(getpid(), SIGUSR1);
		usleep(20000);
		assert_int_equal(host_calls, 0);
	}
	may_end = true;
	pthread_join(thread, &changed);
	assert_null(changed);
	signal(SIGUSR1, SIG_IGN); /* what is pending is dropped */
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	wait_for_writer();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bell_is_the_highest_free_realtime_signal),
		cmocka_unit_test(host_that_asks_sees_a_default_disposition),
		cmocka_unit_test(host_that_sets_the_default_leaves_ours),
		cmocka_unit_test(host_that_installs_a_handler_wins),
		cmocka_unit_test(
			bell_that_the_host_takes_moves_to_another_signal),
		cmocka_unit_test(
			signal_that_is_not_default_at_start_is_left_alone),
		cmocka_unit_test(handler_that_came_past_us_is_noticed),
		cmocka_unit_test(
			signal_has_a_clone_write_that_the_host_does_not_see),
		cmocka_unit_test(bell_without_the_magic_word_is_nothing),
		cmocka_unit_test(
			bell_starts_a_dormant_shim_and_answers_its_token),
		cmocka_unit_test(
			requests_during_a_snapshot_are_served_after_it),
		cmocka_unit_test(
			request_in_a_call_waits_for_what_was_deferred_before),
		cmocka_unit_test(
			write_beyond_the_file_size_limit_does_not_kill),
		cmocka_unit_test(tokens_of_several_askers_all_come_back),
		cmocka_unit_test(handler_of_the_host_never_runs_on_the_helper),
		cmocka_unit_test(signal_that_the_host_waits_for_is_its_own),
		cmocka_unit_test(
			bell_that_the_host_waits_for_moves_to_another_signal),
		/* Tracking is off after it. */
		cmocka_unit_test(killed_writer_is_cleaned_up_after_once),
	};

	return cmocka_run_group_tests(tests, NULL, remove_status);
}
