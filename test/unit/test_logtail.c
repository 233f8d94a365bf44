/* A log that grows, is rotated in all the usual ways, and means harm. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../companion/logtail.h"

static char directory[] = "/tmp/test_logtail.XXXXXX";
static char file[64], rotated[64];
static struct logtail tail;
static struct patterns patterns;

static int
make_directory(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	snprintf(file, sizeof(file), "%s/app.log", directory);
	snprintf(rotated, sizeof(rotated), "%s/app.log.1", directory);
	return 0;
}

static int
remove_directory(void **state)
{
	(void)state;
	return rmdir(directory);
}

static int
clean(void **state)
{
	(void)state;
	logtail_close(&tail);
	patterns_release(&patterns);
	unlink(rotated);
	return unlink(file) < 0 && errno != ENOENT ? -1 : 0;
}

static void
put_bytes(const char *name, int flags, const char *bytes, size_t count)
{
	int fd = open(name, O_WRONLY | O_CREAT | flags, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, count), count);
	close(fd);
}

static void
append(const char *text)
{
	put_bytes(file, O_APPEND, text, strlen(text));
}

static void
follow(size_t keep, const char *regex)
{
	struct err err;

	if (regex)
		assert_int_equal(patterns_add(&patterns, regex, &err), 0);
	assert_int_equal(logtail_open(&tail, file, &patterns, keep, &err), 0);
}

/* The lines kept, joined by '|'. */
static void
check(const char *wanted)
{
	struct strbuf got = { 0 };
	struct err err;
	size_t i;

	assert_int_equal(logtail_poll(&tail, &err), 0);
	for (i = 0; i < tail.count; i++) {
		if (i)
			strbuf_addc(&got, '|');
		strbuf_adds(&got, logtail_line(&tail, i));
	}
	assert_string_equal(strbuf_text(&got), wanted);
	strbuf_release(&got);
}

static void
last_matching_lines_are_kept(void **state)
{
	(void)state;
	append("GC 1\nother\nGC 2\nGC 3\n");
	follow(2, "^GC [0-9]+$");
	check("GC 2|GC 3");
	append("nothing\n");
	check("GC 2|GC 3");
	append("GC 4\n");
	check("GC 3|GC 4");
}

static void
unfinished_line_waits_for_its_end(void **state)
{
	(void)state;
	append("one\ntw");
	follow(5, NULL);
	check("one");
	append("o\r\nth");
	check("one|two");
	append("ree\n");
	check("one|two|three");
}

static void
missing_file_is_waited_for(void **state)
{
	(void)state;
	follow(5, NULL);
	assert_false(logtail_is_there(&tail));
	check("");
	append("here\n");
	check("here");
	assert_true(logtail_is_there(&tail));
}

static void
name_is_followed_across_a_rename(void **state)
{
	(void)state;
	append("a\n");
	follow(5, NULL);
	append("b\n");
	assert_int_equal(rename(file, rotated), 0);
	check("a|b");
	/* The program still has the old one, and the new one is there. */
	append("d\n");
	put_bytes(rotated, O_APPEND, "c\n", 2);
	check("a|b|c|d");
	put_bytes(rotated, O_APPEND, "late\n", 5);
	check("a|b|c|d|late");
	/* Once more. */
	assert_int_equal(rename(file, rotated), 0);
	append("e\n");
	check("b|c|d|late|e");
}

static void
cut_file_is_read_from_its_begin(void **state)
{
	(void)state;
	append("a long line before\n");
	follow(5, NULL);
	check("a long line before");
	put_bytes(file, O_TRUNC, "b\n", 2);
	check("a long line before|b");
}

/* Its size says nothing then: it is as long as before, or longer. */
static void
file_cut_and_refilled_is_read_from_its_begin(void **state)
{
	(void)state;
	append("first\n");
	follow(5, NULL);
	put_bytes(file, O_TRUNC, "other\nand more\n", 15);
	check("first|other|and more");
	put_bytes(file, O_TRUNC, "again\nand MORE\n", 15);
	check("first|other|and more|again|and MORE");
}

static void
long_line_is_cut_and_said_so(void **state)
{
	static char line[3 * LOGTAIL_LINE_BYTES];
	char wanted[LOGTAIL_LINE_BYTES + 16];

	(void)state;
	memset(line, 'x', sizeof(line));
	put_bytes(file, O_APPEND, line, sizeof(line));
	follow(5, NULL);
	check("");
	assert_true(tail.now.line.capacity < sizeof(line));
	append("\nnext\n");
	memset(wanted, 'x', LOGTAIL_LINE_BYTES);
	memcpy(wanted + LOGTAIL_LINE_BYTES, "...|next", 9);
	check(wanted);
}

static void
nul_bytes_do_not_hide_what_follows(void **state)
{
	(void)state;
	put_bytes(file, O_APPEND, "a\0b match\n\0\n", 12);
	follow(5, "match");
	check("a\\x00b match");
}

/* A gigabyte without a line's end, which takes no room on disk. */
static void
of_an_endless_line_little_is_read(void **state)
{
	struct err err;

	(void)state;
	append("begin\n");
	assert_int_equal(truncate(file, 1 << 30), 0);
	follow(5, NULL);
	check("");
	assert_true(tail.skipped_bytes == 0);
	assert_int_equal(logtail_poll(&tail, &err), 0);
	append("\nlast\n");
	check("last");
}

static void
of_a_large_step_the_end_is_read_and_the_rest_counted(void **state)
{
	char line[17];
	FILE *out;
	int i;

	(void)state;
	append("a\n");
	follow(2, NULL);
	out = fopen(file, "a");
	assert_non_null(out);
	for (i = 0; i < 1 << 19; i++) {
		snprintf(line, sizeof(line), "%015d\n", i);
		fputs(line, out);
	}
	assert_int_equal(fclose(out), 0);
	check("000000000524286|000000000524287");
	assert_true(tail.skipped_bytes == (8u << 20) - LOGTAIL_STEP_BYTES);
}

/* The step begins with a line's begin, and that line counts. */
static void
line_at_the_begin_of_a_step_is_whole(void **state)
{
	static char rest[LOGTAIL_STEP_BYTES];

	(void)state;
	memset(rest, '\n', sizeof(rest));
	memcpy(rest, "whole", 5);
	append("before\n");
	put_bytes(file, O_APPEND, rest, sizeof(rest));
	follow(5, "[a-z]");
	check("whole");
	/* And one within does not. */
	append("+");
	logtail_close(&tail);
	patterns_release(&patterns);
	follow(5, "[a-z]");
	check("");
}

static void
what_is_no_file_is_refused(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(logtail_open(&tail, directory, &patterns, 5, &err),
			 -1);
	assert_non_null(strstr(err.text, "Is a directory"));
	assert_int_equal(mkfifo(file, 0600), 0);
	assert_int_equal(logtail_open(&tail, file, &patterns, 5, &err), -1);
	assert_non_null(strstr(err.text, "not a regular file"));
}

#define TEST(function) cmocka_unit_test_teardown(function, clean)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(last_matching_lines_are_kept),
		TEST(unfinished_line_waits_for_its_end),
		TEST(missing_file_is_waited_for),
		TEST(name_is_followed_across_a_rename),
		TEST(cut_file_is_read_from_its_begin),
		TEST(file_cut_and_refilled_is_read_from_its_begin),
		TEST(long_line_is_cut_and_said_so),
		TEST(nul_bytes_do_not_hide_what_follows),
		TEST(of_an_endless_line_little_is_read),
		TEST(of_a_large_step_the_end_is_read_and_the_rest_counted),
		TEST(line_at_the_begin_of_a_step_is_whole),
		TEST(what_is_no_file_is_refused),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
