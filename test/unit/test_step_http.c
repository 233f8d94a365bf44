/* The http step: its keys, its units, and what makes it fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../companion/step.h"
#include "fake_web.h"

static struct err err;

/* Makes the step of a JSON text in which %PORT% is the server's. */
static int
parse(struct step *step, const char *text)
{
	char full[1024];
	const char *port = strstr(text, "%PORT%");
	json_t *options;

	if (port)
		snprintf(full, sizeof(full), "%.*s%u%s", (int)(port - text),
			 text, fake_web.port, port + strlen("%PORT%"));
	else
		snprintf(full, sizeof(full), "%s", text);
	options = json_loads(full, 0, NULL);
	assert_non_null(options);
	return step_parse(step, options, &err);
}

static bool
never(void *context)
{
	(void)context;
	return false;
}

static bool
at_once(void *context)
{
	(void)context;
	return true;
}

/* Runs it; the result is the caller's. */
static int
run(const char *text, double timeout_s, bool (*should_stop)(void *),
    struct step_result *result)
{
	const struct step_world world = {
		.timeout_s = timeout_s,
		.should_stop = should_stop,
	};
	struct step step;
	int rc;

	memset(result, 0, sizeof(*result));
	fake_web_forget();
	if (parse(&step, text) != 0)
		fail_msg("%s", err.text);
	assert_string_equal(step.unit, "request");
	rc = step_run(&step, &world, result, &err);
	step_release(&step);
	return rc;
}

static void
release(struct step_result *result)
{
	step_result_release(result);
}

static void
the_units_are_the_requests_that_were_answered(void **state)
{
	struct step_result result;

	(void)state;
	assert_int_equal(run("{\"kind\": \"http\", \"requests\": 50, \"url\": "
			     "\"http://127.0.0.1:%PORT%/x\"}",
			     60, never, &result),
			 0);
	assert_int_equal(result.units, 50);
	assert_int_equal(fake_web.requests, 50);
	assert_non_null(strstr(strbuf_text(&result.note), "50 requests, "));
	assert_int_equal(
		json_integer_value(json_object_get(result.numbers, "requests")),
		50);
	release(&result);
}

/* A quick last run must not hide a slow or a failed one. */
static void
what_is_told_is_of_all_runs_together(void **state)
{
	const struct step_world world = { .timeout_s = 60,
					  .should_stop = never };
	struct step_result result = { 0 };
	struct step step;
	json_t *statuses;
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		fake_web_forget();
		assert_int_equal(
			parse(&step, i == 1 ? "{\"kind\": \"http\", "
					      "\"requests\": 10, "
					      "\"max-errors\": 100, \"url\": "
					      "\"http://127.0.0.1:%PORT%/404\"}"
					    : "{\"kind\": \"http\", "
					      "\"requests\": 45, \"url\": "
					      "\"http://127.0.0.1:%PORT%/x\"}"),
			0);
		assert_int_equal(step_run(&step, &world, &result, &err), 0);
		step_release(&step);
	}
	assert_int_equal(result.units, 100);
	assert_non_null(strstr(strbuf_text(&result.note), "100 requests, "));
	assert_non_null(strstr(strbuf_text(&result.note), ", 10.00% failed"));
	assert_int_equal(
		json_integer_value(json_object_get(result.numbers, "requests")),
		100);
	statuses = json_object_get(result.numbers, "statuses");
	assert_int_equal(json_integer_value(json_object_get(statuses, "4xx")),
			 10);
	step_result_release(&result);
}

static void
without_an_end_of_its_own_it_lasts_as_long_as_there_is_room(void **state)
{
	struct step_world world = { .timeout_s = 60,
				    .span_s = 0.05,
				    .should_stop = never };
	struct step_result result = { 0 };
	struct step step;
	double seconds;

	(void)state;
	fake_web_forget();
	assert_int_equal(parse(&step, "{\"kind\": \"http\", \"url\": "
				      "\"http://127.0.0.1:%PORT%/x\"}"),
			 0);
	assert_int_equal(step_run(&step, &world, &result, &err), 0);
	seconds = json_real_value(json_object_get(result.numbers, "seconds"));
	/* Ten otherwise; a busy machine is late. */
	assert_true(seconds >= 0.05 && seconds < 8);
	step_release(&step);
	step_result_release(&result);
	/* One that was given stays. */
	fake_web_forget();
	assert_int_equal(parse(&step, "{\"kind\": \"http\", \"duration\": "
				      "0.3, \"url\": "
				      "\"http://127.0.0.1:%PORT%/x\"}"),
			 0);
	assert_int_equal(step_run(&step, &world, &result, &err), 0);
	seconds = json_real_value(json_object_get(result.numbers, "seconds"));
	assert_true(seconds >= 0.29);
	step_release(&step);
	step_result_release(&result);
}

static void
body_and_headers_are_taken_from_the_scenario(void **state)
{
	struct step_result result;

	(void)state;
	assert_int_equal(run("{\"kind\": \"http\", \"requests\": \"5\", "
			     "\"method\": \"PUT\", \"body\": \"a\\nb,c\","
			     "\"headers\": [\"X-Test: yes, it is\"], "
			     "\"url\": \"http://127.0.0.1:%PORT%/x\"}",
			     60, never, &result),
			 0);
	assert_int_equal(fake_web.right, 5);
	release(&result);
}

static void
a_body_of_a_file_is_sent_as_it_is(void **state)
{
	char text[512], file[] = "/tmp/test_step_http.XXXXXX";
	struct step_result result;
	int fd = mkstemp(file);

	(void)state;
	assert_int_equal(write(fd, "a\nb\0c", 5), 5);
	close(fd);
	snprintf(
		text, sizeof(text),
		"{\"kind\": \"http\", \"requests\": 5, \"method\": \"PUT\", "
		"\"headers\": [\"X-Test: yes, it is\"], \"body-file\": \"%s\", "
		"\"url\": \"http://127.0.0.1:%%PORT%%/x\"}",
		file);
	assert_int_equal(run(text, 60, never, &result), 0);
	assert_int_equal(fake_web.right, 5);
	release(&result);
	unlink(file);
}

static void
more_failures_than_allowed_fail_the_step(void **state)
{
	struct step_result result;

	(void)state;
	assert_int_equal(run("{\"kind\": \"http\", \"requests\": 50, \"url\": "
			     "\"http://127.0.0.1:%PORT%/404\"}",
			     60, never, &result),
			 -1);
	assert_non_null(strstr(err.text, "50 of 50 requests failed"));
	assert_int_equal(result.units, 50);
	release(&result);
	assert_int_equal(run("{\"kind\": \"http\", \"requests\": 50, \"url\": "
			     "\"http://127.0.0.1:%PORT%/404\", "
			     "\"max-errors\": \"100%\"}",
			     60, never, &result),
			 0);
	release(&result);
	assert_int_equal(run("{\"kind\": \"http\", \"requests\": 50, \"url\": "
			     "\"http://127.0.0.1:%PORT%/404\", "
			     "\"expect\": \"404\", \"max-errors\": 0}",
			     60, never, &result),
			 0);
	release(&result);
}

static void
a_step_ends_at_its_time_out_and_has_failed(void **state)
{
	struct step_result result;

	(void)state;
	assert_int_equal(run("{\"kind\": \"http\", \"requests\": 1000000000, "
			     "\"url\": \"http://127.0.0.1:%PORT%/x\"}",
			     0.3, never, &result),
			 -1);
	assert_non_null(strstr(err.text, "not done in 0.3 s"));
	release(&result);
	assert_int_equal(run("{\"kind\": \"http\", \"duration\": \"1m\", "
			     "\"url\": \"http://127.0.0.1:%PORT%/x\"}",
			     5, never, &result),
			 -1);
	assert_non_null(strstr(err.text, "beyond the time-out of 5 s"));
	assert_int_equal(fake_web.requests, 0);
	release(&result);
}

static void
a_step_that_is_told_to_stop_has_not_failed(void **state)
{
	struct step_result result;

	(void)state;
	assert_int_equal(run("{\"kind\": \"http\", \"duration\": \"1m\", "
			     "\"url\": \"http://127.0.0.1:%PORT%/wait-50\"}",
			     1000, at_once, &result),
			 0);
	release(&result);
}

static void
each_bad_key_is_named(void **state)
{
	static const struct {
		const char *rest, *expected;
	} cases[] = {
		{ "", "url is missing" },
		{ "\"url\": []", "url takes" },
		{ "\"url\": [1]", "url has what is no text" },
		{ "\"url\": \"ftp://x/\"", "neither http nor https" },
		{ "\"url\": \"http://x/\", \"raet\": 1", "raet" },
		{ "\"url\": \"http://x/\", \"rate\": -1", "rate" },
		{ "\"url\": \"http://x/\", \"concurrency\": 0", "concurrency" },
		{ "\"url\": \"http://x/\", \"concurrency\": 5000",
		  "concurrency" },
		{ "\"url\": \"http://x/\", \"headers\": [\"a\\nb: c\"]",
		  "header 1" },
		{ "\"url\": \"http://x/\", \"expect\": \"many\"", "expect" },
		{ "\"url\": \"http://x/\", \"max-errors\": \"101%\"",
		  "max-errors" },
		{ "\"url\": \"http://x/\", \"max-errors\": \"%\"",
		  "max-errors" },
		{ "\"url\": \"http://x/\", \"requests\": 1, \"duration\": 1",
		  "exclude each other" },
		{ "\"url\": \"http://x/\", \"body\": \"\", "
		  "\"body-file\": \"x\"",
		  "exclude each other" },
		{ "\"url\": \"http://x/\", \"body-file\": \"/nowhere/x\"",
		  "/nowhere/x" },
	};
	char text[512];
	struct step step;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), "{\"kind\": \"http\"%s%s}",
			 cases[i].rest[0] ? ", " : "", cases[i].rest);
		err.text[0] = '\0';
		assert_int_equal(parse(&step, text), -1);
		if (!strstr(err.text, cases[i].expected))
			fail_msg("%s: %s", cases[i].rest, err.text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_units_are_the_requests_that_were_answered),
		cmocka_unit_test(what_is_told_is_of_all_runs_together),
		cmocka_unit_test(
			without_an_end_of_its_own_it_lasts_as_long_as_there_is_room),
		cmocka_unit_test(body_and_headers_are_taken_from_the_scenario),
		cmocka_unit_test(a_body_of_a_file_is_sent_as_it_is),
		cmocka_unit_test(more_failures_than_allowed_fail_the_step),
		cmocka_unit_test(a_step_ends_at_its_time_out_and_has_failed),
		cmocka_unit_test(a_step_that_is_told_to_stop_has_not_failed),
		cmocka_unit_test(each_bad_key_is_named),
	};

	return cmocka_run_group_tests(tests, fake_web_start, fake_web_stop);
}
