#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../preload/msg.h"
#include "../../preload/opts.h"
#include "preload_env.h"

static void
format_prints_what_printf_would(void **state)
{
	char ours[256];
	char theirs[256];
	size_t n;

	(void)state;
	n = lks_format(ours, sizeof(ours), "%s|%d|%u|%x|%ld|%lu|%zu|%%", "a b",
		       INT32_MIN, UINT32_MAX, 0xbeefu, INT64_MIN, UINT64_MAX,
		       (size_t)7);
	snprintf(theirs, sizeof(theirs), "%s|%d|%u|%x|%ld|%lu|%zu|%%", "a b",
		 INT32_MIN, UINT32_MAX, 0xbeefu, INT64_MIN, UINT64_MAX,
		 (size_t)7);
	assert_string_equal(ours, theirs);
	assert_int_equal(n, strlen(theirs));
}

static void
format_cuts_and_terminates(void **state)
{
	char text[6] = "?????";

	(void)state;
	assert_int_equal(lks_format(text, 4, "%s", "abcdef"), 3);
	assert_string_equal(text, "abc");
	assert_int_equal(text[4], '?');
}

static void
equal_messages_are_kept_once_and_the_first_ones_stay(void **state)
{
	char long_text[2 * LKS_MSG_BYTES];
	uint32_t count = 0;

	(void)state;
	memset(long_text, 'x', sizeof(long_text));
	long_text[sizeof(long_text) - 1] = '\0';
	lks_msg("first %d", 1);
	lks_msg("first %d", 1);
	lks_msg("%s", long_text);
	for (unsigned i = 0; i < 100; i++)
		lks_msg("more %u", i);
	while (lks_msg_get(count) != NULL)
		count++;
	assert_string_equal(lks_msg_get(0), "first 1");
	assert_true(strlen(lks_msg_get(1)) < LKS_MSG_BYTES);
	assert_string_equal(lks_msg_get(2), "more 0");
	assert_true(count < 20);
}

static void
log_file_has_every_line_with_its_prefix(void **state)
{
	char option[256];
	struct stat st;
	size_t bytes;
	char *text;

	(void)state;
	snprintf(option, sizeof(option), "log=%s", preload_env_path("log"));
	lks_opts_parse(option);
	lks_msg_quiet();
	lks_msg("one");
	lks_msg("one");
	text = preload_env_read(preload_env_path("log"), &bytes);
	assert_string_equal(text, "leakshim: one\nleakshim: one\n");
	free(text);
	assert_int_equal(stat(preload_env_path("log"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
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
		cmocka_unit_test(format_prints_what_printf_would),
		cmocka_unit_test(format_cuts_and_terminates),
		cmocka_unit_test(
			equal_messages_are_kept_once_and_the_first_ones_stay),
		cmocka_unit_test(log_file_has_every_line_with_its_prefix),
	};

	return cmocka_run_group_tests(tests, quiet, NULL);
}
