/* Scenarios of leakshim soak: what they mean, and what is refused. */
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../companion/scenario.h"
#include "../../companion/scenario_get.h"
#include "../../companion/step_signals.h"

/* A scenario of this text, taken apart; its message, if it is refused. */
static int
parse(struct scenario_set *set, const char *text, struct err *err)
{
	struct scenario_source source;
	json_error_t error;
	int result;

	scenario_source_init(&source);
	json_decref(source.json);
	source.json = json_loads(text, 0, &error);
	assert_non_null(source.json);
	result = scenario_set_init(set, &source, "/out", err);
	scenario_source_release(&source);
	return result;
}

static void
good(struct scenario_set *set, const char *text)
{
	struct err err;

	if (parse(set, text, &err))
		fail_msg("%s: %s", text, err.text);
}

/* The message says which key, and what is wrong with it. */
static void
bad(const char *text, const char *key, const char *what)
{
	struct scenario_set set;
	struct err err = { .code = ERR_NONE };

	if (!parse(&set, text, &err))
		fail_msg("%s was taken", text);
	assert_int_equal(err.code, ERR_PATTERN);
	if (!strstr(err.text, key) || !strstr(err.text, what))
		fail_msg("%s: '%s' tells neither '%s' nor '%s'", text, err.text,
			 key, what);
}

#define WITH(more)                                                             \
	"{\"command\": \"./a\", \"step\": {\"kind\": \"exec\", \
	\"command\": \"true\"}" more "}"
#define STEP(step) "{\"command\": \"./a\", \"step\": " step "}"

static void
defaults_are_twenty_iterations(void **state)
{
	struct scenario_set set;
	const struct scenario *run;

	(void)state;
	good(&set, WITH(""));
	run = &set.runs[0];
	assert_int_equal(set.count, 1);
	assert_int_equal(run->iterations, 20);
	assert_int_equal(run->every.iterations, 1);
	assert_string_equal(run->unit, "iteration");
	assert_string_equal(run->command[0], "./a");
	assert_null(run->command[1]);
	assert_string_equal(run->out, "/out");
	assert_true(run->settle_s == 1 && run->timeout_s == 60);
	assert_int_equal(run->step_count, 1);
	assert_true(run->port > 0 && run->port < 65536);
	scenario_set_release(&set);
}

static void
numbers_may_be_texts(void **state)
{
	struct scenario_set set;

	(void)state;
	good(&set,
	     WITH(", \"iterations\": \"200\", \"settle\": \"100ms\","
		  "\"timeout\": 1.5, \"warmup\": 3, \"keep\": \"9\","
		  "\"snapshot-every\": \"5s\", \"memory-limit\": \"1M\""));
	assert_int_equal(set.runs[0].iterations, 200);
	assert_true(set.runs[0].settle_s == 0.1);
	assert_true(set.runs[0].timeout_s == 1.5);
	assert_int_equal(set.runs[0].warmup.iterations, 3);
	assert_true(set.runs[0].every.seconds == 5);
	assert_int_equal(set.runs[0].every.iterations, 0);
	assert_int_equal(set.runs[0].keep, 9);
	assert_int_equal(set.runs[0].memory_limit, 1 << 20);
	scenario_set_release(&set);
	/* And texts numbers. */
	good(&set, WITH(", \"limit\": 64, \"fail-threads\": 3,"
			"\"memory-limit\": 1000, \"max-loss\": 0.5"));
	assert_string_equal(set.runs[0].limit, "64");
	assert_string_equal(set.runs[0].fail_threads, "3");
	assert_int_equal(set.runs[0].memory_limit, 1000);
	assert_true(atof(set.runs[0].max_loss) == 0.5);
	scenario_set_release(&set);
}

static void
durations_decide_how_often_snapshots_are_taken(void **state)
{
	struct scenario_set set;

	(void)state;
	good(&set, WITH(", \"duration\": \"8h\""));
	assert_true(set.runs[0].duration_s == 28800);
	/* With the pause a twentieth. */
	assert_true(set.runs[0].every.seconds == 1439);
	assert_true(set.runs[0].settle_s == 1);
	assert_int_equal(set.runs[0].iterations, 0);
	scenario_set_release(&set);
	good(&set, WITH(", \"duration\": \"forever\""));
	assert_true(isinf(set.runs[0].duration_s));
	assert_true(set.runs[0].every.seconds == 600);
	scenario_set_release(&set);
	good(&set, WITH(", \"iterations\": 205"));
	assert_int_equal(set.runs[0].every.iterations, 11);
	scenario_set_release(&set);
	/* Without steps seconds are counted. */
	good(&set, "{\"command\": \"a\", \"duration\": 5}");
	assert_string_equal(set.runs[0].unit, "second");
	scenario_set_release(&set);
}

static void
steps_that_last_leave_a_short_duration_its_snapshots(void **state)
{
	static const struct {
		const char *text;
		double settle_s, every_s, span_s;
	} cases[] = {
		{ "\"duration\": \"12s\"", 0.3, 0.3, 0.3 },
		{ "\"duration\": \"12s\", \"settle\": 0", 0, 0.6, 0.6 },
		{ "\"duration\": \"12s\", \"settle\": 5", 5, 0.3, 0.3 },
		{ "\"duration\": \"10m\"", 1, 29, 29 },
		{ "\"duration\": \"10m\", \"timeout\": \"5s\"", 1, 29, 2.5 },
		{ "\"duration\": \"3s\", \"snapshot-every\": \"9s\"", 0.075, 9,
		  3 },
		{ "\"duration\": \"100s\", \"snapshot-every\": 5", 1, 0, 1 },
		{ "\"duration\": \"forever\"", 1, 600, 30 },
		{ "\"iterations\": 5", 1, 0, 30 },
	};
	char text[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scenario_set set;

		snprintf(text, sizeof(text),
			 "{\"command\": \"a\", \"step\": {\"kind\": \"http\", "
			 "\"url\": \"http://a/\"}, %s}",
			 cases[i].text);
		good(&set, text);
		assert_float_equal(set.runs[0].settle_s, cases[i].settle_s,
				   1e-9);
		assert_float_equal(set.runs[0].every.seconds, cases[i].every_s,
				   1e-9);
		assert_float_equal(set.runs[0].span_s, cases[i].span_s, 1e-9);
		scenario_set_release(&set);
	}
	/* Several share it; those that have an end of their own do not ask. */
	{
		struct scenario_set set;

		good(&set, "{\"command\": \"a\", \"duration\": \"12s\", "
			   "\"step\": [{\"kind\": \"http\", \"url\": "
			   "\"http://a/\", \"repeat\": 2}, {\"kind\": \"http\","
			   "\"url\": \"http://a/\"}]}");
		assert_float_equal(set.runs[0].span_s, 0.1, 1e-9);
		scenario_set_release(&set);
		good(&set, WITH(", \"duration\": \"12s\""));
		assert_float_equal(set.runs[0].span_s, 0, 1e-9);
		scenario_set_release(&set);
	}
}

static void
units_are_what_all_steps_count(void **state)
{
	struct scenario_set set;

	(void)state;
	good(&set, STEP("[{\"kind\": \"signal\", \"signals\": \"HUP\"},"
			"{\"kind\": \"exec\", \"command\": \"true\"}]"));
	assert_string_equal(set.runs[0].unit, "signal");
	scenario_set_release(&set);
	good(&set, STEP("[{\"kind\": \"signal\", \"signals\": \"HUP\"},"
			"{\"kind\": \"reload\", \"signal\": \"HUP\"}]"));
	assert_string_equal(set.runs[0].unit, "iteration");
	scenario_set_release(&set);
	good(&set, STEP("[{\"kind\": \"exec\", \"command\": \"true\","
			"\"unit\": \"query\", \"units\": 50, \"repeat\": 2}]"));
	assert_string_equal(set.runs[0].unit, "query");
	assert_int_equal(set.runs[0].steps[0].repeat, 2);
	assert_int_equal(set.runs[0].steps[0].scale, 50);
	scenario_set_release(&set);
}

static void
mistakes_name_their_key(void **state)
{
	(void)state;
	bad("{}", "command", "missing");
	bad("{\"command\": \"\"}", "command", "no word");
	bad("{\"command\": \"'a\"}", "command", "quote");
	bad("{\"command\": []}", "command", "1 to 1024 words");
	bad("{\"command\": [\"a\", 3]}", "command", "word 2");
	bad("{\"command\": \"a\"}", "step", "missing");
	bad(WITH(", \"itertions\": 3"), "itertions", "iterations");
	bad(WITH(", \"iterations\": 0"), "iterations", "from 1 to");
	bad(WITH(", \"iterations\": -4"), "iterations", "a whole number");
	bad(WITH(", \"iterations\": 1.5"), "iterations", "a number");
	bad(WITH(", \"iterations\": \"many\""), "iterations", "'many'");
	bad(WITH(", \"iterations\": 3, \"duration\": 4"), "duration", "one of");
	bad(WITH(", \"duration\": \"8 hours\""), "duration", "8 hours");
	bad(WITH(", \"duration\": 0"), "duration", "more than 0");
	bad(WITH(", \"duration\": -1"), "duration", "a number");
	bad(WITH(", \"settle\": []"), "settle", "an array");
	bad(WITH(", \"timeout\": 0"), "timeout", "or more");
	bad(WITH(", \"snapshot-every\": 0"), "snapshot-every", "more than 0");
	bad(WITH(", \"keep\": 2"), "keep", "from 8");
	bad(WITH(", \"trim\": \"yes\""), "trim", "true or false");
	bad(WITH(", \"env\": [\"A=1\"]"), "env", "object");
	bad(WITH(", \"env\": {\"A\": 1}"), "env", "'A'");
	bad(WITH(", \"env\": {\"A=B\": \"1\"}"), "env", "A=B");
	bad(WITH(", \"setup\": \"a\\nb\""), "setup", "one line");
	bad(WITH(", \"unit\": \"request\""), "unit", "'request'");
	bad(WITH(", \"memory-limit\": \"-1\""), "memory-limit", "'-1'");
	bad(WITH(", \"limit\": \"1\", \"fail-over\": \"1\""), "fail-over",
	    "one of");
	bad(WITH(", \"before-snapshot\": \"signal:FOO\""), "before-snapshot",
	    "'FOO'");
	bad(WITH(", \"limit\": []"), "limit", "an array");
	bad(WITH(", \"ab\": [{}]"), "ab", "two variants, not 1");
	bad(WITH(", \"ab\": [{}, {\"limit\": 3}]"), "limit", "a variant");
	bad(WITH(", \"ab\": [{}, 3]"), "ab", "objects");
}

static void
mistakes_of_steps_name_their_kind_and_key(void **state)
{
	(void)state;
	bad(STEP("3"), "step", "array");
	bad(STEP("[3]"), "step", "objects");
	bad(STEP("{}"), "kind", "needs");
	bad(STEP("{\"kind\": \"ecex\"}"), "ecex", "exec");
	bad(STEP("{\"kind\": \"exec\"}"), "exec: command", "missing");
	bad(STEP("{\"kind\": \"exec\", \"command\": \"a\", \"comand\": 1}"),
	    "comand", "kind exec");
	bad(STEP("{\"kind\": \"exec\", \"command\": \"a\", \"repeat\": 0}"),
	    "repeat", "from 1");
	bad(STEP("{\"kind\": \"signal\"}"), "signals", "missing");
	bad(STEP("{\"kind\": \"signal\", \"signals\": \"HUP,FOO\"}"), "signals",
	    "'FOO'");
	bad(STEP("{\"kind\": \"signal\", \"signals\": [\"HUP\", 3]}"),
	    "signals", "number 2");
	bad(STEP("{\"kind\": \"signal\", \"signals\": \"HUP\", \"to\": \"us\"}"),
	    "to", "'us'");
	bad(STEP("{\"kind\": \"signal\", \"signals\": \"HUP\", \"rate\": -1}"),
	    "rate", "a number");
	bad(STEP("{\"kind\": \"reload\"}"), "reload", "signal and command");
	bad(STEP("{\"kind\": \"reload\", \"signal\": \"X\"}"), "signal", "'X'");
	bad(STEP("{\"kind\": \"config\"}"), "config: files", "missing");
	bad(STEP("{\"kind\": \"config\", \"files\": \"/not/there\"}"),
	    "/not/there", "cannot read");
	bad(STEP("[{\"kind\": \"config\", \"files\": \"/dev/null\"},"
		 "{\"kind\": \"config\", \"files\": \"/dev/null\"}]"),
	    "config", "one list");
}

static void
variants_change_what_they_name(void **state)
{
	struct scenario_set set;

	(void)state;
	good(&set, WITH(", \"env\": {\"X\": \"0\", \"Y\": \"0\"}, \"ab\": ["
			"{\"name\": \"old one\", \"env\": {\"X\": \"1\"}},"
			"{\"command\": \"./b {out}\"}]"));
	assert_int_equal(set.count, 2);
	assert_true(set.is_ab && !set.is_config);
	assert_string_equal(set.runs[0].name, "old one");
	assert_string_equal(set.runs[0].out, "/out/1-old_one");
	assert_string_equal(set.runs[0].command[0], "./a");
	assert_string_equal(
		json_string_value(json_object_get(set.runs[0].env, "X")), "1");
	assert_string_equal(
		json_string_value(json_object_get(set.runs[0].env, "Y")), "0");
	assert_string_equal(set.runs[1].name, "B");
	assert_string_equal(set.runs[1].command[0], "./b");
	assert_string_equal(set.runs[1].command[1], "/out/2-B");
	assert_string_equal(
		json_string_value(json_object_get(set.runs[1].env, "X")), "0");
	scenario_set_release(&set);
}

static void
a_config_step_is_a_run_for_each_file(void **state)
{
	struct scenario_set set;

	(void)state;
	good(&set, "{\"command\": [\"a\", \"{config}\", \"${config}\"],"
		   "\"duration\": 3, \"step\": {\"kind\": \"config\","
		   "\"files\": [\"/dev/null\", \"/dev/zero\"]}}");
	assert_int_equal(set.count, 2);
	assert_true(set.is_config);
	assert_int_equal(set.runs[0].step_count, 0);
	assert_string_equal(set.runs[1].name, "zero");
	assert_string_equal(set.runs[1].config, "/dev/zero");
	assert_string_equal(set.runs[1].command[1], "/dev/zero");
	/* A shell's own. */
	assert_string_equal(set.runs[1].command[2], "${config}");
	scenario_set_release(&set);
}

static void
configurations_may_lie_beside_the_scenario(void **state)
{
	struct scenario_source source;
	struct scenario_set set;
	struct err err;

	(void)state;
	scenario_source_init(&source);
	free(source.dir);
	source.dir = strdup("/dev");
	assert_int_equal(
		scenario_source_set(&source, "command", "a {config}", &err), 0);
	assert_int_equal(scenario_source_set(&source, "duration", "1", &err),
			 0);
	assert_int_equal(scenario_source_set(&source, "step",
					     "config:{dir}/null,{dir}/zero",
					     &err),
			 0);
	assert_int_equal(scenario_set_init(&set, &source, "/o", &err), 0);
	assert_string_equal(set.runs[1].command[1], "/dev/zero");
	scenario_set_release(&set);
	scenario_source_release(&source);
}

static void
options_replace_what_the_file_says(void **state)
{
	static const char text[] =
		"{\"#\": \"a comment\", \"command\": \"a\", \"duration\": 9,"
		"\"step\": [{\"kind\": \"exec\", \"command\": \"1\"},"
		"{\"kind\": \"exec\", \"command\": \"2\"}]}";
	char path[] = "/tmp/lks-scenario-XXXXXX";
	struct scenario_source source;
	struct scenario_set set;
	struct err err;
	int fd = mkstemp(path);

	(void)state;
	assert_true(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	scenario_source_init(&source);
	assert_int_equal(scenario_source_read(&source, path, &err), 0);
	unlink(path);
	assert_string_equal(source.dir, "/tmp");
	assert_int_equal(scenario_source_set(&source, "iterations", "5", &err),
			 0);
	assert_int_equal(scenario_source_set(&source, "trim", NULL, &err), 0);
	assert_int_equal(
		scenario_source_set(&source, "step", "exec:a, b:c", &err), 0);
	assert_int_equal(scenario_source_set(&source, "env", "A=B=C", &err), 0);
	assert_int_equal(scenario_set_init(&set, &source, "/o", &err), 0);
	assert_int_equal(set.runs[0].iterations, 5);
	assert_true(set.runs[0].duration_s == 0);
	assert_true(set.runs[0].trim);
	assert_int_equal(set.runs[0].step_count, 1);
	assert_string_equal(
		json_string_value(json_object_get(set.runs[0].env, "A")),
		"B=C");
	scenario_set_release(&set);
	assert_int_equal(scenario_source_set(&source, "env", "A", &err), -1);
	assert_non_null(strstr(err.text, "env"));
	assert_int_equal(scenario_source_set(&source, "ab", "A", &err), -1);
	assert_int_equal(scenario_source_set(&source, "step", "exec", &err),
			 -1);
	assert_non_null(strstr(err.text, "command"));
	assert_int_equal(scenario_source_set(&source, "step", "{x", &err), -1);
	assert_int_equal(scenario_source_set(&source, "setup", "", &err), -1);
	assert_int_equal(scenario_source_set(&source, "setup", "\xff", &err),
			 -1);
	scenario_source_release(&source);
}

static void
files_that_are_no_scenario_are_refused(void **state)
{
	static const char *const texts[] = { "", "{", "[]", "{\"a\":1,\"a\":2}",
					     "{\"a\": \"\xff\"}" };
	struct scenario_source source;
	struct err err;
	size_t i;

	(void)state;
	scenario_source_init(&source);
	assert_int_equal(scenario_source_read(&source, "/not/there", &err), -1);
	assert_int_equal(err.code, ERR_OPEN);
	assert_int_equal(scenario_source_read(&source, "/dev/zero", &err), -1);
	assert_int_equal(err.code, ERR_TOO_LARGE);
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char path[] = "/tmp/lks-scenario-XXXXXX";
		int fd = mkstemp(path);

		assert_true(write(fd, texts[i], strlen(texts[i])) ==
			    (ssize_t)strlen(texts[i]));
		close(fd);
		assert_int_equal(scenario_source_read(&source, path, &err), -1);
		assert_int_equal(err.code, ERR_CORRUPT);
		unlink(path);
	}
	scenario_source_release(&source);
}

static void
words_are_split_as_a_shell_does(void **state)
{
	json_t *words =
		scenario_words("  a 'b  c'\"d \\\" e\" \\'f '' g\\ h '$x' ");
	static const char *const wanted[] = { "a", "b  cd \" e", "'f",
					      "",  "g h",        "$x" };
	size_t i;

	(void)state;
	assert_int_equal(json_array_size(words), 6);
	for (i = 0; i < 6; i++)
		assert_string_equal(json_string_value(json_array_get(words, i)),
				    wanted[i]);
	json_decref(words);
	assert_null(scenario_words("a 'b"));
	assert_null(scenario_words("  "));
}

static void
signals_have_the_names_that_people_write(void **state)
{
	int number = 0;

	(void)state;
	assert_true(step_signals_parse("HUP", &number) && number == 1);
	assert_true(step_signals_parse("sigterm", &number) && number == 15);
	assert_true(step_signals_parse("9", &number) && number == 9);
	assert_true(step_signals_parse("RTMIN+2", &number));
	assert_true(step_signals_parse("SIGRTMAX-1", &number));
	assert_false(step_signals_parse("0", &number));
	assert_false(step_signals_parse("65", &number));
	assert_false(step_signals_parse("RTMIN+40", &number));
	assert_false(step_signals_parse("RTMIN-1", &number));
	assert_false(step_signals_parse("", &number));
	assert_false(step_signals_parse("HUPX", &number));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_twenty_iterations),
		cmocka_unit_test(numbers_may_be_texts),
		cmocka_unit_test(
			durations_decide_how_often_snapshots_are_taken),
		cmocka_unit_test(
			steps_that_last_leave_a_short_duration_its_snapshots),
		cmocka_unit_test(units_are_what_all_steps_count),
		cmocka_unit_test(mistakes_name_their_key),
		cmocka_unit_test(mistakes_of_steps_name_their_kind_and_key),
		cmocka_unit_test(variants_change_what_they_name),
		cmocka_unit_test(a_config_step_is_a_run_for_each_file),
		cmocka_unit_test(configurations_may_lie_beside_the_scenario),
		cmocka_unit_test(options_replace_what_the_file_says),
		cmocka_unit_test(files_that_are_no_scenario_are_refused),
		cmocka_unit_test(words_are_split_as_a_shell_does),
		cmocka_unit_test(signals_have_the_names_that_people_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
