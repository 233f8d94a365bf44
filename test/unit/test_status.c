/* The status file as the word of a program that may lie. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../analyzer/xalloc.h"
#include "../../companion/status.h"
#include "../../proto/limits.h"
#include "../../proto/status.h"

#define HEAD LKS_STATUS_MAGIC "\npid=7\nstart_ticks=99\nstate=on\n"

/* --- the text ----------------------------------------------------------------- */

static int
parse_bytes(struct status *status, const char *text, size_t bytes)
{
	struct err err = { .code = ERR_NONE };
	char *copy = xmalloc(bytes + 1);
	int result;

	memcpy(copy, text, bytes);
	copy[bytes] = '\0';
	result = status_parse(status, copy, bytes, "x", &err);
	assert_int_equal(err.code, result ? ERR_TARGET : ERR_NONE);
	return result;
}

static int
parse(struct status *status, const char *text)
{
	return parse_bytes(status, text, strlen(text));
}

static void
assert_bad(const char *text)
{
	struct status status;

	assert_int_equal(parse(&status, text), -1);
	assert_null(status.text);
}

static void
values_arrive(void **state)
{
	struct status status;

	(void)state;
	assert_int_equal(parse(&status, HEAD "exe=/bin/a%2525%0ab\n"
					     "helper=8\n"
					     "token=16777215\n"
					     "token=5\n"
					     "updated_ns=18446744073709551615\n"
					     "out=\n"),
			 0);
	assert_int_equal(status.pid, 7);
	assert_int_equal(status.start_ticks, 99);
	assert_int_equal(status.state, STATUS_ON);
	assert_string_equal(status.state_name, "on");
	assert_string_equal(status.exe, "/bin/a%25\nb");
	assert_int_equal(status.helper, 8);
	assert_int_equal(status.token_count, 2);
	assert_true(status_answers(&status, 0xffffff));
	assert_true(status_answers(&status, 5));
	assert_false(status_answers(&status, 6));
	assert_true(status.updated_ns == UINT64_MAX);
	assert_string_equal(status.out, "");
	status_release(&status);
}

static void
absent_keys_are_empty(void **state)
{
	struct status status;

	(void)state;
	assert_int_equal(parse(&status, HEAD), 0);
	assert_string_equal(status.snapshot, "");
	assert_string_equal(status.bell_note, "");
	assert_int_equal(status.bell, 0);
	assert_int_equal(status.loss_count, 0);
	status_release(&status);
}

static void
unknown_keys_are_skipped(void **state)
{
	struct status status;

	(void)state;
	assert_int_equal(parse(&status, HEAD "newer=%zz\nhelper=3\n"), 0);
	assert_int_equal(status.helper, 3);
	status_release(&status);
}

static void
losses_and_messages_repeat(void **state)
{
	struct status status;

	(void)state;
	assert_int_equal(parse(&status, HEAD "loss.unknown_frees=4\n"
					     "message=one\n"
					     "loss.thinning_shift=2\n"
					     "message=two%09\n"),
			 0);
	assert_int_equal(status.loss_count, 2);
	assert_string_equal(status.losses[1].name, "thinning_shift");
	assert_int_equal(status.losses[1].count, 2);
	assert_int_equal(status.message_count, 2);
	assert_string_equal(status.messages[1], "two\t");
	status_release(&status);
}

static void
foreign_text_is_refused(void **state)
{
	(void)state;
	assert_bad("");
	assert_bad("\n");
	assert_bad(LKS_STATUS_MAGIC);
	assert_bad("leakshim-status 2\npid=7\nstart_ticks=99\nstate=on\n");
	assert_bad("pid=7\nstart_ticks=99\nstate=on\n");
}

static void
truncated_text_is_refused(void **state)
{
	static const char whole[] = HEAD "exe=/bin/true\n";
	struct status status;
	size_t bytes;

	(void)state;
	for (bytes = 0; bytes < strlen(HEAD); bytes++)
		assert_int_equal(parse_bytes(&status, whole, bytes), -1);
	for (bytes++; bytes < strlen(whole); bytes++)
		assert_int_equal(parse_bytes(&status, whole, bytes), -1);
	assert_int_equal(parse(&status, whole), 0);
	status_release(&status);
}

static void
bad_escapes_are_refused(void **state)
{
	(void)state;
	assert_bad(HEAD "exe=%\n");
	assert_bad(HEAD "exe=%4\n");
	assert_bad(HEAD "exe=%4g\n");
	assert_bad(HEAD "exe=%g4\n");
	assert_bad(HEAD "exe=%00\n");
	assert_bad(HEAD "exe=\x1b[2J\n");
	assert_bad(HEAD "exe=\x7f\n");
	assert_bad(HEAD "message=%\n");
}

static void
bad_numbers_are_refused(void **state)
{
	(void)state;
	assert_bad(HEAD "helper=\n");
	assert_bad(HEAD "helper=-1\n");
	assert_bad(HEAD "helper= 1\n");
	assert_bad(HEAD "helper=1x\n");
	assert_bad(HEAD "helper=0x10\n");
	assert_bad(HEAD "helper=18446744073709551616\n");
	assert_bad(HEAD "loss.early_calls=x\n");
}

static void
broken_lines_are_refused(void **state)
{
	struct status status;

	(void)state;
	assert_bad(HEAD "exe\n");
	assert_bad(HEAD "=x\n");
	assert_bad(HEAD "\n");
	assert_int_equal(parse_bytes(&status, HEAD "exe=a\0b\n",
				     sizeof(HEAD "exe=a\0b\n") - 1),
			 -1);
}

static void
identity_is_required(void **state)
{
	(void)state;
	assert_bad(LKS_STATUS_MAGIC "\nstart_ticks=99\nstate=on\n");
	assert_bad(LKS_STATUS_MAGIC "\npid=7\nstate=on\n");
	assert_bad(LKS_STATUS_MAGIC "\npid=7\nstart_ticks=99\n");
	assert_bad(LKS_STATUS_MAGIC "\npid=7\nstart_ticks=99\nstate=odd\n");
}

/* --- the file ----------------------------------------------------------------- */

struct place {
	char top[32];
	char path[128]; /* of the file */
	struct status_place place;
};

static void
write_file(const char *path, const char *text, mode_t mode)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static int
set_up(void **state)
{
	struct place *p = xcalloc(1, sizeof(*p));

	strcpy(p->top, "/tmp/lks-status-XXXXXX");
	if (!mkdtemp(p->top))
		return -1;
	p->place.root = -1;
	p->place.prefix[0] = '\0';
	p->place.owner = geteuid();
	snprintf(p->place.directory, sizeof(p->place.directory), "%s/d",
		 p->top);
	strcpy(p->place.name, "1-7");
	snprintf(p->path, sizeof(p->path), "%s/1-7", p->place.directory);
	if (mkdir(p->place.directory, 0700) < 0)
		return -1;
	write_file(p->path, HEAD, 0600);
	*state = p;
	return 0;
}

static int
tear_down(void **state)
{
	char command[64];
	struct place *p = *state;

	snprintf(command, sizeof(command), "rm -rf %s", p->top);
	free(p);
	return system(command);
}

static void
assert_read(const struct place *p, int expected, const char *part)
{
	struct err err = { .text = "" };
	struct status status;
	int result = status_read(&status, &p->place, &err);

	assert_int_equal(result, expected);
	if (result == 1)
		status_release(&status);
	if (result < 0) {
		assert_int_equal(err.code, ERR_TARGET);
		if (!strstr(err.text, part))
			fail_msg("'%s' does not say '%s'", err.text, part);
	}
}

static void
good_file_is_read(void **state)
{
	assert_read(*state, 1, "");
}

static void
absent_file_is_none(void **state)
{
	struct place *p = *state;

	unlink(p->path);
	assert_read(p, 0, "");
	rmdir(p->place.directory);
	assert_read(p, 0, "");
}

static void
largest_file_is_read(void **state)
{
	struct place *p = *state;
	char *text = xmalloc(LKS_STATUS_BYTES + 2);
	size_t bytes = (size_t)snprintf(text, LKS_STATUS_BYTES, HEAD "new=");

	memset(text + bytes, 'x', LKS_STATUS_BYTES + 1 - bytes);
	strcpy(text + LKS_STATUS_BYTES - 1, "\n");
	write_file(p->path, text, 0600);
	assert_read(p, 1, "");
	strcpy(text + LKS_STATUS_BYTES - 1, "x\n");
	write_file(p->path, text, 0600);
	assert_read(p, -1, "larger than");
	free(text);
}

static void
link_is_not_followed(void **state)
{
	struct place *p = *state;
	char other[160];

	snprintf(other, sizeof(other), "%s/other", p->top);
	assert_int_equal(rename(p->path, other), 0);
	assert_int_equal(symlink(other, p->path), 0);
	assert_read(p, -1, "cannot open");
}

static void
linked_directory_is_not_followed(void **state)
{
	struct place *p = *state;
	char other[160];

	snprintf(other, sizeof(other), "%s/other", p->top);
	assert_int_equal(rename(p->place.directory, other), 0);
	assert_int_equal(symlink(other, p->place.directory), 0);
	assert_read(p, -1, "cannot open");
}

static void
fifo_does_not_hold_us(void **state)
{
	struct place *p = *state;

	unlink(p->path);
	assert_int_equal(mkfifo(p->path, 0600), 0);
	assert_read(p, -1, "not trusted");
}

static void
directory_in_its_place_is_refused(void **state)
{
	struct place *p = *state;

	unlink(p->path);
	assert_int_equal(mkdir(p->path, 0700), 0);
	assert_read(p, -1, "not trusted");
}

static void
open_modes_are_not_trusted(void **state)
{
	struct place *p = *state;

	chmod(p->path, 0620);
	assert_read(p, -1, "not trusted");
	chmod(p->path, 0600);
	chmod(p->place.directory, 0770);
	assert_read(p, -1, "not trusted");
	chmod(p->place.directory, 0701);
	assert_read(p, -1, "not trusted");
}

/* As if another user had made it: the owner that we look for is another. */
static void
foreign_directory_is_not_trusted(void **state)
{
	struct place *p = *state;

	p->place.owner++;
	assert_read(p, -1, "not trusted");
}

static void
foreign_file_is_not_trusted(void **state)
{
	struct place *p = *state;

	if (geteuid() != 0) {
		print_message("only root can give a file away\n");
		skip();
	}
	assert_int_equal(chown(p->path, 1, 1), 0);
	assert_read(p, -1, "not trusted");
}

/* A target may make its own root's directories lead out of it. */
static void
other_root_is_not_left(void **state)
{
	struct place *p = *state;
	char root[64], path[160];

	snprintf(root, sizeof(root), "%s/root", p->top);
	assert_int_equal(mkdir(root, 0700), 0);
	snprintf(path, sizeof(path), "%s/up", root);
	assert_int_equal(symlink(p->top, path), 0);
	p->place.root = open(root, O_PATH | O_DIRECTORY);
	assert_true(p->place.root >= 0);
	/* From outside, /up/d is the good directory. */
	strcpy(p->place.directory, "/up/d");
	assert_read(p, 0, "");
	close(p->place.root);
	p->place.root = open(p->top, O_PATH | O_DIRECTORY);
	strcpy(p->place.directory, "/d");
	assert_read(p, 1, "");
	close(p->place.root);
}

static void
only_the_seen_file_is_removed(void **state)
{
	struct place *p = *state;
	struct status seen = { .pid = 7, .start_ticks = 98 };

	status_remove(&p->place, &seen);
	assert_int_equal(access(p->path, F_OK), 0);
	seen.start_ticks = 99;
	status_remove(&p->place, &seen);
	assert_int_equal(access(p->path, F_OK), -1);
}

#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_arrive),
		cmocka_unit_test(absent_keys_are_empty),
		cmocka_unit_test(unknown_keys_are_skipped),
		cmocka_unit_test(losses_and_messages_repeat),
		cmocka_unit_test(foreign_text_is_refused),
		cmocka_unit_test(truncated_text_is_refused),
		cmocka_unit_test(bad_escapes_are_refused),
		cmocka_unit_test(bad_numbers_are_refused),
		cmocka_unit_test(broken_lines_are_refused),
		cmocka_unit_test(identity_is_required),
		FILE_TEST(good_file_is_read),
		FILE_TEST(absent_file_is_none),
		FILE_TEST(largest_file_is_read),
		FILE_TEST(link_is_not_followed),
		FILE_TEST(linked_directory_is_not_followed),
		FILE_TEST(fifo_does_not_hold_us),
		FILE_TEST(directory_in_its_place_is_refused),
		FILE_TEST(open_modes_are_not_trusted),
		FILE_TEST(foreign_directory_is_not_trusted),
		FILE_TEST(foreign_file_is_not_trusted),
		FILE_TEST(other_root_is_not_left),
		FILE_TEST(only_the_seen_file_is_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
