/* Site counters: sums over stripes and threads, pages made on the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "../../preload/site.h"

static void
unknown_site_reads_zero(void **state)
{
	struct lks_site_totals t =
		lks_site_read(lks_heap_sites, (struct lks_stack){ 900000 });

	(void)state;
	assert_int_equal(t.alloc_objects, 0);
	assert_int_equal(t.free_bytes, 0);
}

static void
stripes_add_up(void **state)
{
	struct lks_stack site = { 70000 };
	struct lks_site_totals t;

	(void)state;
	for (uint32_t s = 0; s < LKS_STRIPES; s++) {
		assert_true(lks_site_alloc(lks_heap_sites, site, s, 2, 30));
		assert_true(lks_site_free(lks_heap_sites, site, s, 1, 10));
	}
	t = lks_site_read(lks_heap_sites, site);
	assert_int_equal(t.alloc_objects, 2 * LKS_STRIPES);
	assert_int_equal(t.alloc_bytes, 30 * LKS_STRIPES);
	assert_int_equal(t.free_objects, LKS_STRIPES);
	assert_int_equal(t.free_bytes, 10 * LKS_STRIPES);
}

static void
heap_and_thread_sites_are_apart(void **state)
{
	struct lks_stack site = { 3 };

	(void)state;
	lks_site_alloc(lks_thread_sites, site, 0, 5, 50);
	assert_int_equal(lks_site_read(lks_heap_sites, site).alloc_objects, 0);
	assert_int_equal(lks_site_read(lks_thread_sites, site).alloc_objects,
			 5);
}

static struct lks_stack busy = { 12345 };

/* Each block is counted before it is freed, so a reader never sees more freed
 * than allocated. */
static void *
count(void *argument)
{
	for (int i = 0; i < 200000; i++) {
		lks_site_alloc(lks_heap_sites, busy,
			       (uint32_t)(uintptr_t)argument, 1, 16);
		lks_site_free(lks_heap_sites, busy,
			      (uint32_t)(uintptr_t)argument, 1, 16);
	}
	return NULL;
}

static void
live_is_never_negative_while_threads_count(void **state)
{
	pthread_t threads[4];
	struct lks_site_totals t;

	(void)state;
	for (uintptr_t i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, count, (void *)(i % 2));
	do {
		t = lks_site_read(lks_heap_sites, busy);
		assert_true(t.alloc_objects >= t.free_objects);
		assert_true(t.alloc_bytes >= t.free_bytes);
	} while (t.alloc_objects < 700000);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	t = lks_site_read(lks_heap_sites, busy);
	assert_int_equal(t.alloc_objects, 800000);
	assert_int_equal(t.free_objects, 800000);
}

/* Adds without a locked instruction, while another thread reads. */
static void
stripes_of_ones_own_count_exactly(void **state)
{
	const struct lks_site_totals before =
		lks_site_read(lks_heap_sites, busy);
	pthread_t threads[4];
	struct lks_site_totals t;

	(void)state;
	for (uintptr_t i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, count,
			       (void *)(LKS_SHARED_STRIPES + i));
	do {
		t = lks_site_read(lks_heap_sites, busy);
		assert_true(t.alloc_objects >= t.free_objects);
	} while (t.alloc_objects < before.alloc_objects + 700000);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	t = lks_site_read(lks_heap_sites, busy);
	assert_int_equal(t.alloc_objects, before.alloc_objects + 800000);
	assert_int_equal(t.free_objects, before.free_objects + 800000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown_site_reads_zero),
		cmocka_unit_test(stripes_add_up),
		cmocka_unit_test(heap_and_thread_sites_are_apart),
		cmocka_unit_test(live_is_never_negative_while_threads_count),
		cmocka_unit_test(stripes_of_ones_own_count_exactly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
