/* The histogram of latencies keeps its promise about errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../companion/load_latency.h"

#define SAMPLES 20000

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void
quantiles_are_never_low_and_at_most_one_128th_high(void **state)
{
	static const double parts[] = { 0, 0.001, 0.5, 0.975, 0.99, 1 };
	static uint64_t all[SAMPLES];
	static struct load_latency latency;
	uint64_t x = 88172645463325252u, got, exact;
	size_t i, rank;

	(void)state;
	for (i = 0; i < SAMPLES; i++) {
		/* Every magnitude up to 2^41. */
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		all[i] = x >> (23 + x % 41);
		load_latency_insert(&latency, all[i]);
	}
	qsort(all, SAMPLES, sizeof(all[0]), compare);
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		rank = (size_t)(parts[i] * SAMPLES + 0.999999);
		exact = all[rank ? rank - 1 : 0];
		got = load_latency_quantile(&latency, parts[i]);
		assert_in_range(got, exact, exact + exact / 128);
	}
	assert_int_equal(latency.max_ns, all[SAMPLES - 1]);
}

static void
each_value_stays_in_its_cell(void **state)
{
	uint64_t value;

	(void)state;
	for (value = 1; value < UINT64_C(1) << 43; value += value / 3 + 1) {
		static struct load_latency latency;

		latency = (struct load_latency){ 0 };
		load_latency_insert(&latency, value);
		/* What is above pulls max out of the way. */
		load_latency_insert(&latency, UINT64_MAX / 2);
		if (value < UINT64_C(1) << LOAD_LATENCY_MAX_BITS) {
			assert_in_range(load_latency_quantile(&latency, 0.5),
					value, value + value / 128);
			assert_in_range(load_latency_quantile(&latency, 0),
					value, value + value / 128);
		}
	}
}

static void
what_is_beyond_the_last_cell_keeps_its_maximum(void **state)
{
	static struct load_latency latency;

	(void)state;
	load_latency_insert(&latency, UINT64_MAX);
	assert_int_equal(load_latency_quantile(&latency, 0.5), UINT64_MAX);
	load_latency_insert(&latency, 5);
	assert_int_equal(load_latency_quantile(&latency, 0.5), 5);
}

static void
merged_they_are_as_one_that_had_all(void **state)
{
	static struct load_latency all, merged, part;
	uint64_t i;

	(void)state;
	for (i = 0; i < 300; i++) {
		/* The slow ones are in the first of three. */
		uint64_t ns = i < 6 ? 900000000 + i : 1000 * i;

		load_latency_insert(&all, ns);
		load_latency_insert(&part, ns);
		if (i % 100 != 99)
			continue;
		load_latency_merge(&merged, &part);
		part = (struct load_latency){ 0 };
	}
	assert_memory_equal(merged.cells, all.cells, sizeof(all.cells));
	assert_int_equal(merged.count, 300);
	assert_int_equal(merged.max_ns, all.max_ns);
	assert_float_equal(merged.sum_ns, all.sum_ns, 1);
	assert_true(load_latency_quantile(&merged, 0.99) >= 900000000);
}

static void
an_empty_one_has_no_times(void **state)
{
	static const struct load_latency latency;

	(void)state;
	assert_int_equal(load_latency_quantile(&latency, 0.99), 0);
	assert_true(load_latency_mean_ns(&latency) <= 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			quantiles_are_never_low_and_at_most_one_128th_high),
		cmocka_unit_test(each_value_stays_in_its_cell),
		cmocka_unit_test(
			what_is_beyond_the_last_cell_keeps_its_maximum),
		cmocka_unit_test(merged_they_are_as_one_that_had_all),
		cmocka_unit_test(an_empty_one_has_no_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
