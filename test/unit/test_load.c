/*
 * Load against fake_web.h, which knows what arrived. No check depends on how
 * fast either is: times are bounded from below by what the server waits.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "../../companion/load.h"
#include "fake_web.h"

static struct {
	struct load_plan plan;
	const char *urls[2];
	char texts[2][128];
	struct load_result result;
	struct err err;
} load;

static void
set_url(size_t i, unsigned int port, const char *path)
{
	snprintf(load.texts[i], sizeof(load.texts[i]), "http://127.0.0.1:%u/%s",
		 port, path);
	load.urls[i] = load.texts[i];
}

/* A load of `path` that the tests change and then run. */
static struct load_plan *
plan_of(const char *path)
{
	fake_web_forget();
	load_plan_init(&load.plan);
	set_url(0, fake_web.port, path);
	load.plan.urls = load.urls;
	load.plan.url_count = 1;
	load.plan.count = 100;
	return &load.plan;
}

static void
run(void)
{
	int rc = load_run(&load.plan, &load.result, &load.err);

	if (rc != 0)
		print_error("%s\n", load.err.text);
	assert_int_equal(rc, 0);
}

static bool
passes(void)
{
	return load_judge(&load.plan, &load.result, &load.err) == 0;
}

static void
assert_counts(uint64_t offered, uint64_t answered)
{
	if (load.result.answered != answered)
		print_error("%s\n", load.result.first_failure);
	assert_int_equal(load.result.offered, offered);
	assert_int_equal(load.result.answered, answered);
	assert_int_equal(load.result.latency.count, answered);
}

static void
exactly_the_requests_asked_for_arrive(void **state)
{
	(void)state;
	plan_of("200")->count = 1234;
	run();
	assert_counts(1234, 1234);
	assert_int_equal(fake_web.requests, 1234);
	assert_int_equal(load.result.classes[2], 1234);
	assert_int_equal(load.result.unexpected, 0);
	assert_in_range(load.result.bytes_in, 1234 * 1000, 1234 * 1400);
	assert_true(load.result.bytes_out > 1234 * 40);
	assert_true(passes());
}

static void
connections_are_kept_and_no_more_than_asked_for(void **state)
{
	(void)state;
	plan_of("200")->connections = 3;
	run();
	assert_counts(100, 100);
	assert_in_range(fake_web.connections, 1, 3);
	assert_int_equal(load.result.connections, fake_web.connections);
}

static void
close_makes_a_connection_for_each_request(void **state)
{
	(void)state;
	plan_of("200")->close = true;
	run();
	assert_counts(100, 100);
	assert_int_equal(fake_web.connections, 100);
	assert_int_equal(load.result.connections, 100);
}

static void
urls_are_taken_in_turn(void **state)
{
	(void)state;
	plan_of("first")->url_count = 2;
	load.plan.count = 101;
	set_url(1, fake_web.port, "second");
	run();
	assert_int_equal(fake_web.first, 51);
	assert_int_equal(fake_web.second, 50);
}

static void
method_headers_and_body_arrive(void **state)
{
	static const char *const headers[] = { "X-Test: yes, it is" };

	(void)state;
	plan_of("200")->method = "PUT";
	load.plan.headers = headers;
	load.plan.header_count = 1;
	load.plan.body = "a\nb\0c";
	load.plan.body_len = 5;
	run();
	assert_counts(100, 100);
	assert_int_equal(fake_web.right, 100);
}

static void
head_has_no_body_to_wait_for(void **state)
{
	(void)state;
	plan_of("200")->method = "HEAD";
	run();
	assert_counts(100, 100);
	assert_true(load.result.bytes_in < 100 * 400);
}

static void
a_unix_socket_takes_the_place_of_the_host(void **state)
{
	static const char *const urls[] = { "http://no.such.host.invalid/x" };

	(void)state;
	plan_of("")->urls = urls;
	load.plan.unix_socket = fake_web.socket_path;
	run();
	assert_counts(100, 100);
	assert_int_equal(fake_web.requests, 100);
}

static void
proxies_of_the_environment_are_not_used(void **state)
{
	(void)state;
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	plan_of("200");
	run();
	unsetenv("http_proxy");
	assert_counts(100, 100);
}

static void
statuses_not_expected_fail_the_step(void **state)
{
	struct strbuf text = { 0 };

	(void)state;
	plan_of("200")->url_count = 2;
	set_url(1, fake_web.port, "503");
	run();
	assert_counts(100, 100);
	assert_int_equal(load.result.classes[5], 50);
	assert_int_equal(load.result.unexpected, 50);
	assert_false(passes());
	assert_non_null(strstr(load.err.text, "50 of 100 requests failed"));
	assert_non_null(strstr(load.err.text, "answered with status 503"));
	load_text(&text, &load.result);
	assert_non_null(
		strstr(strbuf_text(&text), "2xx 50, non-2xx 50 (5xx 50)"));
	strbuf_release(&text);
	load.plan.max_errors = 0.5;
	assert_true(passes());
	assert_true(load_expect(&load.plan, "2xx,503"));
	run();
	load.plan.max_errors = 0;
	assert_int_equal(load.result.classes[5], 50);
	assert_true(passes());
}

static void
one_per_cent_of_failures_passes_and_more_does_not(void **state)
{
	(void)state;
	plan_of("200");
	memset(&load.result, 0, sizeof(load.result));
	load.result.offered = 1000;
	load.result.answered = 990;
	load.result.errors[LOAD_TIMEOUT] = 3;
	load.result.unsent = 7;
	assert_true(passes());
	load.result.unexpected = 1;
	assert_false(passes());
	load.result.unexpected = 0;
	load.result.unsent = 8;
	assert_false(passes());
	memset(&load.result, 0, sizeof(load.result));
	assert_false(passes());
}

static void
who_waits_too_long_has_timed_out(void **state)
{
	(void)state;
	plan_of("wait-2000")->count = 2;
	load.plan.timeout_s = 0.1;
	run();
	assert_counts(2, 0);
	assert_int_equal(load.result.errors[LOAD_TIMEOUT], 2);
}

static void
a_server_that_is_not_there_ends_the_load_early(void **state)
{
	struct timespec start, end;

	(void)state;
	plan_of("200")->count = 0;
	load.plan.duration_s = 3600;
	set_url(0, 1, "");
	clock_gettime(CLOCK_MONOTONIC, &start);
	run();
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_true(end.tv_sec - start.tv_sec < 600);
	assert_true(load.result.gave_up);
	assert_counts(load.result.offered, 0);
	assert_in_range(load.result.errors[LOAD_CONNECT], LOAD_GIVE_UP,
			LOAD_GIVE_UP + 10);
	assert_false(passes());
}

static void
failures_between_answers_do_not_end_the_load(void **state)
{
	(void)state;
	plan_of("200")->count = 2 * LOAD_GIVE_UP + 200;
	load.plan.url_count = 2;
	load.plan.connections = 2;
	set_url(1, 1, "");
	run();
	assert_false(load.result.gave_up);
	assert_counts(load.plan.count, load.plan.count / 2);
}

/* Takes connections, reads some and hangs up. */
static void *
hang_up(void *arg)
{
	const int *fd = arg;
	char bytes[512];
	int one;

	while ((one = accept(*fd, NULL, NULL)) >= 0) {
		if (read(one, bytes, sizeof(bytes)) > 0)
			shutdown(one, SHUT_RDWR);
		close(one);
	}
	return NULL;
}

static void
a_connection_closed_before_the_answer_is_told_apart(void **state)
{
	pthread_t thread;
	int fd = fake_web_listen();

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, hang_up, &fd), 0);
	plan_of("200")->count = 20;
	set_url(0, fake_web_port(fd), "");
	run();
	shutdown(fd, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(fd);
	assert_counts(20, 0);
	assert_int_equal(load.result.errors[LOAD_CLOSED], 20);
}

/* Either is told before, by a libcurl that can't, or counted afterwards. */
static void
pipelining_without_http_2_never_passes(void **state)
{
	(void)state;
	plan_of("200")->pipelining = 4;
	load.plan.count = 20;
	if (load_check(&load.plan, &load.err) != 0) {
		assert_non_null(strstr(load.err.text, "needs https"));
		return;
	}
	run();
	assert_int_equal(load.result.answered, 0);
	assert_false(passes());
}

static void
a_slow_server_does_not_lower_the_offered_rate(void **state)
{
	(void)state;
	plan_of("wait-250")->count = 0;
	load.plan.duration_s = 0.5;
	load.plan.rate = 200;
	load.plan.connections = 2;
	run();
	/* Each connection has sent at 0, 250 ms and, if at all, 500 ms. */
	assert_int_equal(load.result.offered, 100);
	assert_in_range(load.result.answered, 2, 6);
	assert_int_equal(load.result.unsent, 100 - load.result.answered);
	assert_false(passes());
	assert_non_null(strstr(load.err.text, "more were asked for"));
	assert_int_equal(strtoul(load.err.text, NULL, 10), load.result.unsent);
}

static void
latency_counts_from_when_a_request_fell_due(void **state)
{
	(void)state;
	plan_of("wait-40")->count = 6;
	load.plan.rate = 1000;
	load.plan.connections = 1;
	run();
	assert_counts(6, 6);
	/* The last fell due after 5 ms, and five others went first. */
	assert_true(load.result.latency.max_ns >= 6 * 40000000u - 5000000u);
	/* In a closed loop nothing waits. */
	load.plan.rate = 0;
	run();
	assert_true(load_latency_quantile(&load.result.latency, 0) >=
		    40000000u);
}

static void
a_rate_is_not_exceeded(void **state)
{
	(void)state;
	plan_of("200")->count = 21;
	load.plan.rate = 100;
	run();
	assert_counts(21, 21);
	assert_true(load.result.seconds >= 0.2);
}

static void
a_duration_without_a_rate_ends_by_itself(void **state)
{
	(void)state;
	plan_of("200")->count = 0;
	load.plan.duration_s = 0.2;
	run();
	assert_true(load.result.seconds >= 0.2);
	assert_true(load.result.answered > 0);
	assert_counts(fake_web.requests, fake_web.requests);
	assert_int_equal(load.result.unsent, 0);
}

static bool
after_some(void *context)
{
	unsigned int *asked = context;

	return ++*asked > 3;
}

static void
a_load_that_is_stopped_ends_and_blames_nobody(void **state)
{
	unsigned int asked = 0;

	(void)state;
	plan_of("wait-200")->count = 0;
	load.plan.duration_s = 3600;
	load.plan.rate = 50;
	load.plan.connections = 4;
	load.plan.should_stop = after_some;
	load.plan.context = &asked;
	run();
	assert_true(load.result.stopped);
	assert_int_equal(load.result.unsent, 0);
	assert_int_equal(load.result.offered, load.result.answered);
	assert_true(passes());
	/* Those that were cut off end before the next test. */
	usleep(300000);
}

static void
refused(const char *expected)
{
	assert_int_equal(load_run(&load.plan, &load.result, &load.err), -1);
	assert_non_null(strstr(load.err.text, expected));
}

static void
what_is_no_plan_is_refused(void **state)
{
	static const char *const split[] = { "X: a\r\nY: b" };
	static const char *const nameless[] = { "no colon" };

	(void)state;
	plan_of("200")->url_count = 0;
	refused("1 to 1000 URLs");
	plan_of("200");
	load.urls[0] = "ftp://127.0.0.1/";
	refused("neither http nor https");
	load.urls[0] = "127.0.0.1:x";
	refused("127.0.0.1:x");
	plan_of("200")->connections = 0;
	refused("from 1 to 4096");
	plan_of("200")->connections = 65536;
	load.plan.pipelining = 65536;
	refused("from 1 to 4096");
	plan_of("200")->rate = -1;
	refused("rate");
	plan_of("200")->method = "GET / HTTP/1.0\r\n";
	refused("method");
	plan_of("200")->headers = split;
	load.plan.header_count = 1;
	refused("header 1");
	load.plan.headers = nameless;
	refused("header 1");
}

static void
lists_of_statuses_are_read_whole_or_not_at_all(void **state)
{
	static const char *const bad[] = { "",    "2x",  "2xx,", "2xx 3xx",
					   "600", "0xx", "20",   "2xx,x",
					   "2x0", "2xxx" };
	size_t i;

	(void)state;
	load_plan_init(&load.plan);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(load_expect(&load.plan, bad[i]));
	assert_true(load.plan.expected[299]);
	assert_true(load_expect(&load.plan, "404,5xx"));
	assert_true(load.plan.expected[404] && load.plan.expected[599]);
	assert_false(load.plan.expected[200] || load.plan.expected[405]);
}

static void
the_report_for_machines_has_the_same_numbers(void **state)
{
	json_t *json, *statuses;

	(void)state;
	plan_of("404");
	run();
	json = load_json(&load.result);
	statuses = json_object_get(json, "statuses");
	assert_int_equal(json_integer_value(json_object_get(json, "requests")),
			 100);
	assert_int_equal(json_integer_value(json_object_get(json, "non_2xx")),
			 100);
	assert_int_equal(json_integer_value(json_object_get(statuses, "4xx")),
			 100);
	assert_true(json_real_value(json_object_get(
			    json_object_get(json, "latency_seconds"), "p99")) >
		    0);
	json_decref(json);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exactly_the_requests_asked_for_arrive),
		cmocka_unit_test(
			connections_are_kept_and_no_more_than_asked_for),
		cmocka_unit_test(close_makes_a_connection_for_each_request),
		cmocka_unit_test(urls_are_taken_in_turn),
		cmocka_unit_test(method_headers_and_body_arrive),
		cmocka_unit_test(head_has_no_body_to_wait_for),
		cmocka_unit_test(a_unix_socket_takes_the_place_of_the_host),
		cmocka_unit_test(proxies_of_the_environment_are_not_used),
		cmocka_unit_test(statuses_not_expected_fail_the_step),
		cmocka_unit_test(
			one_per_cent_of_failures_passes_and_more_does_not),
		cmocka_unit_test(who_waits_too_long_has_timed_out),
		cmocka_unit_test(
			a_server_that_is_not_there_ends_the_load_early),
		cmocka_unit_test(failures_between_answers_do_not_end_the_load),
		cmocka_unit_test(
			a_connection_closed_before_the_answer_is_told_apart),
		cmocka_unit_test(pipelining_without_http_2_never_passes),
		cmocka_unit_test(a_slow_server_does_not_lower_the_offered_rate),
		cmocka_unit_test(latency_counts_from_when_a_request_fell_due),
		cmocka_unit_test(a_rate_is_not_exceeded),
		cmocka_unit_test(a_duration_without_a_rate_ends_by_itself),
		cmocka_unit_test(a_load_that_is_stopped_ends_and_blames_nobody),
		cmocka_unit_test(what_is_no_plan_is_refused),
		cmocka_unit_test(
			lists_of_statuses_are_read_whole_or_not_at_all),
		cmocka_unit_test(the_report_for_machines_has_the_same_numbers),
	};

	return cmocka_run_group_tests(tests, fake_web_start, fake_web_stop);
}
