#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../preload/counters.h"
#include "../../preload/dirs.h"
#include "../../preload/ident.h"
#include "../../preload/opts.h"
#include "../../preload/sink.h"
#include "preload_env.h"

/* out= in the test's directory, and more options. */
static void
boot(const char *name, const char *more)
{
	char options[512];

	snprintf(options, sizeof(options), "out=%s%s", preload_env_path(name),
		 more);
	preload_env_boot(options);
}

static void
write_one(uint64_t sequence, const char *content)
{
	assert_true(lks_sink_open());
	assert_true(lks_sink_write(content, strlen(content)));
	assert_true(lks_sink_publish(sequence));
}

static void
assert_content(const char *name, const char *content)
{
	size_t bytes;
	char *text = preload_env_read(preload_env_path(name), &bytes);

	assert_non_null(text);
	assert_string_equal(text, content);
	free(text);
}

static bool
is_there(const char *name)
{
	return access(preload_env_path(name), F_OK) == 0;
}

static void
put_file(const char *name)
{
	FILE *file = fopen(preload_env_path(name), "w");

	assert_non_null(file);
	fputs("foreign", file);
	fclose(file);
}

static int
count_hidden_files(void)
{
	DIR *dir = opendir(preload_env_directory());
	struct dirent *entry;
	int count = 0;

	while ((entry = readdir(dir)) != NULL)
		if (strncmp(entry->d_name, ".leakshim", 9) == 0)
			count++;
	closedir(dir);
	return count;
}

static void
remove_hidden_files(void)
{
	DIR *dir = opendir(preload_env_directory());
	struct dirent *entry;

	while ((entry = readdir(dir)) != NULL)
		if (strncmp(entry->d_name, ".leakshim", 9) == 0)
			unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
}

static void
file_is_private_whatever_the_umask(void **state)
{
	mode_t before = umask(0);
	struct stat st;

	(void)state;
	boot("mode.%n", "");
	write_one(1, "x");
	umask(before);
	assert_int_equal(stat(preload_env_path("mode.1"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(count_hidden_files(), 0);
}

static void
existing_file_is_never_replaced(void **state)
{
	(void)state;
	put_file("taken.1");
	put_file("taken.2");
	boot("taken.%n", "");
	write_one(1, "ours");
	assert_content("taken.1", "foreign");
	assert_content("taken.2", "foreign");
	assert_content("taken.3", "ours");
	assert_string_equal(lks_sink_last_path(), preload_env_path("taken.3"));
	write_one(2, "next");
	assert_content("taken.4", "next");
}

static void
dangling_link_is_not_followed(void **state)
{
	char link[256];

	(void)state;
	snprintf(link, sizeof(link), "%s", preload_env_path("link.1"));
	assert_int_equal(symlink("/tmp/leakshim-unit-nowhere", link), 0);
	boot("link.%n", "");
	write_one(1, "ours");
	assert_content("link.2", "ours");
	assert_int_not_equal(access("/tmp/leakshim-unit-nowhere", F_OK), 0);
}

static void
template_without_number_gets_one_behind_the_second_file(void **state)
{
	(void)state;
	boot("plain.snap", "");
	write_one(1, "a");
	write_one(2, "b");
	write_one(3, "c");
	assert_content("plain.snap", "a");
	assert_content("plain.snap.1", "b");
	assert_content("plain.snap.2", "c");
}

static void
codes_are_replaced(void **state)
{
	char want[512];

	(void)state;
	boot("c.%e.%p.%t.%%.%n", "");
	snprintf(lks_ident.host, sizeof(lks_ident.host), "a/b%%n");
	lks_ident.start_wall_ns = 1709208896ull * 1000000000; /* leap day */
	write_one(1, "x");
	snprintf(want, sizeof(want), "c.test_sink.%d.20240229T121456Z.%%.1",
		 getpid());
	assert_true(is_there(want));
	boot("h.%h.%n", "");
	snprintf(lks_ident.host, sizeof(lks_ident.host), "a/b%%n");
	write_one(1, "x");
	assert_true(is_there("h.a_b%n.1"));
}

static void
directory_as_out_gets_the_default_name(void **state)
{
	char name[64];

	(void)state;
	boot("", "");
	write_one(1, "x");
	snprintf(name, sizeof(name), "leakshim.test_sink.%d.1.snap", getpid());
	assert_content(name, "x");
}

static void
keep_removes_the_densest_and_never_first_or_last(void **state)
{
	static const char *const left[] = { "k.1", "k.3", "k.5", "k.8" };
	uint64_t removed = lks_count_get(snapshots_removed);
	int count = 0;

	(void)state;
	boot("k.%n", ",keep=4");
	for (uint64_t i = 1; i <= 8; i++) {
		char name[16];

		write_one(i, "x");
		snprintf(name, sizeof(name), "k.%d", (int)i);
		assert_true(is_there(name));
		assert_true(is_there("k.1"));
	}
	for (int i = 1; i <= 8; i++) {
		char name[16];

		snprintf(name, sizeof(name), "k.%d", i);
		count += is_there(name) ? 1 : 0;
	}
	assert_int_equal(count, 4);
	for (size_t i = 0; i < 4; i++)
		if (!is_there(left[i]))
			fail_msg("%s is gone", left[i]);
	assert_int_equal(lks_count_get(snapshots_removed) - removed, 4);
}

static void
keep_spares_a_file_that_is_no_longer_ours(void **state)
{
	(void)state;
	boot("s.%n", ",keep=2");
	write_one(1, "x");
	write_one(2, "x");
	unlink(preload_env_path("s.2"));
	put_file("s.2");
	write_one(3, "x");
	assert_content("s.2", "foreign");
}

static void
full_disk_leaves_no_file_and_the_reason(void **state)
{
	(void)state;
	boot("full.%n", "");
	write_one(1, "good");
	assert_true(lks_sink_open());
	/* What a full disk does to a write, without one: the descriptor that
	 * was opened last becomes /dev/full. */
	{
		int full = open("/dev/full", O_WRONLY);

		assert_true(full > 2);
		assert_int_equal(dup2(full, full - 1), full - 1);
		close(full);
	}
	assert_false(lks_sink_write("x", 1));
	assert_non_null(strstr(lks_sink_error(), "no space left on device"));
	lks_sink_discard();
	assert_int_equal(count_hidden_files(), 0);
	assert_false(is_there("full.2"));
	assert_content("full.1", "good");
	write_one(2, "again");
	assert_string_equal(lks_sink_error(), "");
}

/* As a cleaner of temporary files does. */
static void
removed_temporary_file_leaves_no_empty_one(void **state)
{
	(void)state;
	boot("swept.%n", "");
	assert_true(lks_sink_open());
	assert_true(lks_sink_write("x", 1));
	remove_hidden_files();
	assert_false(lks_sink_publish(1));
	assert_non_null(strstr(lks_sink_error(), "no such"));
	lks_sink_discard();
	assert_false(is_there("swept.1"));
}

static void
unwritable_directory_falls_back_and_says_why(void **state)
{
	char want[128];

	(void)state;
	preload_env_boot("out=/nonexistent-leakshim/u.%p.%n");
	write_one(1, "x");
	snprintf(want, sizeof(want), "/tmp/leakshim-%u/u.%d.1", geteuid(),
		 getpid());
	assert_string_equal(lks_sink_last_path(), want);
	assert_string_equal(
		lks_sink_note(),
		"cannot write in '/nonexistent-leakshim': no such directory");
	assert_int_equal(unlink(want), 0);
}

static void
directory_that_is_missing_keeps_the_default_name(void **state)
{
	char want[128];

	(void)state;
	preload_env_boot("out=/nonexistent-leakshim/");
	write_one(1, "x");
	snprintf(want, sizeof(want),
		 "/tmp/leakshim-%u/leakshim.test_sink.%d.1.snap", geteuid(),
		 getpid());
	assert_string_equal(lks_sink_last_path(), want);
	assert_int_equal(unlink(want), 0);
}

static void
path_holds_after_the_directory_changed(void **state)
{
	char here[4096];

	(void)state;
	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(chdir(preload_env_directory()), 0);
	preload_env_boot("out=relative.%n");
	assert_int_equal(chdir("/"), 0);
	write_one(1, "x");
	assert_true(is_there("relative.1"));
	assert_int_equal(chdir(here), 0);
}

static void
forked_child_starts_its_own_numbers(void **state)
{
	(void)state;
	boot("f.%n", ",keep=2");
	write_one(1, "x");
	lks_sink_fork_child();
	write_one(1, "y");
	write_one(2, "y");
	write_one(3, "y");
	assert_content("f.1", "x"); /* the parent's: not thinned */
	assert_content("f.2", "y");
	assert_false(is_there("f.3"));
	assert_true(is_there("f.4"));
}

static void
own_directory_refuses_what_others_can_change(void **state)
{
	char path[256];

	(void)state;
	snprintf(path, sizeof(path), "%s", preload_env_path("own"));
	assert_true(lks_own_directory(path));
	assert_true(lks_own_directory(path));
	chmod(path, 0755);
	assert_false(lks_own_directory(path));
	rmdir(path);
	assert_int_equal(symlink("/", path), 0);
	assert_false(lks_own_directory(path));
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file_is_private_whatever_the_umask),
		cmocka_unit_test(existing_file_is_never_replaced),
		cmocka_unit_test(dangling_link_is_not_followed),
		cmocka_unit_test(
			template_without_number_gets_one_behind_the_second_file),
		cmocka_unit_test(codes_are_replaced),
		cmocka_unit_test(directory_as_out_gets_the_default_name),
		cmocka_unit_test(
			keep_removes_the_densest_and_never_first_or_last),
		cmocka_unit_test(keep_spares_a_file_that_is_no_longer_ours),
		cmocka_unit_test(full_disk_leaves_no_file_and_the_reason),
		cmocka_unit_test(removed_temporary_file_leaves_no_empty_one),
		cmocka_unit_test(unwritable_directory_falls_back_and_says_why),
		cmocka_unit_test(
			directory_that_is_missing_keeps_the_default_name),
		cmocka_unit_test(path_holds_after_the_directory_changed),
		cmocka_unit_test(forked_child_starts_its_own_numbers),
		cmocka_unit_test(own_directory_refuses_what_others_can_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
