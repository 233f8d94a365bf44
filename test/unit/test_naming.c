/* Where snapshots will be, foreseen. */
#include <fnmatch.h>
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

#include "../../companion/naming.h"

static char top[] = "/tmp/lks-naming-XXXXXX";
static char old_directory[4096];

static int
set_up(void **state)
{
	(void)state;
	if (!getcwd(old_directory, sizeof(old_directory)) || !mkdtemp(top) ||
	    chdir(top) < 0 || mkdir("a[b]", 0755) < 0)
		return -1;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	rmdir("a[b]");
	return chdir(old_directory) < 0 ? -1 : rmdir(top);
}

/* `expected` without the directory that we are in. */
static void
assert_path(const char *options, const char *number, const char *expected)
{
	struct naming naming;
	struct err err;
	char *path;

	naming_init(&naming, options, "/bin/sh");
	assert_int_equal(naming_check(&naming, &err), 0);
	path = naming_path(&naming, 4711, number);
	assert_memory_equal(path, top, strlen(top));
	assert_string_equal(path + strlen(top) + 1, expected);
	free(path);
	naming_release(&naming);
}

static void
path_is_the_shims(void **state)
{
	(void)state;
	assert_path("out=%p%%.%n", "1", "4711%.1");
	assert_path("out=x", "1", "x");
	assert_path("out=x", "2", "x.1");
	assert_path("out=%t.%q.%n%", "N", "*.%q.N%");
	assert_path("out=a[b]/x", "1", "a[b]/x");
	assert_path("out=a\\,b", "1", "a,b");
}

static void
assert_found(const char *options, const char *file, bool expected)
{
	struct naming naming;
	char path[128];
	char *pattern;

	naming_init(&naming, options, "/bin/sh");
	pattern = naming_pattern(&naming, 4711);
	snprintf(path, sizeof(path), "%s/%s", top, file);
	if ((fnmatch(pattern, path, FNM_PATHNAME) == 0) != expected)
		fail_msg("'%s' %s '%s'", pattern,
			 expected ? "does not find" : "finds", path);
	free(pattern);
	naming_release(&naming);
}

static void
pattern_finds_what_any_program_of_that_pid_wrote(void **state)
{
	(void)state;
	assert_found("", "leakshim.sh.4711.1.snap", true);
	assert_found("", "leakshim.app.4711.200.snap", true);
	assert_found("", "leakshim.app.4712.1.snap", false);
	assert_found("out=%t.%p", "20240131T235959Z.4711", true);
	/* Without %n files are told apart by a number at the end. */
	assert_found("out=x.%p", "x.4711", true);
	assert_found("out=x.%p", "x.4711.7", true);
	/* What is not a code is meant as it is. */
	assert_found("out=a[b]/x.%n", "a[b]/x.1", true);
	assert_found("out=a[b]/*.%n", "a[b]/x.1", false);
	assert_found("out=a[b]", "a[b]/leakshim.app.4711.1.snap", true);
	assert_found("out=a[b]/", "a[b]/leakshim.app.4711.1.snap", true);
	assert_found("out=x?%n", "xy1", false);
}

static void
unseen_program_is_named_in_its_own_place(void **state)
{
	struct naming naming;
	char *path;

	(void)state;
	naming_init_unseen(&naming, "out=x/%e.%p.%n", "app", "/no/such");
	path = naming_path(&naming, 0, "1");
	assert_string_equal(path, "/no/such/x/app.*.1");
	free(path);
	naming_release(&naming);
	naming_init_unseen(&naming, "out=/y/", NULL, "/no/such");
	path = naming_path(&naming, 7, "N");
	assert_string_equal(path, "/y/leakshim.*.7.N.snap");
	free(path);
	naming_release(&naming);
}

static void
pattern_of_any_process_leaves_the_pid_open(void **state)
{
	struct naming naming;
	char *pattern;

	(void)state;
	naming_init(&naming, "out=%p.%n.snap", "/bin/sh");
	pattern = naming_pattern(&naming, 0);
	assert_string_equal(pattern + strlen(top) + 1, "*.*.snap");
	free(pattern);
	naming_release(&naming);
}

static void
assert_missing(const char *options, bool expected)
{
	struct naming naming;
	struct err err = { .text = "" };

	naming_init(&naming, options, "/bin/sh");
	assert_int_equal(naming_check(&naming, &err), expected ? -1 : 0);
	if (expected) {
		assert_int_equal(err.code, ERR_OPEN);
		assert_non_null(strstr(err.text, "no such directory"));
	}
	naming_release(&naming);
}

static void
missing_directory_is_told(void **state)
{
	(void)state;
	assert_missing("", false);
	assert_missing("out=none/", true);
	assert_missing("out=none/x", true);
	assert_missing("out=/dev/null/x", true);
	assert_missing("out=%p/x", true);
	/* Who knows what time it will be? */
	assert_missing("out=%t/x", false);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(path_is_the_shims),
		cmocka_unit_test(
			pattern_finds_what_any_program_of_that_pid_wrote),
		cmocka_unit_test(unseen_program_is_named_in_its_own_place),
		cmocka_unit_test(pattern_of_any_process_leaves_the_pid_open),
		cmocka_unit_test(missing_directory_is_told),
	};

	return cmocka_run_group_tests_name("naming", tests, set_up, tear_down);
}
