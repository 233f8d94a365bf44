/*
 * Deferred changes: that they are deferred, that nobody sees the tables without
 * them, and that they are made in the order of the calls when several threads
 * have to do with a block.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../preload/counters.h"
#include "../../preload/depot.h"
#include "../../preload/record.h"
#include "../../preload/site.h"
#include "preload_env.h"

#define SITE ((struct lks_stack){ LKS_OVERFLOW_STACK })
#define HERE 0x7f0000001000u

static uint64_t
in_table(void)
{
	uint64_t sum = 0;

	for (uint32_t s = 0; s < LKS_SHARDS; s++)
		sum += lks_livetab_copy(s, NULL, 0);
	return sum;
}

static struct lks_site_totals
totals(void)
{
	return lks_site_read(lks_heap_sites, SITE);
}

static void
learn(void)
{
	lks_tls.guard = LKS_GUARD_OWN;
	if (!lks_tls.known)
		lks_tls_learn(NULL);
	assert_non_null(lks_tls_block());
}

/* The calling thread becomes owner, however often it was one for nothing. */
static void
own(void)
{
	learn();
	lks_record_settle();
	for (uint32_t i = 0; i < 1u << 18 && !lks_tls.defers; i++)
		lks_record_tick();
	if (!lks_tls.defers)
		skip(); /* no membarrier here */
}

/* Nothing is left of the test before. */
static int
clean(void **state)
{
	(void)state;
	lks_record_settle();
	assert_int_equal(in_table(), 0);
	lks_counters_clear();
	return 0;
}

static void
in_thread(void *(*run)(void *), void *argument)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, run, argument), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void
changes_wait_until_somebody_looks(void **state)
{
	(void)state;
	own();
	for (uintptr_t i = 0; i < 100; i++)
		lks_record_add(HERE + i * 16, 10, SITE);
	assert_int_equal(in_table(), 0);
	lks_record_settle();
	assert_int_equal(in_table(), 100);
	for (uintptr_t i = 0; i < 100; i++)
		lks_record_remove(HERE + i * 16);
	assert_int_equal(in_table(), 100);
	lks_record_settle();
	assert_int_equal(in_table(), 0);
	assert_true(lks_tls.defers);
}

static void
full_ring_is_applied(void **state)
{
	(void)state;
	own();
	for (uintptr_t i = 0; i < LKS_DEFERRED; i++)
		lks_record_add(HERE + i * 16, 10, SITE);
	assert_int_equal(in_table(), LKS_DEFERRED);
	for (uintptr_t i = 0; i < LKS_DEFERRED; i++)
		lks_record_remove(HERE + i * 16);
	assert_int_equal(in_table(), 0);
}

static void
block_that_came_and_went_is_counted(void **state)
{
	struct lks_site_totals before = totals();
	struct lks_site_totals after;

	(void)state;
	own();
	for (int i = 0; i < 7; i++) {
		lks_record_add(HERE, 100, SITE);
		lks_record_remove(HERE);
	}
	lks_record_settle();
	after = totals();
	assert_int_equal(after.alloc_objects - before.alloc_objects, 7);
	assert_int_equal(after.free_objects - before.free_objects, 7);
	assert_int_equal(after.alloc_bytes - before.alloc_bytes, 700);
	assert_int_equal(after.free_bytes - before.free_bytes, 700);
	assert_int_equal(lks_count_get(unknown_frees), 0);
}

static void
address_given_out_twice_was_freed_between(void **state)
{
	(void)state;
	own();
	lks_record_add(HERE, 1, SITE);
	lks_record_add(HERE, 2, SITE);
	lks_record_settle();
	assert_int_equal(in_table(), 1);
	assert_int_equal(lks_count_get(implicit_frees), 1);
	lks_record_remove(HERE);
	lks_record_settle();
	assert_int_equal(lks_count_get(unknown_frees), 0);
}

static void
unknown_address_is_counted(void **state)
{
	(void)state;
	own();
	lks_record_remove(HERE);
	lks_record_settle();
	assert_int_equal(lks_count_get(unknown_frees), 1);
}

static void
huge_block_is_counted_as_the_largest(void **state)
{
	struct lks_site_totals before, after;

	(void)state;
	own();
	before = totals();
	lks_record_add(HERE, LKS_SIZE_MAX, SITE);
	lks_record_settle();
	assert_int_equal(lks_count_get(size_clamped), 0);
	lks_record_remove(HERE);
	lks_record_add(HERE, LKS_SIZE_MAX + 1, SITE);
	lks_record_settle();
	assert_int_equal(lks_count_get(size_clamped), 1);
	lks_record_remove(HERE);
	lks_record_settle();
	after = totals();
	assert_int_equal(after.alloc_bytes - before.alloc_bytes,
			 2 * LKS_SIZE_MAX);
	assert_int_equal(after.free_bytes - before.free_bytes,
			 2 * LKS_SIZE_MAX);
}

static void *
remove_here(void *unused)
{
	(void)unused;
	learn();
	lks_record_remove(HERE);
	return NULL;
}

static void
other_thread_finds_what_was_deferred(void **state)
{
	(void)state;
	own();
	lks_record_add(HERE, 10, SITE);
	in_thread(remove_here, NULL);
	assert_int_equal(lks_count_get(unknown_frees), 0);
	assert_int_equal(in_table(), 0);
	/* And this one sees that it no longer owns. */
	lks_record_add(HERE, 10, SITE);
	assert_false(lks_tls.defers);
	assert_int_equal(in_table(), 1);
	lks_record_remove(HERE);
}

static void *
settle(void *unused)
{
	(void)unused;
	learn();
	lks_record_settle();
	return NULL;
}

static void
reader_of_another_thread_finds_all(void **state)
{
	(void)state;
	own();
	lks_record_add(HERE, 10, SITE);
	in_thread(settle, NULL);
	assert_int_equal(in_table(), 1);
	lks_record_remove(HERE);
}

static void *
own_and_end(void *unused)
{
	(void)unused;
	own();
	lks_record_add(HERE, 10, SITE);
	lks_record_thread_ends();
	return NULL;
}

static void
thread_that_ends_leaves_nothing(void **state)
{
	(void)state;
	in_thread(own_and_end, NULL);
	assert_int_equal(in_table(), 1);
	lks_record_remove(HERE);
	lks_record_settle();
}

static void
failed_call_changes_nothing(void **state)
{
	struct lks_site_totals before;
	struct lks_site_totals after;
	struct lks_held held;

	(void)state;
	own();
	lks_record_add(HERE, 10, SITE);
	/* At each place of the ring, its last included. */
	for (uint32_t i = 0; i < 2 * LKS_DEFERRED + 1; i++) {
		lks_record_hold(HERE, &held);
		lks_record_put_back(&held);
		lks_record_add(HERE + 16, 10, SITE);
		lks_record_remove(HERE + 16);
	}
	lks_record_settle();
	assert_int_equal(in_table(), 1);
	/* The ring taken away while the call was under way. */
	before = totals();
	lks_record_hold(HERE, &held);
	in_thread(settle, NULL);
	assert_int_equal(in_table(), 0);
	lks_record_put_back(&held);
	assert_int_equal(in_table(), 1);
	after = totals();
	assert_int_equal(after.alloc_objects - after.free_objects,
			 before.alloc_objects - before.free_objects);
	lks_record_remove(HERE);
	assert_int_equal(lks_count_get(unknown_frees), 0);
	assert_int_equal(lks_count_get(implicit_frees), 0);
}

/* Its block came within the ring and never was in the table. */
static void
failed_call_of_a_young_block_keeps_it(void **state)
{
	struct lks_held held;

	(void)state;
	own();
	lks_record_add(HERE, 10, SITE);
	lks_record_hold(HERE, &held);
	in_thread(settle, NULL);
	assert_int_equal(in_table(), 0);
	lks_record_put_back(&held);
	assert_int_equal(in_table(), 1);
	lks_record_remove(HERE);
	assert_int_equal(lks_count_get(unknown_frees), 0);
}

/* As a handler does that ends the process: what it interrupted had made all
 * changes, and not said so yet. */
static void
changes_are_made_once_if_applied_twice(void **state)
{
	struct lks_site_totals before;
	struct lks_site_totals after;

	(void)state;
	own();
	before = totals();
	lks_record_add(HERE, 10, SITE);
	lks_record_add(HERE + 16, 10, SITE);
	lks_record_remove(HERE + 16);
	lks_record_apply();
	lks_deferred.count = 3;
	lks_record_settle();
	after = totals();
	assert_int_equal(in_table(), 1);
	assert_int_equal(after.alloc_objects - before.alloc_objects, 2);
	assert_int_equal(after.free_objects - before.free_objects, 1);
	assert_int_equal(lks_count_get(implicit_frees), 0);
	lks_record_remove(HERE);
	lks_record_settle();
	assert_int_equal(lks_count_get(unknown_frees), 0);
}

static void
forked_child_has_all_and_goes_on(void **state)
{
	int status;
	pid_t child;

	(void)state;
	own();
	lks_record_add(HERE, 10, SITE);
	lks_record_fork_prepare();
	child = fork();
	if (child == 0) {
		lks_record_fork_child();
		if (in_table() != 1 || !lks_tls.defers)
			_exit(1);
		lks_record_remove(HERE);
		lks_record_settle();
		_exit(in_table() == 0 ? 0 : 2);
	}
	lks_record_fork_parent();
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(in_table(), 1);
	assert_true(lks_tls.defers);
	lks_record_remove(HERE);
}

/*
 * A handler jumped out of the owner's applying a full ring: nobody waits for it
 * more than once, and no child of the process writes behind the ring.
 */
static void
forked_child_does_without_a_wedged_ring(void **state)
{
	int status;
	pid_t child;

	(void)state;
	own();
	child = fork();
	if (child == 0) {
		lks_deferred.count = LKS_DEFERRED;
		lks_tls.block->busy = 1;
		in_thread(settle, NULL);
		if (lks_count_get(dropped_allocs) != LKS_DEFERRED)
			_exit(1);
		if (lks_deferred.owner != NULL)
			_exit(2);
		lks_tls.defers = false;
		lks_record_init(); /* able again, as in a child */
		own();
		lks_record_add(HERE, 10, SITE);
		if (lks_deferred.count != 1)
			_exit(3);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/*
 * Threads that hand blocks to each other, the addresses used again and again,
 * and one that looks into the tables all the while. At the end every block was
 * added and removed once.
 */
#define THREADS 3
#define PLACES 64
#define ROUNDS 40000

static struct {
	pthread_mutex_t lock;
	bool taken[PLACES];
} place[PLACES];

static void *
hand_over(void *argument)
{
	uint64_t random = (uintptr_t)argument * 2 + 1;

	learn();
	for (int i = 0; i < ROUNDS; i++) {
		uint32_t row;
		uint32_t at;

		random = random * 6364136223846793005u + 1442695040888963407u;
		row = (uint32_t)(random >> 33) % PLACES;
		at = (uint32_t)(random >> 45) % PLACES;
		/* Some rounds alone, so that somebody gets to own. */
		for (int k = 0; k < 40 && i % 16 == 0; k++)
			lks_record_tick();
		pthread_mutex_lock(&place[row].lock);
		if (place[row].taken[at])
			lks_record_remove(HERE + (row * PLACES + at) * 16);
		else
			lks_record_add(HERE + (row * PLACES + at) * 16, 8,
				       SITE);
		place[row].taken[at] ^= true;
		pthread_mutex_unlock(&place[row].lock);
	}
	lks_record_thread_ends();
	return NULL;
}

static void
blocks_handed_over_are_counted_once(void **state)
{
	struct lks_site_totals sum;
	pthread_t threads[THREADS];
	uint64_t live = 0;

	(void)state;
	for (int i = 0; i < PLACES; i++)
		pthread_mutex_init(&place[i].lock, NULL);
	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, hand_over, (void *)i);
	for (int i = 0; i < 200; i++) {
		lks_record_settle();
		usleep(100);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	lks_record_settle();
	for (int row = 0; row < PLACES; row++)
		for (int at = 0; at < PLACES; at++)
			live += place[row].taken[at];
	assert_int_equal(in_table(), live);
	sum = totals();
	assert_int_equal(sum.alloc_objects - sum.free_objects, live);
	assert_int_equal(lks_count_get(unknown_frees), 0);
	assert_int_equal(lks_count_get(implicit_frees), 0);
	assert_int_equal(lks_count_get(dropped_allocs), 0);
	for (uintptr_t row = 0; row < PLACES; row++)
		for (uintptr_t at = 0; at < PLACES; at++)
			if (place[row].taken[at])
				lks_record_remove(HERE +
						  (row * PLACES + at) * 16);
}

static void *
settle_in_vain(void *unused)
{
	learn();
	lks_record_settle();
	return unused;
}

/* A fork holds the lock, and keeps the ring of the thread that forks. */
static void
settling_that_is_given_up_is_told(void **state)
{
	(void)state;
	own();
	lks_record_fork_prepare();
	lks_record_add(HERE, 1, SITE);
	in_thread(settle_in_vain, NULL);
	assert_int_equal(in_table(), 0);
	assert_int_equal(lks_count_get(settle_timeouts), 1);
	lks_record_fork_parent();
	in_thread(settle_in_vain, NULL);
	assert_int_equal(in_table(), 1);
	assert_int_equal(lks_count_get(settle_timeouts), 1);
	lks_record_remove(HERE);
}

/*
 * The owner defers as fast as it can while another thread takes the ring from
 * it: what the barrier in take_over_locked is for. Without it either may read
 * what the other has not made visible yet, and both change the ring.
 */
enum { TAKE_OVERS = 1500, SERVED = 9000 };

static _Atomic int owned;   /* rounds in which the ring had an owner */
static _Atomic int settled; /* rounds in which it was taken */
static _Atomic uint64_t added;

static void *
defer_until_it_is_taken(void *unused)
{
	learn();
	for (int round = 1; round <= TAKE_OVERS; round++) {
		uint64_t n = 0;

		for (uint32_t i = 0; i < 1u << 18 && !lks_tls.defers; i++)
			lks_record_tick();
		/* Two at a time, so that the ring is never full for long. */
		for (; lks_tls.defers && settled < round; n++) {
			lks_record_add(HERE + n % 512 * 16, 8, SITE);
			lks_record_remove(HERE + n % 512 * 16);
			if (n == SERVED)
				owned = round;
		}
		owned = round;
		added += n;
		while (settled < round)
			sched_yield();
	}
	lks_record_thread_ends();
	return unused;
}

static void
ring_is_never_changed_by_two(void **state)
{
	struct lks_site_totals before = totals();
	struct lks_site_totals after;
	pthread_t owner;

	(void)state;
	own(); /* or skip */
	lks_record_thread_ends();
	assert_int_equal(
		pthread_create(&owner, NULL, defer_until_it_is_taken, NULL), 0);
	for (int round = 1; round <= TAKE_OVERS; round++) {
		while (owned < round)
			sched_yield();
		for (volatile int i = 0; i < round % 97; i++)
			;
		lks_record_settle();
		settled = round;
	}
	pthread_join(owner, NULL);
	lks_record_settle();
	after = totals();
	assert_int_equal(in_table(), 0);
	assert_int_equal(lks_count_get(unknown_frees), 0);
	assert_int_equal(lks_count_get(implicit_frees), 0);
	assert_int_equal(lks_count_get(dropped_allocs), 0);
	assert_int_equal(after.alloc_objects - before.alloc_objects, added);
	assert_int_equal(after.free_objects - before.free_objects, added);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(changes_wait_until_somebody_looks,
				       clean),
		cmocka_unit_test_setup(full_ring_is_applied, clean),
		cmocka_unit_test_setup(block_that_came_and_went_is_counted,
				       clean),
		cmocka_unit_test_setup(
			address_given_out_twice_was_freed_between, clean),
		cmocka_unit_test_setup(unknown_address_is_counted, clean),
		cmocka_unit_test_setup(huge_block_is_counted_as_the_largest,
				       clean),
		cmocka_unit_test_setup(other_thread_finds_what_was_deferred,
				       clean),
		cmocka_unit_test_setup(reader_of_another_thread_finds_all,
				       clean),
		cmocka_unit_test_setup(thread_that_ends_leaves_nothing, clean),
		cmocka_unit_test_setup(failed_call_changes_nothing, clean),
		cmocka_unit_test_setup(failed_call_of_a_young_block_keeps_it,
				       clean),
		cmocka_unit_test_setup(changes_are_made_once_if_applied_twice,
				       clean),
		cmocka_unit_test_setup(forked_child_has_all_and_goes_on, clean),
		cmocka_unit_test_setup(forked_child_does_without_a_wedged_ring,
				       clean),
		cmocka_unit_test_setup(blocks_handed_over_are_counted_once,
				       clean),
		cmocka_unit_test_setup(settling_that_is_given_up_is_told,
				       clean),
		cmocka_unit_test_setup(ring_is_never_changed_by_two, clean),
	};

	preload_env_boot("");
	lks_record_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
