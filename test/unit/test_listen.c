/* Where serve listens: addresses, and files of unix sockets. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../companion/listen.h"

static char directory[] = "/tmp/listen-XXXXXX";

static int
set_up(void **state)
{
	(void)state;
	return mkdtemp(directory) && chdir(directory) == 0 ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	return chdir("/") < 0 ? -1 : rmdir(directory);
}

static void
others_reach_what_is_not_loopback(void **state)
{
	(void)state;
	assert_false(listen_is_public("127.0.0.1:6060"));
	assert_false(listen_is_public("127.9.9.9:0"));
	assert_false(listen_is_public("localhost:6060"));
	assert_false(listen_is_public(":6060"));
	assert_false(listen_is_public("[::1]:6060"));
	assert_false(listen_is_public("unix:/0.0.0.0:6060"));
	assert_true(listen_is_public("0.0.0.0:6060"));
	assert_true(listen_is_public("10.0.0.1:6060"));
	assert_true(listen_is_public("[::]:6060"));
	assert_true(listen_is_public("[::ffff:0.0.0.0]:1"));
}

static void
what_is_no_address_is_told(void **state)
{
	static const char *const wrong[] = {
		"",
		"6060",
		"localhost",
		"127.0.0.1",
		"host:1",
		"127.0.0.1:",
		"127.0.0.1:65536",
		"127.0.0.1:-1",
		"::1:6060",
		"[::1]",
		"[]:1",
		"[127.0.0.1]:1",
		"unix:",
		"127.0.0.1:1x",
		"1.2.3:1",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:1",
	};
	struct listen listen;
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (listen_open(&listen, wrong[i], &err) == 0)
			fail_msg("'%s' is an address", wrong[i]);
		assert_int_equal(err.code, ERR_PATTERN);
		assert_int_equal(listen.fd, -1);
	}
}

static void
port_zero_becomes_the_one_that_was_free(void **state)
{
	struct listen first, second;
	struct err err;

	(void)state;
	assert_int_equal(listen_open(&first, "localhost:0", &err), 0);
	assert_int_equal(strncmp(first.url, "http://127.0.0.1:", 17), 0);
	assert_true(atoi(first.url + 17) > 0);
	assert_false(first.is_public);
	/* It is taken now. */
	assert_int_equal(listen_open(&second, first.url + 7, &err), -1);
	assert_int_equal(err.code, ERR_OPEN);
	assert_non_null(strstr(err.text, "in use"));
	listen_close(&first);
}

static void
socket_file_is_its_owners_and_goes_with_the_server(void **state)
{
	struct listen listen, other;
	struct stat st;
	struct err err;

	(void)state;
	assert_int_equal(listen_open(&listen, "unix:socket", &err), 0);
	assert_string_equal(listen.url, "unix:socket");
	assert_int_equal(stat("socket", &st), 0);
	assert_int_equal(st.st_mode, S_IFSOCK | 0600);
	assert_int_equal(listen_open(&other, "unix:socket", &err), -1);
	assert_int_equal(stat("socket", &st), 0);
	listen_close(&listen);
	assert_int_equal(stat("socket", &st), -1);
}

static void
socket_that_nobody_hears_is_replaced(void **state)
{
	struct listen dead, listen;
	struct err err;

	(void)state;
	assert_int_equal(listen_open(&dead, "unix:socket", &err), 0);
	close(dead.fd); /* as kill -9 does it */
	assert_int_equal(listen_open(&listen, "unix:socket", &err), 0);
	listen_close(&listen);
	dead.fd = -1;
	listen_close(&dead);
}

static void
other_files_are_left_alone(void **state)
{
	struct listen listen;
	struct stat st;
	struct err err;

	(void)state;
	close(open("file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_int_equal(listen_open(&listen, "unix:file", &err), -1);
	assert_int_equal(err.code, ERR_OPEN);
	assert_int_equal(stat("file", &st), 0);
	assert_true(S_ISREG(st.st_mode));
	unlink("file");
}

static void
path_of_a_socket_has_107_bytes_at_most(void **state)
{
	char address[200] = "unix:";
	struct listen listen;
	struct err err;

	(void)state;
	memset(address + 5, 'a', 108);
	assert_int_equal(listen_open(&listen, address, &err), -1);
	assert_int_equal(err.code, ERR_PATTERN);
	assert_non_null(strstr(err.text, "107"));
	address[5 + 107] = '\0';
	assert_int_equal(listen_open(&listen, address, &err), 0);
	listen_close(&listen);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(others_reach_what_is_not_loopback),
		cmocka_unit_test(what_is_no_address_is_told),
		cmocka_unit_test(port_zero_becomes_the_one_that_was_free),
		cmocka_unit_test(
			socket_file_is_its_owners_and_goes_with_the_server),
		cmocka_unit_test(socket_that_nobody_hears_is_replaced),
		cmocka_unit_test(other_files_are_left_alone),
		cmocka_unit_test(path_of_a_socket_has_107_bytes_at_most),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
