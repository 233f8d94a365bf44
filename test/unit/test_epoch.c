/* Epochs: seconds that never run backwards, and what a fork does to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../preload/epoch.h"

static void
epochs_cover_time_without_gaps(void **state)
{
	(void)state;
	assert_int_equal(lks_epoch_from_s(0), 0);
	for (uint32_t e = 0; e < LKS_EPOCH_MAX; e += 1021) {
		assert_true(lks_epoch_to_s(e) > lks_epoch_from_s(e));
		assert_int_equal(lks_epoch_to_s(e), lks_epoch_from_s(e + 1));
	}
	/* Six days to the second, more than a year in all. */
	assert_int_equal(
		lks_epoch_to_s(6 * 86400) - lks_epoch_from_s(6 * 86400), 1);
	assert_true(lks_epoch_from_s(LKS_EPOCH_MAX) > 366ull * 86400);
}

static void
tick_follows_the_clock(void **state)
{
	(void)state;
	lks_epoch_init();
	lks_epoch_tick();
	assert_true(lks_epoch_now() <= 1);
	assert_true(lks_epoch_start_wall_ns() > 0);
}

static void
child_is_younger_than_any_block_of_its_parent(void **state)
{
	uint32_t parent;

	(void)state;
	lks_epoch_init();
	lks_epoch_tick();
	parent = lks_epoch_now();
	lks_epoch_fork_child();
	assert_true(lks_epoch_now() > parent);
	lks_epoch_tick();
	assert_true(lks_epoch_now() > parent);
}

static void
what_starts_late_counts_from_there(void **state)
{
	uint64_t before;

	(void)state;
	lks_epoch_init();
	before = lks_epoch_start_monotonic_ns();
	assert_int_equal(lks_epoch_late_ns(), 0);
	lks_epoch_fork_child();
	lks_epoch_restart();
	assert_int_equal(lks_epoch_now(), 0);
	assert_true(lks_epoch_late_ns() > 0);
	assert_int_equal(lks_epoch_late_ns(),
			 lks_epoch_start_monotonic_ns() - before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(epochs_cover_time_without_gaps),
		cmocka_unit_test(tick_follows_the_clock),
		cmocka_unit_test(child_is_younger_than_any_block_of_its_parent),
		cmocka_unit_test(what_starts_late_counts_from_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
