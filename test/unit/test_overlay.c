/* What `run` adds to LD_PRELOAD and LEAKSHIM. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../companion/overlay.h"

static void
assert_preload(const char *inherited, const char *expected)
{
	char *text = overlay_preload(inherited, "/l/libleakshim.so");

	assert_string_equal(text, expected);
	free(text);
}

static void
library_comes_first(void **state)
{
	(void)state;
	assert_preload(NULL, "/l/libleakshim.so");
	assert_preload("", "/l/libleakshim.so");
	assert_preload("a.so", "/l/libleakshim.so:a.so");
	assert_preload("a.so b.so", "/l/libleakshim.so:a.so b.so");
	assert_preload("/x/libleakshim.so.1", "/l/libleakshim.so:"
					      "/x/libleakshim.so.1");
	assert_preload("/libleakshim.so/a", "/l/libleakshim.so:"
					    "/libleakshim.so/a");
}

static void
library_is_not_added_twice(void **state)
{
	(void)state;
	assert_preload("/other/libleakshim.so", "/other/libleakshim.so");
	assert_preload("libleakshim.so", "libleakshim.so");
	assert_preload("a.so:libleakshim.so", "a.so:libleakshim.so");
	assert_preload("a.so  /x/libleakshim.so :b.so",
		       "a.so  /x/libleakshim.so :b.so");
}

static void
assert_stripped(const char *inherited, const char *expected)
{
	char *text = overlay_strip(inherited);

	if (expected)
		assert_string_equal(text, expected);
	else
		assert_null(text);
	free(text);
}

static void
other_libraries_stay_without_ours(void **state)
{
	(void)state;
	assert_stripped(NULL, NULL);
	assert_stripped("", NULL);
	assert_stripped("libleakshim.so", NULL);
	assert_stripped("/l/libleakshim.so : /x/libleakshim.so", NULL);
	assert_stripped("a.so:/l/libleakshim.so b.so", "a.so:b.so");
	/* Another file: in a directory of that name, of another version. */
	assert_stripped("/libleakshim.so/a.so", "/libleakshim.so/a.so");
	assert_stripped("libleakshim.so.1", "libleakshim.so.1");
}

static void
assert_options(const char *inherited, const struct overlay_pair *pairs,
	       size_t count, const char *expected)
{
	char *text = overlay_options(inherited, pairs, count);

	assert_string_equal(text, expected);
	free(text);
}

static void
options_replace_their_key_only(void **state)
{
	static const struct overlay_pair pairs[] = {
		{ "out", "x" },
		{ "depth", "9" },
	};

	(void)state;
	assert_options(NULL, NULL, 0, "");
	assert_options("keep=3", NULL, 0, "keep=3");
	assert_options(NULL, pairs, 2, "out=x,depth=9");
	assert_options("out=a,keep=3,depth=1,out=b", pairs, 2,
		       "keep=3,out=x,depth=9");
	assert_options("outer=1,ou=2,out", pairs, 1, "outer=1,ou=2,out,out=x");
	assert_options(",,keep=3,", pairs, 1, "keep=3,out=x");
}

static void
escaped_commas_do_not_divide(void **state)
{
	static const struct overlay_pair pairs[] = { { "out", "a,out=b" } };

	(void)state;
	assert_options("log=x\\,out=y,keep=3", pairs, 1,
		       "log=x\\,out=y,keep=3,out=a\\,out=b");
}

/* The shim takes follow=fork,exec as people write it. */
static void
bare_words_go_with_their_key(void **state)
{
	static const struct overlay_pair pairs[] = { { "follow", "none" } };

	(void)state;
	assert_options("follow=fork,exec,keep=3", pairs, 1,
		       "keep=3,follow=none");
	assert_options("follow=fork,exec,keep=3", NULL, 0,
		       "follow=fork,exec,keep=3");
}

static void
assert_value(const char *options, const char *key, const char *expected)
{
	char *value = overlay_get(options, key);

	if (expected)
		assert_string_equal(value, expected);
	else
		assert_null(value);
	free(value);
}

static void
last_value_counts(void **state)
{
	(void)state;
	assert_value("", "out", NULL);
	assert_value("outer=1", "out", NULL);
	assert_value("out=", "out", "");
	assert_value("out=a,out=b", "out", "b");
	assert_value("keep=3,out=a\\,b\\c", "out", "a,b\\c");
}

static void
assert_spoken(const char *options, const char *expected)
{
	char *spoken = overlay_spoken(options);

	assert_string_equal(spoken, expected);
	free(spoken);
}

static void
reported_options_are_spoken_as_people_write_them(void **state)
{
	(void)state;
	assert_spoken("", "");
	assert_spoken("out=x,follow=fork+exec,start=on,log=,seed=0",
		      "out=x,follow=fork,exec,start=on");
	assert_spoken("follow=fork,log=a\\,b,seed=07",
		      "follow=fork,log=a\\,b,seed=07");
	/* A file's name, not an option. */
	assert_spoken("seed=0,out=a\\,seed=0", "out=a\\,seed=0");
}

static void
final_backslash_cannot_be_held(void **state)
{
	(void)state;
	assert_true(overlay_can_hold(""));
	assert_true(overlay_can_hold("a\\b"));
	assert_false(overlay_can_hold("a\\"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(library_comes_first),
		cmocka_unit_test(library_is_not_added_twice),
		cmocka_unit_test(other_libraries_stay_without_ours),
		cmocka_unit_test(options_replace_their_key_only),
		cmocka_unit_test(escaped_commas_do_not_divide),
		cmocka_unit_test(bare_words_go_with_their_key),
		cmocka_unit_test(last_value_counts),
		cmocka_unit_test(
			reported_options_are_spoken_as_people_write_them),
		cmocka_unit_test(final_backslash_cannot_be_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
