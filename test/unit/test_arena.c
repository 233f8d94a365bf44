/* The arena: zeroed pages, an honest sum, a cap, and ranges that cover it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../preload/arena.h"
#include "../../preload/counters.h"

static void
pages_are_zeroed_aligned_and_counted(void **state)
{
	uint64_t before = lks_arena_bytes();
	char *p = lks_arena_map(5000);

	(void)state;
	assert_non_null(p);
	assert_int_equal((uintptr_t)p % 4096, 0);
	for (int i = 0; i < 8192; i++)
		assert_int_equal(p[i], 0);
	assert_int_equal(lks_arena_bytes(), before + 8192);
	memset(p, 1, 8192);
	lks_arena_release(p, 5000);
	assert_int_equal(lks_arena_bytes(), before);
}

static void
over_the_cap_is_refused(void **state)
{
	uint64_t failures = lks_count_get(map_failures);
	void *p;

	(void)state;
	lks_arena_init(lks_arena_bytes() + 4096);
	assert_true(lks_arena_is_tight(4097));
	assert_null(lks_arena_map(4097));
	assert_int_equal(lks_count_get(map_failures), failures);
	p = lks_arena_map_beyond_cap(1 << 20);
	assert_non_null(p);
	lks_arena_release(p, 1 << 20);
	lks_arena_init(UINT64_MAX);
}

static void
impossible_sizes_are_refused(void **state)
{
	(void)state;
	assert_null(lks_arena_map(0));
	assert_null(lks_arena_map(SIZE_MAX));
	assert_null(lks_arena_map((size_t)1 << 60));
}

static void
small_memory_is_aligned_and_distinct(void **state)
{
	char *a = lks_arena_permanent(1);
	char *b = lks_arena_permanent(100000);
	char *c = lks_arena_permanent(17);

	(void)state;
	assert_true(a != NULL && b != NULL && c != NULL);
	assert_int_equal((uintptr_t)a % 16, 0);
	assert_int_equal((uintptr_t)c % 16, 0);
	memset(a, 'a', 1);
	memset(b, 'b', 100000);
	memset(c, 'c', 17);
	assert_int_equal(*a, 'a');
	assert_int_equal(b[99999], 'b');
}

static void
ranges_cover_all_that_is_mapped(void **state)
{
	static struct lks_range ranges[10000];
	void *pages[500];
	uint64_t sum = 0;
	uint32_t n;

	(void)state;
	for (int i = 0; i < 500; i++)
		pages[i] = lks_arena_map(4096 * (1 + (size_t)i % 3));
	for (int i = 0; i < 500; i += 2)
		lks_arena_release(pages[i], 4096 * (1 + (size_t)i % 3));
	n = lks_arena_ranges(ranges, 10000);
	for (uint32_t i = 0; i < n; i++)
		sum += ranges[i].end - ranges[i].start;
	assert_int_equal(sum, lks_arena_bytes());
	for (int i = 1; i < 500; i += 2) {
		int inside = 0;

		for (uint32_t k = 0; k < n; k++)
			inside += (uintptr_t)pages[i] >= ranges[k].start &&
				  (uintptr_t)pages[i] < ranges[k].end;
		assert_int_equal(inside, 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_are_zeroed_aligned_and_counted),
		cmocka_unit_test(over_the_cap_is_refused),
		cmocka_unit_test(impossible_sizes_are_refused),
		cmocka_unit_test(small_memory_is_aligned_and_distinct),
		cmocka_unit_test(ranges_cover_all_that_is_mapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
