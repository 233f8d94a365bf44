/* Numbers as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../analyzer/parse.h"

static void
whole_text_is_a_count(void **state)
{
	uint64_t count = 0;

	(void)state;
	assert_true(parse_count("0", &count));
	assert_int_equal(count, 0);
	assert_true(parse_count("18446744073709551615", &count));
	assert_true(count == UINT64_MAX);
	assert_false(parse_count("18446744073709551616", &count));
	assert_false(parse_count("", &count));
	assert_false(parse_count(" 1", &count));
	assert_false(parse_count("+1", &count));
	assert_false(parse_count("-1", &count));
	assert_false(parse_count("1x", &count));
}

static void
sizes_are_powers_of_1024(void **state)
{
	int64_t bytes = 0;

	(void)state;
	assert_true(parse_size("4096", &bytes));
	assert_int_equal(bytes, 4096);
	assert_true(parse_size("64K", &bytes));
	assert_int_equal(bytes, 65536);
	assert_true(parse_size("64KiB", &bytes));
	assert_int_equal(bytes, 65536);
	assert_true(parse_size("3g", &bytes));
	assert_int_equal(bytes, INT64_C(3) << 30);
	assert_true(parse_size("12B", &bytes));
	assert_int_equal(bytes, 12);
	assert_true(parse_size("7E", &bytes));
	assert_int_equal(bytes, INT64_C(7) << 60);
	assert_false(parse_size("8E", &bytes));
	assert_false(parse_size("9223372036854775808", &bytes));
	assert_false(parse_size("1.5M", &bytes));
	assert_false(parse_size("M", &bytes));
	assert_false(parse_size("1Mx", &bytes));
	assert_false(parse_size("1KiBs", &bytes));
}

static void
durations_have_a_unit_or_are_seconds(void **state)
{
	double seconds = 0;

	(void)state;
	assert_true(parse_duration("90", &seconds));
	assert_true(seconds == 90);
	assert_true(parse_duration("5m", &seconds));
	assert_true(seconds == 300);
	assert_true(parse_duration("8h", &seconds));
	assert_true(seconds == 28800);
	assert_true(parse_duration("2d", &seconds));
	assert_true(seconds == 172800);
	assert_true(parse_duration("250ms", &seconds));
	assert_true(seconds == 0.25);
	assert_false(parse_duration("5x", &seconds));
	assert_false(parse_duration("h", &seconds));
	assert_false(parse_duration("-5s", &seconds));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_text_is_a_count),
		cmocka_unit_test(sizes_are_powers_of_1024),
		cmocka_unit_test(durations_have_a_unit_or_are_seconds),
	};

	return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}
