#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../preload/ident.h"
#include "../../preload/msg.h"
#include "../../preload/opts.h"

/* Messages are kept, each once: the text of the last one. */
static const char *
last_message(void)
{
	const char *last = "";

	for (uint32_t i = 0; lks_msg_get(i) != NULL; i++)
		last = lks_msg_get(i);
	return last;
}

static const char *
in_force(const char *key)
{
	static char value[2 * LKS_PATH_BYTES];

	for (uint32_t i = 0; i < lks_opts_count(); i++)
		if (strcmp(lks_opts_get(i, value, sizeof(value)), key) == 0)
			return value;
	fail_msg("no option %s", key);
	return NULL;
}

static void
nothing_given_means_the_documented_defaults(void **state)
{
	(void)state;
	lks_opts_parse(NULL);
	assert_string_equal(in_force("out"), "leakshim.%e.%p.%n.snap");
	assert_string_equal(in_force("signal"), "USR2");
	assert_string_equal(in_force("bell"), "auto");
	assert_string_equal(in_force("interval"), "0");
	assert_string_equal(in_force("on"), "none");
	assert_string_equal(in_force("sample"), "1");
	assert_string_equal(in_force("depth"), "64");
	assert_string_equal(in_force("unwind"), "cfi");
	assert_string_equal(in_force("keep"), "100");
	assert_string_equal(in_force("only"), "all");
	assert_string_equal(in_force("follow"), "fork+exec");
	assert_string_equal(in_force("start"), "on");
	assert_string_equal(in_force("ledger"), "normal");
	assert_string_equal(in_force("log"), "");
	assert_string_equal(in_force("seed"), "0");
}

static void
what_is_printed_is_read_back_the_same(void **state)
{
	static const char *const texts[][2] = {
		{ "out", "/a/%p\\,x.snap" },
		{ "signal", "RTMIN+3" },
		{ "signal", "none" },
		{ "bell", "RTMIN+7" },
		{ "interval", "90s" },
		{ "interval", "5m" },
		{ "interval", "8h" },
		{ "interval", "2d" },
		{ "on", "exit" },
		{ "on", "grow:16M" },
		{ "on", "exit+grow:16M+limit:90%" },
		{ "sample", "512K" },
		{ "sample", "1T" },
		{ "depth", "256" },
		{ "unwind", "fp" },
		{ "memory", "3G" },
		{ "keep", "2" },
		{ "only", "red*-[a-z]?" },
		{ "only", "*" },
		{ "only", "all" },
		{ "follow", "fork" },
		{ "follow", "none" },
		{ "follow", "exec" },
		{ "start", "off" },
		{ "ledger", "deep" },
		{ "log", "l.txt" },
		{ "seed", "18446744073709551615" },
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		snprintf(text, sizeof(text), "%s=%s", texts[i][0], texts[i][1]);
		lks_opts_parse(text);
		assert_string_equal(in_force(texts[i][0]), texts[i][1]);
	}
}

static void
escaped_comma_stays_in_the_value(void **state)
{
	(void)state;
	lks_opts_parse("out=/x/a\\,b\\c,depth=3");
	assert_string_equal(lks_opts.out, "/x/a,b\\c");
	assert_int_equal(lks_opts.depth, 3);
}

static void
follow_fork_comma_exec_is_one_value(void **state)
{
	(void)state;
	lks_opts_parse("follow=none,depth=7");
	assert_false(lks_opts.follow_fork || lks_opts.follow_exec);
	lks_opts_parse("follow=fork,exec,depth=7");
	assert_true(lks_opts.follow_fork && lks_opts.follow_exec);
	assert_int_equal(lks_opts.depth, 7);
	lks_opts_parse("follow=fork\\,exec");
	assert_true(lks_opts.follow_fork && lks_opts.follow_exec);
	lks_opts_parse("follow=fork,depth=7");
	assert_true(lks_opts.follow_fork && !lks_opts.follow_exec);
}

static void
signal_names_have_several_spellings(void **state)
{
	(void)state;
	lks_opts_parse("signal=SIGUSR1");
	assert_int_equal(lks_opts.signal, SIGUSR1);
	lks_opts_parse("signal=12");
	assert_int_equal(lks_opts.signal, 12);
	lks_opts_parse("signal=RTMAX-2");
	assert_int_equal(lks_opts.signal, SIGRTMAX - 2);
	lks_opts_parse("signal=SIGRTMIN");
	assert_int_equal(lks_opts.signal, SIGRTMIN);
}

static void
bad_value_leaves_the_default_and_says_so(void **state)
{
	static const char *const bad[] = {
		"signal=KILL",     "signal=9",
		"signal=33",       "signal=SEGV",
		"signal=RTMIN+99", "interval=5",
		"interval=5x",     "interval=",
		"on=grow",         "on=grow:0",
		"on=limit:101%",   "on=limit:50",
		"on=exit+what",    "sample=0",
		"sample=12Q",      "sample=99999999999999999999",
		"sample=2T",       "sample=8388607T",
		"depth=0",         "depth=257",
		"depth=3x",        "unwind=magic",
		"memory=4K",       "keep=1",
		"keep=5000",       "follow=spoon",
		"start=maybe",     "ledger=shallow",
		"seed=-1",         "out=",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct lks_opts defaults;

		lks_opts_parse(NULL);
		defaults = lks_opts;
		lks_opts_parse(bad[i]);
		if (memcmp(&defaults, &lks_opts, sizeof(defaults)) != 0)
			fail_msg("%s was taken", bad[i]);
	}
}

static void
complaint_names_the_key_and_the_rest_holds(void **state)
{
	(void)state;
	lks_opts_parse("depht=3,depth=5");
	assert_string_equal(last_message(), "unknown option 'depht'");
	assert_int_equal(lks_opts.depth, 5);
}

static void
memory_default_is_an_eighth_of_the_limit_up_to_a_gibibyte(void **state)
{
	(void)state;
	lks_opts_parse(NULL);
	lks_ident.memory_limit_bytes = 0;
	assert_int_equal(lks_opts_memory(), 1ull << 30);
	lks_ident.memory_limit_bytes = 256ull << 20;
	assert_int_equal(lks_opts_memory(), 32ull << 20);
	lks_ident.memory_limit_bytes = 1ull << 40;
	assert_int_equal(lks_opts_memory(), 1ull << 30);
	lks_opts_parse("memory=2G");
	assert_int_equal(lks_opts_memory(), 2ull << 30);
}

static void
only_matches_base_names_by_glob(void **state)
{
	static const struct {
		const char *glob;
		const char *exe;
		int tracked;
	} cases[] = {
		{ "redis-server", "/usr/bin/redis-server", 1 },
		{ "redis-server", "/redis-server/x", 0 },
		{ "redis-*", "/usr/bin/redis-server", 1 },
		{ "*server", "redis-server", 1 },
		{ "*s*r*r", "redis-server", 1 },
		{ "*x*", "redis-server", 0 },
		{ "python3.[0-9]*", "/usr/bin/python3.11", 1 },
		{ "python3.[!0-9]*", "/usr/bin/python3.11", 0 },
		{ "nginx?", "nginx", 0 },
		{ "ngin?", "nginx", 1 },
		{ "*", "", 1 },
		{ "all", "redis-server", 1 },
		{ "al[l]", "redis-server", 0 },
		{ "al[l]", "all", 1 },
		{ "[", "[", 1 },
	};
	char text[128];

	(void)state;
	lks_opts_parse(NULL);
	assert_true(lks_opts_tracks("/bin/anything"));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), "only=%s", cases[i].glob);
		lks_opts_parse(text);
		if (lks_opts_tracks(cases[i].exe) != (cases[i].tracked != 0))
			fail_msg("%s against %s", cases[i].glob, cases[i].exe);
	}
}

static int
quiet(void **state)
{
	(void)state;
	lks_msg_quiet();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(complaint_names_the_key_and_the_rest_holds),
		cmocka_unit_test(nothing_given_means_the_documented_defaults),
		cmocka_unit_test(what_is_printed_is_read_back_the_same),
		cmocka_unit_test(escaped_comma_stays_in_the_value),
		cmocka_unit_test(follow_fork_comma_exec_is_one_value),
		cmocka_unit_test(signal_names_have_several_spellings),
		cmocka_unit_test(bad_value_leaves_the_default_and_says_so),
		cmocka_unit_test(
			memory_default_is_an_eighth_of_the_limit_up_to_a_gibibyte),
		cmocka_unit_test(only_matches_base_names_by_glob),
	};

	return cmocka_run_group_tests(tests, quiet, NULL);
}
