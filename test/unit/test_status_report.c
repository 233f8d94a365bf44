/* What `leakshim status` makes of a status file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "../../analyzer/facts.h"
#include "../../analyzer/xalloc.h"
#include "../../companion/status_report.h"
#include "../../proto/status.h"

#define HEAD LKS_STATUS_MAGIC "\npid=7\nstart_ticks=99\nstate=on\n"

/* A target with that status, as process 70 of another root. */
static void
make_target(struct target *target, const char *text)
{
	struct err err;

	memset(target, 0, sizeof(*target));
	target->proc.pid = 70;
	strcpy(target->place.prefix, "/proc/70/root");
	assert_int_equal(status_parse(&target->status, xstrdup(text),
				      strlen(text), "x", &err),
			 0);
}

static void
assert_line(const char *status, const char *line, bool expected)
{
	struct strbuf text = { 0 };
	struct target target;
	bool found;

	make_target(&target, status);
	status_text(&text, &target, 5000000000);
	found = strstr(strbuf_text(&text), line) != NULL;
	if (found != expected)
		fail_msg("'%s' %s in:\n%s", line, expected ? "is not" : "is",
			 strbuf_text(&text));
	strbuf_release(&text);
	status_release(&target.status);
}

static void
paths_are_ours_to_open(void **state)
{
	(void)state;
	assert_line(
		HEAD "sequence=3\nsnapshot=/a/b.snap\n"
		     "snapshot_ns=3000000000\n",
		"\nlast one      number 3, 2.0 s ago: /proc/70/root/a/b.snap\n",
		true);
	/* Dumps have numbers too: its name may be a.2.snap. */
	assert_line(
		HEAD "dump=4 /a/b.lkdump\nsequence=3\n"
		     "snapshot=/a/b.2.snap\nsnapshot_ns=3000000000\n",
		"\nlast one      number 3 of snapshots and dumps, 2.0 s ago: "
		"/proc/70/root/a/b.2.snap\n",
		true);
	assert_line(HEAD "exe=/bin/x\n",
		    "process       70 (7 in its own namespace)  /bin/x\n",
		    true);
}

static void
totals_not_counted_are_not_zero(void **state)
{
	(void)state;
	assert_line(HEAD, "live          not counted yet\n", true);
	assert_line(HEAD "live_bytes=0\n", "live          0 B in 0 objects",
		    true);
	assert_line(HEAD "live_bytes=2048\nlive_objects=1\n",
		    "live          2.0 KiB in 1 object\n", true);
	assert_line(HEAD "live_bytes=2048\nlive_objects=1234567\n",
		    "live          2.0 KiB in 1,234,567 objects\n", true);
}

static void
losses_are_in_words(void **state)
{
	(void)state;
	assert_line(HEAD, "lost          nothing\n", true);
	assert_line(HEAD "loss.early_calls=0\n", "lost          nothing\n",
		    true);
	assert_line(HEAD "loss.unknown_frees=4321\nloss.of_the_future=5\n",
		    "lost          4,321 frees of blocks never seen\n"
		    "              5 of_the_future\n",
		    true);
	assert_line(HEAD "loss.thinning_shift=3\n",
		    "\nlost          1 block of 8 since the memory cap was met",
		    true);
	/* No shift of a 64-bit number by 64. */
	assert_line(HEAD "loss.thinning_shift=64\n", "1 block of 2^64 since",
		    true);
}

static void
mode_tells_thinning(void **state)
{
	(void)state;
	assert_line(HEAD "mode=exact\nsample=1\n", "mode          exact\n",
		    true);
	assert_line(HEAD "mode=exact\nsample=1\nloss.thinning_shift=5\n",
		    "mode          exact at first, 1 block of 32 since the "
		    "memory cap was met: estimates\n",
		    true);
}

/* One list serves both: a loss is called the same wherever it is told. */
static void
losses_have_the_words_of_the_report(void **state)
{
	(void)state;
#define X(name, words)                                                         \
	assert_line(HEAD "loss." #name "=2\n", "lost          2 " words "\n",  \
		    true);
	LOSSES(X)
#undef X
}

static void
who_took_a_signal_is_named(void **state)
{
	(void)state;
	assert_line(HEAD "signal=12\n", "signal        SIGUSR2 (12)\n", true);
	assert_line(HEAD "signal_note=the program handles it\n",
		    "signal        none in force: the program handles it\n",
		    true);
}

static void
terminal_is_not_driven(void **state)
{
	(void)state;
	assert_line(HEAD "exe=/bin/%1B[2J%0A\n", "/bin/\\x1b[2J\\n\n", true);
	assert_line(HEAD "message=%1B]0;x%07\n", "\x1b", false);
}

static json_t *
load(const char *status)
{
	struct target target;
	json_t *root;
	char *text;

	make_target(&target, status);
	text = status_json(&target, true);
	root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	free(text);
	status_release(&target.status);
	return root;
}

static void
json_has_types(void **state)
{
	json_t *root = load(HEAD "live_bytes=5\nsignal=12\n"
				 "updated_ns=18446744073709551615\n"
				 "loss.early_calls=2\nmessage=a\nmessage=b\n");

	(void)state;
	assert_int_equal(json_integer_value(json_object_get(root, "process")),
			 70);
	assert_int_equal(json_integer_value(json_object_get(root, "pid")), 7);
	assert_true(json_is_true(json_object_get(root, "refreshed")));
	assert_int_equal(
		json_integer_value(json_object_get(root, "live_bytes")), 5);
	assert_true(json_integer_value(json_object_get(root, "updated_ns")) ==
		    INT64_MAX);
	assert_string_equal(
		json_string_value(json_object_get(root, "signal_name")),
		"USR2");
	assert_true(json_is_null(json_object_get(root, "bell_name")));
	assert_int_equal(
		json_integer_value(json_object_get(
			json_object_get(root, "losses"), "early_calls")),
		2);
	assert_int_equal(json_array_size(json_object_get(root, "messages")), 2);
	json_decref(root);
	root = load(HEAD);
	assert_true(json_is_null(json_object_get(root, "live_bytes")));
	json_decref(root);
}

static void
json_takes_any_bytes(void **state)
{
	json_t *root = load(HEAD "exe=/%22%5C%0A\xff%25\nreason=\xc3\xa9\n");

	(void)state;
	assert_string_equal(json_string_value(json_object_get(root, "exe")),
			    "/\"\\\n%FF%25");
	assert_string_equal(json_string_value(json_object_get(root, "reason")),
			    "\xc3\xa9");
	json_decref(root);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_ours_to_open),
		cmocka_unit_test(totals_not_counted_are_not_zero),
		cmocka_unit_test(losses_are_in_words),
		cmocka_unit_test(mode_tells_thinning),
		cmocka_unit_test(losses_have_the_words_of_the_report),
		cmocka_unit_test(who_took_a_signal_is_named),
		cmocka_unit_test(terminal_is_not_driven),
		cmocka_unit_test(json_has_types),
		cmocka_unit_test(json_takes_any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
