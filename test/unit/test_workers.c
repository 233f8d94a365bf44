/* Threads that do what may block. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "../../companion/workers.h"

#define MOST 8
#define LONG_NS 60000000000ull

static atomic_int running, done_count, dropped;
static atomic_bool released;

static void
sleep_ms(long ms)
{
	const struct timespec pause = { 0, ms * 1000000 };

	nanosleep(&pause, NULL);
}

/* Until so many run at once. */
static void
meet(void *as_wanted)
{
	running++;
	while (running < *(int *)as_wanted)
		sleep_ms(1);
	done_count++;
}

static void
hang(void *unused)
{
	(void)unused;
	running++;
	while (!released)
		sleep_ms(1);
	done_count++;
}

static void
hang_or_not(void *as_hangs)
{
	if (*(int *)as_hangs)
		hang(NULL);
}

static void
drop(void *arg)
{
	(void)arg;
	dropped++;
}

static struct workers *
start(void)
{
	running = done_count = dropped = 0;
	released = false;
	return workers_new(MOST);
}

static void
pieces_are_done_before_the_end(void **state)
{
	struct workers *workers = start();
	int i, wanted = MOST;

	(void)state;
	for (i = 0; i < MOST; i++)
		assert_true(workers_give(workers, meet, &wanted));
	workers_free(workers);
	assert_int_equal(done_count, MOST);
}

static void
no_more_threads_than_allowed_are_made(void **state)
{
	struct workers *workers = start();
	int i;

	(void)state;
	for (i = 0; i < MOST; i++)
		assert_true(workers_give(workers, hang, NULL));
	assert_false(workers_give(workers, hang, NULL));
	released = true;
	workers_free(workers);
	assert_int_equal(done_count, MOST);
}

/* One after the other they would never meet. */
static void
all_run_at_once(void **state)
{
	struct workers *workers = start();
	int i, wanted = MOST;
	void *args[MOST];
	bool done[MOST];

	(void)state;
	for (i = 0; i < MOST; i++)
		args[i] = &wanted;
	assert_int_equal(workers_all(workers, meet, drop, args, done, MOST,
				     LONG_NS),
			 MOST);
	for (i = 0; i < MOST; i++)
		assert_true(done[i]);
	workers_free(workers);
	assert_int_equal(dropped, 0);
}

/* It ends although two never do; what they have is theirs to drop. */
static void
who_hangs_is_not_waited_for(void **state)
{
	struct workers *workers = start();
	int hangs[4] = { 1, 0, 1, 0 };
	void *args[4];
	bool done[4];
	int i;

	(void)state;
	for (i = 0; i < 4; i++)
		args[i] = &hangs[i];
	/* Time for those that do not hang, on any machine. */
	assert_int_equal(workers_all(workers, hang_or_not, drop, args, done, 4,
				     2000000000),
			 2);
	for (i = 0; i < 4; i++)
		assert_int_equal(done[i], !hangs[i]);
	assert_int_equal(dropped, 0);
	released = true;
	workers_free(workers);
	assert_int_equal(dropped, 2);
}

static void
who_has_no_worker_is_dropped(void **state)
{
	struct workers *workers = start();
	int i, wanted = 1;
	void *args[2] = { &wanted, &wanted };
	bool done[2];

	(void)state;
	for (i = 0; i < MOST; i++)
		assert_true(workers_give(workers, hang, NULL));
	assert_int_equal(
		workers_all(workers, meet, drop, args, done, 2, LONG_NS), 0);
	assert_false(done[0] || done[1]);
	assert_int_equal(dropped, 2);
	released = true;
	workers_free(workers);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_done_before_the_end),
		cmocka_unit_test(no_more_threads_than_allowed_are_made),
		cmocka_unit_test(all_run_at_once),
		cmocka_unit_test(who_hangs_is_not_waited_for),
		cmocka_unit_test(who_has_no_worker_is_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
