/* Files of a target, put where the user wants them. */
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

#include "../../companion/fetch.h"

static char directory[] = "/tmp/test_fetch.XXXXXX";
static char from[64], to[64];

static void
write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void
assert_content(const char *path, const char *text)
{
	char content[64] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (!text) {
		assert_true(fd < 0);
		return;
	}
	assert_true(fd >= 0);
	assert_int_equal(read(fd, content, sizeof(content) - 1), strlen(text));
	assert_string_equal(content, text);
	close(fd);
}

static int
make_directory(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	snprintf(from, sizeof(from), "%s/from", directory);
	snprintf(to, sizeof(to), "%s/to", directory);
	return 0;
}

static int
remove_directory(void **state)
{
	(void)state;
	unlink(from);
	unlink(to);
	return rmdir(directory);
}

static void
file_is_moved(void **state)
{
	struct err err;

	(void)state;
	write_file(from, "a dump");
	assert_int_equal(fetch_file(from, geteuid(), to, &err), 0);
	assert_content(from, NULL);
	assert_content(to, "a dump");
	/* It is where it is wanted. */
	assert_int_equal(fetch_file(to, geteuid(), to, &err), 0);
	assert_content(to, "a dump");
	unlink(to);
}

static void
file_that_is_there_is_not_replaced(void **state)
{
	struct err err;

	(void)state;
	write_file(from, "a dump");
	write_file(to, "mine");
	assert_int_equal(fetch_file(from, geteuid(), to, &err), -1);
	assert_int_equal(err.code, ERR_STEP);
	assert_content(from, "a dump");
	assert_content(to, "mine");
	unlink(to);
}

/* A process of another user that names a file of ours: nothing moves. */
static void
file_that_is_not_the_owners_stays(void **state)
{
	struct err err;

	(void)state;
	write_file(from, "a secret");
	assert_int_equal(fetch_file(from, geteuid() + 1, to, &err), -1);
	assert_non_null(strstr(err.text, "is not a file of uid"));
	assert_content(from, "a secret");
	assert_content(to, NULL);
}

/* A container's root is called as we are, and what it says of its links is true
 * in its own root only. */
static void
links_of_another_root_lead_nowhere_else(void **state)
{
	char inside[96], outside[96], link[96];
	struct err err;
	int root;

	(void)state;
	snprintf(inside, sizeof(inside), "%s/root", directory);
	snprintf(outside, sizeof(outside), "%s/outside", directory);
	snprintf(link, sizeof(link), "%s/root/out", directory);
	assert_int_equal(mkdir(inside, 0755), 0);
	assert_int_equal(mkdir(outside, 0755), 0);
	assert_int_equal(symlink(outside, link), 0);
	root = open(inside, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(root >= 0);
	snprintf(from, sizeof(from), "%s/outside/it", directory);
	write_file(from, "a secret");
	assert_int_equal(
		fetch_file_inside(root, "/out/it", geteuid(), to, &err), -1);
	assert_int_equal(fetch_file_inside(root, "/../../outside/it", geteuid(),
					   to, &err),
			 -1);
	assert_int_equal(fetch_file_inside(root, "it", geteuid(), to, &err),
			 -1);
	assert_content(from, "a secret");
	assert_content(to, NULL);
	/* What is there is fetched. */
	unlink(from);
	snprintf(from, sizeof(from), "%s/root/it", directory);
	write_file(from, "a dump");
	assert_int_equal(fetch_file_inside(root, "/it", geteuid(), to, &err),
			 0);
	assert_content(from, NULL);
	assert_content(to, "a dump");
	unlink(to);
	close(root);
	unlink(link);
	rmdir(inside);
	rmdir(outside);
	snprintf(from, sizeof(from), "%s/from", directory);
}

static void
copy_can_be_read_whatever_the_umask(void **state)
{
	struct stat st;
	struct err err;
	mode_t before;
	int result;

	(void)state;
	if (geteuid() != 0) {
		puts("skipped: takes root");
		skip();
	}
	write_file(from, "a dump");
	assert_int_equal(chown(from, 65534, (gid_t)-1), 0);
	assert_int_equal(chown(directory, 65534, (gid_t)-1), 0);
	before = umask(0777);
	result = fetch_file(from, 65534, to, &err);
	umask(before);
	assert_int_equal(chown(directory, 0, (gid_t)-1), 0);
	assert_int_equal(result, 0);
	assert_int_equal(stat(to, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	unlink(to);
}

/* What that user made is copied, and removed with its rights: in a directory
 * that is closed to it, it stays. */
static void
file_in_a_directory_of_another_stays(void **state)
{
	struct err err;

	(void)state;
	if (geteuid() != 0) {
		puts("skipped: takes root");
		skip();
	}
	write_file(from, "a dump");
	assert_int_equal(chown(from, 65534, (gid_t)-1), 0);
	assert_int_equal(fetch_file(from, 65534, to, &err), -1);
	assert_content(from, "a dump");
	assert_content(to, NULL);
	assert_int_equal(chown(directory, 65534, (gid_t)-1), 0);
	assert_int_equal(fetch_file(from, 65534, to, &err), 0);
	assert_content(from, NULL);
	assert_content(to, "a dump");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file_is_moved),
		cmocka_unit_test(file_that_is_there_is_not_replaced),
		cmocka_unit_test(file_that_is_not_the_owners_stays),
		cmocka_unit_test(links_of_another_root_lead_nowhere_else),
		cmocka_unit_test(copy_can_be_read_whatever_the_umask),
		cmocka_unit_test(file_in_a_directory_of_another_stays),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
