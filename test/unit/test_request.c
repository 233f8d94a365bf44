/* What lies beside the status file and calls itself a request. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../preload/request.h"
#include "../../preload/status.h"
#include "../../proto/status.h"
#include "preload_env.h"

#define TOKEN 4711
#define FIRST LKS_REQUEST_MAGIC "\n"

static char path[LKS_STATUS_PATH_BYTES];
static struct lks_request request;

static bool
parses(const char *text)
{
	return lks_request_parse(text, strlen(text), &request);
}

static void
words_come_back(void **state)
{
	(void)state;
	assert_true(parses(FIRST "mark=a %25 b%0A\xc3\xa9\n"));
	assert_true(request.has_mark);
	assert_int_equal(request.mark_length, 8);
	assert_memory_equal(request.mark, "a % b\n\xc3\xa9", 8);
	assert_int_equal(request.contents, 0);
	assert_true(parses(FIRST "contents=256\nsome_new_key=%zz\n"));
	assert_int_equal(request.contents, 256);
	assert_false(request.has_mark);
	assert_true(parses(FIRST));
}

static void
hostile_words_are_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"\n",
		"leakshim-request 1",
		"leakshim-request 2\nmark=a\n",
		LKS_STATUS_MAGIC "\nmark=a\n",
		FIRST "mark=a", /* cut off */
		FIRST "mark=a%\n",
		FIRST "mark=a%4\n",
		FIRST "mark=a%0\n1\n",
		FIRST "mark=a%4g\n",
		FIRST "mark=a%00b\n",
		FIRST "mark=a\tb\n",
		FIRST "mark=\x1b[2J\n",
		FIRST "mark=\x7f\n",
		FIRST "contents=257\n",
		FIRST "contents=-1\n",
		FIRST "contents=\n",
		FIRST "contents=12 \n",
		FIRST "contents=99999999999999999999999\n",
	};
	char *text;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (parses(texts[i]))
			fail_msg("taken: '%s'", texts[i]);
	assert_false(lks_request_parse(FIRST "mark=a\0b\n",
				       sizeof(FIRST "mark=a\0b\n") - 1,
				       &request));
	/* One byte more than a mark has. */
	text = malloc(4096);
	snprintf(text, 4096, FIRST "mark=%0*d\n", LKS_MARK_BYTES, 0);
	assert_false(parses(text));
	snprintf(text, 4096, FIRST "mark=%0*d\n", LKS_MARK_BYTES - 1, 0);
	assert_true(parses(text));
	assert_int_equal(request.mark_length, LKS_MARK_BYTES - 1);
	free(text);
}

/* --- files ------------------------------------------------------------------ */

static int
begin(void **state)
{
	static struct lks_status status;

	(void)state;
	preload_env_boot("");
	assert_true(lks_status_write(&status));
	assert_true(lks_status_beside(TOKEN, path, sizeof(path)));
	return 0;
}

static int
end(void **state)
{
	(void)state;
	unlink(path);
	rmdir(path);
	lks_status_remove();
	return 0;
}

static void
write_file(const char *name, const char *text, size_t length, mode_t mode)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, mode);

	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(write(fd, text, length), (ssize_t)length);
	close(fd);
}

static void
write_good(const char *name)
{
	write_file(name, FIRST "mark=x\n", strlen(FIRST "mark=x\n"), 0600);
}

static void
file_of_the_token_is_read_and_removed(void **state)
{
	(void)state;
	write_good(path);
	assert_false(lks_request_read(TOKEN + 1, &request));
	assert_true(lks_request_read(TOKEN, &request));
	assert_int_equal(request.mark_length, 1);
	lks_request_done(TOKEN);
	assert_int_equal(access(path, F_OK), -1);
	assert_false(lks_request_read(TOKEN, &request));
}

static void
file_that_others_can_open_is_refused(void **state)
{
	(void)state;
	write_file(path, FIRST, strlen(FIRST), 0644);
	assert_false(lks_request_read(TOKEN, &request));
	assert_int_equal(chmod(path, 0620), 0);
	assert_false(lks_request_read(TOKEN, &request));
	assert_int_equal(chmod(path, 0600), 0);
	assert_true(lks_request_read(TOKEN, &request));
}

static void
file_of_another_user_is_refused(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		print_message("needs root: to give a file away\n");
		skip();
	}
	write_good(path);
	assert_int_equal(chown(path, 65534, 65534), 0);
	assert_false(lks_request_read(TOKEN, &request));
}

static void
links_are_refused(void **state)
{
	const char *other = preload_env_path("other");

	(void)state;
	write_good(other);
	assert_int_equal(symlink(other, path), 0);
	assert_false(lks_request_read(TOKEN, &request));
	assert_int_equal(unlink(path), 0);
	/* Perhaps on another file system. */
	unlink(other);
	write_good(path);
	{
		char second[sizeof(path) + 8];

		snprintf(second, sizeof(second), "%s.link", path);
		assert_int_equal(link(path, second), 0);
		assert_false(lks_request_read(TOKEN, &request));
		assert_int_equal(unlink(second), 0);
	}
	assert_true(lks_request_read(TOKEN, &request));
}

static void
what_is_no_file_is_refused_at_once(void **state)
{
	(void)state;
	/* Nobody writes into it: to open it as files are opened would wait. */
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_false(lks_request_read(TOKEN, &request));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_false(lks_request_read(TOKEN, &request));
}

static void
file_beyond_its_bound_is_refused(void **state)
{
	size_t bytes = LKS_REQUEST_BYTES + 1;
	char *text = malloc(bytes);

	(void)state;
	memset(text, '\n', bytes);
	memcpy(text, FIRST, strlen(FIRST));
	/* Comments, of a kind. */
	for (size_t i = strlen(FIRST); i + 1 < bytes; i++)
		text[i] = '#';
	write_file(path, text, bytes, 0600);
	assert_false(lks_request_read(TOKEN, &request));
	assert_int_equal(unlink(path), 0);
	write_file(path, text + 0, 0, 0600);
	assert_false(lks_request_read(TOKEN, &request));
	assert_int_equal(unlink(path), 0);
	text[bytes - 2] = '\n';
	write_file(path, text, bytes - 1, 0600);
	assert_true(lks_request_read(TOKEN, &request));
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_come_back),
		cmocka_unit_test(hostile_words_are_refused),
#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
		FILE_TEST(file_of_the_token_is_read_and_removed),
		FILE_TEST(file_that_others_can_open_is_refused),
		FILE_TEST(file_of_another_user_is_refused),
		FILE_TEST(links_are_refused),
		FILE_TEST(what_is_no_file_is_refused_at_once),
		FILE_TEST(file_beyond_its_bound_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
