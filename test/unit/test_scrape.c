/* Snapshots for serve alone, of processes that only pretend to be tracked. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../companion/pulse.h"
#include "../../companion/scrape.h"
#include "../../companion/served.h"
#include "fake_target.h"

static struct fake_target fake;
static struct served *served;
static struct served_process *process;
static char path[160]; /* where the process would put it */
static struct err err;

static void
start(const struct fake_behaviour *behaviour)
{
	fake_target_start(&fake, behaviour);
	snprintf(path, sizeof(path), "%s.scrape", fake.file);
	served = served_new();
	if (served_add(served, fake.pid, &err) < 0)
		fail_msg("%s", err.text);
	process = served_only(served);
	assert_non_null(process);
}

static void
stop(void)
{
	served_put(process);
	served_free(served);
	fake_target_stop(&fake);
	unlink(path);
}

/* As the process would. */
static void
put(const char *content)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(content, out);
	assert_int_equal(fclose(out), 0);
}

static void
assert_holds(const struct scrape *scrape, const char *content)
{
	char text[64] = "";
	FILE *in = fopen(scrape_file(scrape), "r");

	assert_non_null(in);
	assert_non_null(fgets(text, sizeof(text), in));
	fclose(in);
	assert_string_equal(text, content);
	assert_int_equal(scrape_bytes(scrape), strlen(content));
}

static void
sleep_ms(long ms)
{
	const struct timespec pause = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&pause, NULL);
}

static void
file_is_ours_alone_once_it_is_open(void **state)
{
	const struct fake_behaviour behaviour = { .answer = FAKE_ANSWER };
	struct scrape *scrape;

	(void)state;
	start(&behaviour);
	put("one");
	scrape = scrape_take(process, false, &err);
	assert_non_null(scrape);
	assert_int_equal(access(path, F_OK), -1);
	assert_holds(scrape, "one");
	scrape_put(scrape);
	stop();
}

static void
those_who_ask_within_a_second_share_one(void **state)
{
	const struct fake_behaviour behaviour = { .answer = FAKE_ANSWER };
	struct scrape *first, *second, *fresh, *trimmed;
	int i;

	(void)state;
	start(&behaviour);
	/* On a machine without time the second may be over: then again. */
	for (i = 0;; i++) {
		put("one");
		first = scrape_take_new(process, &err);
		assert_non_null(first);
		put("two");
		second = scrape_take(process, false, &err);
		if (second == first || i == 100)
			break;
		scrape_put(first);
		scrape_put(second);
	}
	assert_ptr_equal(first, second);
	fresh = scrape_take_new(process, &err);
	assert_ptr_not_equal(first, fresh);
	assert_holds(fresh, "two");
	put("three");
	trimmed = scrape_take(process, true, &err);
	assert_ptr_not_equal(trimmed, fresh);
	assert_holds(trimmed, "three");
	/* The ones before are still there for who has them. */
	assert_holds(first, "one");
	scrape_put(first);
	scrape_put(second);
	scrape_put(fresh);
	scrape_put(trimmed);
	sleep_ms(SCRAPE_SHARED_MS + 10);
	put("four");
	first = scrape_take(process, true, &err);
	assert_non_null(first);
	assert_holds(first, "four");
	scrape_put(first);
	stop();
}

static void
assert_refused(const char *part)
{
	struct scrape *scrape = scrape_take(process, false, &err);

	assert_null(scrape);
	assert_int_equal(err.code, ERR_STEP);
	if (!strstr(err.text, part))
		fail_msg("'%s' does not say '%s'", err.text, part);
}

static void
what_is_no_plain_file_is_not_taken(void **state)
{
	const struct fake_behaviour behaviour = { .answer = FAKE_ANSWER };
	char other[200];

	(void)state;
	start(&behaviour);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_refused("cannot open");
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_refused("is not trusted");
	unlink(path);
	snprintf(other, sizeof(other), "%s.other", path);
	put("one");
	assert_int_equal(link(path, other), 0);
	assert_refused("no other name");
	unlink(other);
	stop();
}

static void
shim_that_does_not_know_scrapes_is_told(void **state)
{
	const struct fake_behaviour behaviour = { .answer = FAKE_ANSWER };

	(void)state;
	start(&behaviour);
	assert_refused("older than this program");
	stop();
}

static void
reason_of_the_process_is_told(void **state)
{
	const struct fake_behaviour behaviour = {
		.extra = "scrape_error=no space left on device\n",
	};

	(void)state;
	start(&behaviour);
	assert_refused("no space left on device");
	stop();
}

static void
stopped_process_is_not_waited_for(void **state)
{
	const struct fake_behaviour behaviour = { .answer = FAKE_ANSWER };
	struct scrape *scrape;
	struct pulse pulse;
	int i;

	(void)state;
	start(&behaviour);
	put("one");
	kill(fake.pid, SIGSTOP);
	for (i = 0; i < 12000 && !served_is_stopped(process); i++)
		sleep_ms(5);
	assert_refused("is stopped");
	/* What the kernel counts is there all the same. */
	assert_int_equal(pulse_take(process, 0, &pulse), 0);
	assert_true(pulse.usage.threads >= 1);
	kill(fake.pid, SIGCONT);
	for (i = 0; i < 12000 && served_is_stopped(process); i++)
		sleep_ms(5);
	scrape = scrape_take(process, false, &err);
	assert_non_null(scrape);
	scrape_put(scrape);
	stop();
}

/* Makes `fake` stop for this thread, as a walk of its threads does. */
static void
seize(void)
{
	int status;

	assert_int_equal(ptrace(PTRACE_SEIZE, fake.pid, NULL, NULL), 0);
	assert_int_equal(ptrace(PTRACE_INTERRUPT, fake.pid, NULL, NULL), 0);
	assert_int_equal(waitpid(fake.pid, &status, __WALL), fake.pid);
}

static void
process_that_a_profile_holds_is_not_stopped(void **state)
{
	const struct fake_behaviour behaviour = { .answer = FAKE_ANSWER };
	int ready[2];
	pid_t debugger;
	char byte;

	(void)state;
	start(&behaviour);
	seize();
	assert_false(served_is_stopped(process));
	ptrace(PTRACE_DETACH, fake.pid, NULL, NULL);
	assert_false(served_is_stopped(process));
	/* Not one of ours, and it does not let go. */
	assert_int_equal(pipe(ready), 0);
	debugger = fork();
	if (debugger == 0) {
		/* It stops some time after it was asked to. */
		if (!ptrace(PTRACE_SEIZE, fake.pid, NULL, NULL) &&
		    !ptrace(PTRACE_INTERRUPT, fake.pid, NULL, NULL) &&
		    waitpid(fake.pid, NULL, __WALL) == fake.pid &&
		    write(ready[1], "", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_true(served_is_stopped(process));
	kill(debugger, SIGKILL);
	waitpid(debugger, NULL, 0);
	close(ready[0]);
	close(ready[1]);
	assert_false(served_is_stopped(process));
	stop();
}

#define ASKERS 8

static atomic_int asking;

static void *
want_new(void *as_scrape)
{
	struct err error;

	asking++;
	*(struct scrape **)as_scrape = scrape_take_new(process, &error);
	return NULL;
}

/* There is one snapshot: a second one would not be had. */
static void
those_who_wait_for_a_new_one_share_it(void **state)
{
	const struct fake_behaviour behaviour = { .answer = FAKE_ANSWER };
	struct scrape *scrapes[ASKERS], *last;
	pthread_t threads[ASKERS];
	size_t i;

	(void)state;
	asking = 0;
	start(&behaviour);
	put("old");
	last = scrape_take(process, false, &err);
	assert_non_null(last);
	put("one");
	pthread_mutex_lock(&process->lock);
	for (i = 0; i < ASKERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, want_new,
						&scrapes[i]),
				 0);
	while (asking < ASKERS)
		sleep_ms(1);
	sleep_ms(200); /* until they wait */
	pthread_mutex_unlock(&process->lock);
	for (i = 0; i < ASKERS; i++) {
		pthread_join(threads[i], NULL);
		assert_non_null(scrapes[i]);
		assert_ptr_equal(scrapes[i], scrapes[0]);
	}
	assert_ptr_not_equal(scrapes[0], last);
	assert_holds(scrapes[0], "one");
	for (i = 0; i < ASKERS; i++)
		scrape_put(scrapes[i]);
	scrape_put(last);
	stop();
}

static void
process_that_ends_is_told_and_dropped(void **state)
{
	const struct fake_behaviour behaviour = { .answer = FAKE_DIE };

	(void)state;
	start(&behaviour);
	assert_null(scrape_take(process, false, &err));
	assert_int_equal(err.code, ERR_TARGET);
	assert_int_equal(served_sweep(served), 0);
	assert_true(served_has_ended(process));
	/* Who has it still may ask. */
	assert_null(scrape_take(process, false, &err));
	stop();
}

static void
process_that_runs_another_program_begins_anew(void **state)
{
	const struct fake_behaviour behaviour = {
		.extra = "exe=/bin/test_scrape-other\n",
	};
	struct served_process *anew;

	(void)state;
	start(&behaviour);
	free(process->tracked_exe);
	process->tracked_exe = strdup("/bin/one");
	assert_null(scrape_take(process, false, &err));
	assert_int_equal(served_sweep(served), 1);
	assert_null(served_find(served, fake.pid));
	served_renew(served, NULL);
	anew = served_find(served, fake.pid);
	assert_non_null(anew);
	assert_ptr_not_equal(anew, process);
	assert_string_equal(anew->exe, "test_scrape-other");
	served_put(anew);
	stop();
}

static int made;

static int
make(struct scrape *scrape, void *context, struct strbuf *out,
     struct err *error)
{
	(void)scrape;
	(void)error;
	made++;
	sleep_ms(50);
	strbuf_adds(out, context);
	return 0;
}

static void *
want_body(void *as_scrape)
{
	static char text[] = "body";
	struct strbuf out = { 0 };
	struct err error;

	assert_int_equal(
		scrape_body(as_scrape, "key", make, text, &out, &error), 0);
	assert_string_equal(strbuf_text(&out), "body");
	strbuf_release(&out);
	return NULL;
}

static void
body_is_made_once_for_all(void **state)
{
	const struct fake_behaviour behaviour = { .answer = FAKE_ANSWER };
	struct strbuf out = { 0 };
	pthread_t threads[8];
	struct scrape *scrape;
	char text[] = "x";
	size_t i;

	(void)state;
	start(&behaviour);
	put("one");
	scrape = scrape_take(process, false, &err);
	assert_non_null(scrape);
	for (i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, want_body,
						scrape),
				 0);
	for (i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(made, 1);
	assert_int_equal(scrape_body(scrape, "other", make, text, &out, &err),
			 0);
	assert_string_equal(strbuf_text(&out), "x");
	strbuf_release(&out);
	scrape_put(scrape);
	stop();
}

/* Many at once, for the sanitizers: the file is put there again and again. */
static void *
take_some(void *unused)
{
	struct err error;
	int i;

	for (i = 0; i < 20; i++) {
		struct scrape *scrape =
			i % 2 ? scrape_take(process, false, &error)
			      : scrape_take_new(process, &error);
		struct pulse pulse;

		scrape_put(scrape);
		if (pulse_take(process, 0, &pulse) < 0)
			break;
		served_sweep(served);
		served_put(served_find(served, fake.pid));
	}
	return unused;
}

static void
many_askers_at_once_do_no_harm(void **state)
{
	const struct fake_behaviour behaviour = { .answer = FAKE_ANSWER };
	pthread_t threads[6];
	size_t i;

	(void)state;
	start(&behaviour);
	put("one");
	for (i = 0; i < 6; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, take_some, NULL), 0);
	for (i = 0; i < 6; i++)
		pthread_join(threads[i], NULL);
	stop();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file_is_ours_alone_once_it_is_open),
		cmocka_unit_test(those_who_ask_within_a_second_share_one),
		cmocka_unit_test(what_is_no_plain_file_is_not_taken),
		cmocka_unit_test(shim_that_does_not_know_scrapes_is_told),
		cmocka_unit_test(reason_of_the_process_is_told),
		cmocka_unit_test(stopped_process_is_not_waited_for),
		cmocka_unit_test(process_that_a_profile_holds_is_not_stopped),
		cmocka_unit_test(those_who_wait_for_a_new_one_share_it),
		cmocka_unit_test(process_that_ends_is_told_and_dropped),
		cmocka_unit_test(process_that_runs_another_program_begins_anew),
		cmocka_unit_test(body_is_made_once_for_all),
		cmocka_unit_test(many_askers_at_once_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
