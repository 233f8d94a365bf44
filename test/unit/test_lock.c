/*
 * Locks whose holder does not come back: what waiting for them may cost, and
 * when it is given up. Waits are told by how often the thread went to sleep,
 * not by the clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/resource.h>

#include "../../preload/lock.h"
#include "../../preload/state.h"

static long
sleeps(void)
{
	struct rusage usage;

	assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
	return usage.ru_nvcsw;
}

/* How often the thread slept while it tried in vain. */
static long
try_in_vain(struct lks_lock *lock)
{
	const long before = sleeps();

	assert_false(lks_lock_take(lock, LKS_RANK_SHARD));
	return sleeps() - before;
}

static void
lock_that_stays_held_is_not_waited_for_again(void **state)
{
	struct lks_lock lock = { 0 };

	(void)state;
	assert_true(lks_lock_attempt(&lock));
	assert_false(lks_lock_is_lost(&lock));
	assert_true(try_in_vain(&lock) > 0);
	assert_true(lks_lock_is_lost(&lock));
	for (int i = 0; i < 1000; i++)
		assert_int_equal(try_in_vain(&lock), 0);
}

static void
lock_that_comes_free_is_as_any_other(void **state)
{
	struct lks_lock lock = { 1 };

	(void)state;
	assert_true(try_in_vain(&lock) > 0);
	assert_true(lks_lock_is_lost(&lock));
	lks_lock_drop(&lock);
	assert_false(lks_lock_is_lost(&lock));
	assert_true(lks_lock_take(&lock, LKS_RANK_SHARD));
	assert_true(try_in_vain(&lock) > 0);
	lks_lock_drop(&lock);
}

static void
fork_may_hold_locks_for_as_long_as_it_takes(void **state)
{
	struct lks_lock lock = { 1 };

	(void)state;
	lks_lock_fork_prepare();
	assert_true(try_in_vain(&lock) > 0);
	assert_false(lks_lock_is_lost(&lock));
	lks_lock_fork_parent();
}

/* The last: tracking ends. */
static void
many_that_stay_held_end_tracking(void **state)
{
	struct lks_lock lock;

	(void)state;
	lks_lock_fork_child(); /* forgets those of the tests before */
	for (int i = 0; i < LKS_LOCKS_LOST; i++) {
		assert_null(lks_state_reason());
		lock = (struct lks_lock){ 1 };
		assert_true(try_in_vain(&lock) > 0);
	}
	assert_non_null(lks_state_reason());
	assert_int_equal(lks_state_page.state, LKS_OFF);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lock_that_stays_held_is_not_waited_for_again),
		cmocka_unit_test(lock_that_comes_free_is_as_any_other),
		cmocka_unit_test(fork_may_hold_locks_for_as_long_as_it_takes),
		cmocka_unit_test(many_that_stay_held_end_tracking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
