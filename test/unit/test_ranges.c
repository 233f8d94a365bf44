#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../analyzer/ranges.h"

static void
empty_has_nothing(void **state)
{
	struct ranges ranges = { 0 };

	(void)state;
	ranges_sort(&ranges);
	assert_int_equal(ranges_find(&ranges, 0), RANGES_NONE);
	assert_int_equal(ranges_find(&ranges, UINT64_MAX), RANGES_NONE);
	ranges_release(&ranges);
}

static void
ends_are_exclusive(void **state)
{
	struct ranges ranges = { 0 };

	(void)state;
	ranges_add(&ranges, 10, 20, 1);
	ranges_add(&ranges, 30, 40, 2);
	ranges_sort(&ranges);
	assert_int_equal(ranges_find(&ranges, 9), RANGES_NONE);
	assert_int_equal(ranges_find(&ranges, 10), 1);
	assert_int_equal(ranges_find(&ranges, 19), 1);
	assert_int_equal(ranges_find(&ranges, 20), RANGES_NONE);
	assert_int_equal(ranges_find(&ranges, 39), 2);
	assert_int_equal(ranges_find(&ranges, 40), RANGES_NONE);
	ranges_release(&ranges);
}

static void
innermost_is_found(void **state)
{
	struct ranges ranges = { 0 };

	(void)state;
	ranges_add(&ranges, 20, 30, 2);
	ranges_add(&ranges, 0, 100, 1);
	ranges_add(&ranges, 22, 24, 3);
	ranges_add(&ranges, 20, 40, 4);
	ranges_sort(&ranges);
	assert_int_equal(ranges_find(&ranges, 19), 1);
	assert_int_equal(ranges_find(&ranges, 20), 2);
	assert_int_equal(ranges_find(&ranges, 23), 3);
	assert_int_equal(ranges_find(&ranges, 24), 2);
	assert_int_equal(ranges_find(&ranges, 35), 4);
	assert_int_equal(ranges_find(&ranges, 40), 1);
	ranges_release(&ranges);
}

static void
greatest_item_wins_at_one_place(void **state)
{
	struct ranges ranges = { 0 };

	(void)state;
	ranges_add(&ranges, 10, 20, 7);
	ranges_add(&ranges, 10, 20, 9);
	ranges_add(&ranges, 10, 20, 8);
	ranges_sort(&ranges);
	assert_int_equal(ranges_find(&ranges, 15), 9);
	ranges_release(&ranges);
}

/* Compared with looking at all of them. */
static void
many_overlapping_ranges_agree_with_a_search(void **state)
{
	struct ranges ranges = { 0 };
	uint64_t low[300], high[300], best_low, best_high, address;
	uint32_t random = 1;
	size_t i, best;

	(void)state;
	for (i = 0; i < 300; i++) {
		random = random * 1103515245 + 12345;
		low[i] = random >> 16 & 1023;
		high[i] = low[i] + 1 + (random >> 8 & 63);
		ranges_add(&ranges, low[i], high[i], i);
	}
	ranges_sort(&ranges);
	for (address = 0; address < 1200; address++) {
		best = RANGES_NONE;
		best_low = best_high = 0;
		for (i = 0; i < 300; i++) {
			if (address < low[i] || address >= high[i])
				continue;
			if (best != RANGES_NONE &&
			    (low[i] < best_low ||
			     (low[i] == best_low && high[i] > best_high)))
				continue;
			best = i;
			best_low = low[i];
			best_high = high[i];
		}
		assert_int_equal(ranges_find(&ranges, address), best);
	}
	ranges_release(&ranges);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_has_nothing),
		cmocka_unit_test(ends_are_exclusive),
		cmocka_unit_test(innermost_is_found),
		cmocka_unit_test(greatest_item_wins_at_one_place),
		cmocka_unit_test(many_overlapping_ranges_agree_with_a_search),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
