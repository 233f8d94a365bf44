/* The points of the last hour and those who look at them. */
#include <jansson.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
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

#include "../../companion/charts.h"
#include "fake_target.h"

static const struct fake_behaviour behaviour = {
	.extra = "exe=/bin/test_charts\"b\nown_bytes=4096\n",
};
static struct fake_target fake;
static struct serve serve;
static struct charts *charts;
static struct listen at;
static struct http *http;

static void
start(void)
{
	const struct http_settings settings = {
		.prefix = "",
		.handler = serve_handle,
		.context = &serve,
		.began = charts_stream_began,
		.ended = charts_stream_ended,
		.unused = charts_stream_unused,
	};
	struct err err;

	fake_target_start(&fake, &behaviour);
	serve = (struct serve){ .prefix = "", .interval_s = 1 };
	serve.served = served_new();
	if (served_add(serve.served, fake.pid, &err) < 0 ||
	    listen_open(&at, "127.0.0.1:0", &err) < 0)
		fail_msg("%s", err.text);
	http = http_start(&at, &settings, &err);
	assert_non_null(http);
	charts = charts_start(&serve, 1, &err);
	assert_non_null(charts);
}

static void
stop(void)
{
	http_stop(http);
	charts_stop(charts);
	listen_close(&at);
	served_free(serve.served);
	fake_target_stop(&fake);
}

static int
dial(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((in_port_t)atoi(strrchr(at.url, ':') + 1)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(
		connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void
say(int fd, const char *path)
{
	char text[200];
	int len = snprintf(text, sizeof(text),
			   "GET %s HTTP/1.1\r\nHost: localhost\r\n"
			   "Connection: close\r\n\r\n",
			   path);

	assert_int_equal(send(fd, text, (size_t)len, MSG_NOSIGNAL), len);
}

/* Until `part`, or NULL: the end. */
static void
hear(int fd, char *answer, size_t cap, const char *part)
{
	size_t len = 0;
	ssize_t n = 1;

	answer[0] = '\0';
	while (n > 0 && len + 1 < cap && !(part && strstr(answer, part))) {
		struct pollfd one = { .fd = fd, .events = POLLIN };

		assert_int_equal(poll(&one, 1, 30000), 1);
		n = recv(fd, answer + len, cap - 1 - len, 0);
		len += n > 0 ? (size_t)n : 0;
		answer[len] = '\0';
	}
	if (part && !strstr(answer, part))
		fail_msg("no '%s' in '%s'", part, answer);
}

static json_t *
take_data(void)
{
	static char answer[1 << 20];
	json_t *data;
	int fd = dial();

	say(fd, "/debug/charts/data");
	hear(fd, answer, sizeof(answer), NULL);
	close(fd);
	data = json_loads(strstr(answer, "\r\n\r\n") + 4, 0, NULL);
	assert_non_null(data);
	return data;
}

static void
columns_are_of_one_length_and_unknown_values_are_null(void **state)
{
	static const char *const known[] = {
		"live_bytes",  "rss_bytes", "threads",
		"descriptors", "cpu_ms",    "own_bytes",
	};
	json_t *data, *column;
	const char *name;
	size_t i, length = 0;

	(void)state;
	start();
	do {
		const struct timespec pause = { 0, 100000000 };

		nanosleep(&pause, NULL);
		data = take_data();
		length = json_array_size(json_object_get(data, "time_ms"));
		if (length < 2)
			json_decref(data);
	} while (length < 2);
	assert_string_equal(json_string_value(json_object_get(data, "exe")),
			    "test_charts\"b");
	json_object_foreach(data, name, column)
	{
		if (json_is_array(column))
			assert_int_equal(json_array_size(column), length);
	}
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		assert_true(json_is_integer(json_array_get(
			json_object_get(data, known[i]), length - 1)));
	column = json_object_get(data, "live_bytes");
	assert_int_equal(json_integer_value(json_array_get(column, length - 1)),
			 12345);
	/* There was no snapshot. */
	column = json_object_get(data, "ledger_live_heap");
	assert_true(json_is_null(json_array_get(column, length - 1)));
	json_decref(data);
	stop();
}

static void
process_that_ends_ends_its_streams(void **state)
{
	static char answer[1 << 20];
	int fd;

	(void)state;
	start();
	fd = dial();
	say(fd, "/debug/charts/events");
	hear(fd, answer, sizeof(answer), "event: point\ndata: {\"time_ms\":");
	kill(fake.pid, SIGKILL);
	/* It is a zombie until it is waited for: gone all the same. */
	while (served_sweep(serve.served)) {
		const struct timespec pause = { 0, 10000000 };

		nanosleep(&pause, NULL);
	}
	hear(fd, answer, sizeof(answer), "event: end\n");
	close(fd);
	stop();
}

static void
streams_are_bounded_and_end_with_the_server(void **state)
{
	static char answer[1 << 20];
	int fd[40], i, refused = 0;

	(void)state;
	start();
	for (i = 0; i < 40; i++) {
		fd[i] = dial();
		say(fd[i], "/debug/charts/events");
		hear(fd[i], answer, sizeof(answer), "\r\n\r\n");
		refused += !strncmp(answer, "HTTP/1.1 503", 12);
	}
	assert_int_equal(refused, 8);
	stop();
	for (i = 0; i < 40; i++)
		close(fd[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			columns_are_of_one_length_and_unknown_values_are_null),
		cmocka_unit_test(process_that_ends_ends_its_streams),
		cmocka_unit_test(streams_are_bounded_and_end_with_the_server),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
