/* interval= and on=limit, in a time that the test makes up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../preload/ident.h"
#include "../../preload/job.h"
#include "../../preload/state.h"
#include "../../preload/timers.h"
#include "preload_env.h"

#define S 1000000000ull

static int
nothing_is_pending(void **state)
{
	(void)state;
	lks_job_fork_child();
	return 0;
}

static void
boot(const char *options, uint64_t memory_limit_bytes)
{
	preload_env_boot(options);
	lks_state_set(LKS_ON);
	lks_ident.memory_limit_bytes = memory_limit_bytes;
}

static void
interval_posts_when_its_time_has_come(void **state)
{
	struct lks_timers timers;

	(void)state;
	boot("interval=10s", 0);
	assert_true(lks_timers_wanted());
	lks_timers_start(&timers, 5 * S);
	assert_int_equal(lks_timers_pause_ns(&timers, 6 * S), 9 * S);
	lks_timers_look(&timers, 14 * S);
	assert_false(lks_job_is_pending());
	lks_timers_look(&timers, 47 * S);
	assert_true(lks_job_is_pending());
	/* What was missed is not made up for. */
	assert_int_equal(lks_timers_pause_ns(&timers, 47 * S), 8 * S);
}

static void
limit_posts_once_while_it_is_exceeded(void **state)
{
	struct lks_timers timers;

	(void)state;
	boot("on=limit:50%", 4096);
	assert_true(lks_timers_wanted());
	lks_timers_start(&timers, S);
	lks_timers_look(&timers, S);
	assert_true(lks_job_is_pending());
	lks_job_fork_child();
	lks_timers_look(&timers, 9 * S);
	assert_false(lks_job_is_pending());
}

static void
limit_without_a_cgroup_limit_wants_no_thread(void **state)
{
	struct lks_timers timers;

	(void)state;
	boot("on=limit:50%", 0);
	assert_false(lks_timers_wanted());
	lks_timers_start(&timers, S);
	lks_timers_look(&timers, S);
	assert_false(lks_job_is_pending());
	assert_int_equal(lks_timers_pause_ns(&timers, S), 0);
}

static void
dormant_process_posts_nothing(void **state)
{
	struct lks_timers timers;

	(void)state;
	boot("start=off,interval=1s,on=limit:1%", 4096);
	lks_state_set(LKS_DORMANT);
	lks_timers_start(&timers, S);
	lks_timers_look(&timers, 10 * S);
	assert_false(lks_job_is_pending());
	assert_true(lks_timers_pause_ns(&timers, 10 * S) > 1);
	lks_state_set(LKS_ON);
	lks_timers_look(&timers, 20 * S);
	assert_true(lks_job_is_pending());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(interval_posts_when_its_time_has_come,
				       nothing_is_pending),
		cmocka_unit_test_setup(limit_posts_once_while_it_is_exceeded,
				       nothing_is_pending),
		cmocka_unit_test_setup(
			limit_without_a_cgroup_limit_wants_no_thread,
			nothing_is_pending),
		cmocka_unit_test_setup(dormant_process_posts_nothing,
				       nothing_is_pending),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
