/* The filter: it must never exclude a block that is in the live table. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../preload/filter.h"
#include "../../preload/livetab.h"
#include "preload_env.h"

static const void *
at(uintptr_t address)
{
	return (const void *)address;
}

static struct lks_block
block(uintptr_t address)
{
	return (struct lks_block){ .address = address,
				   .size = 100,
				   .site = { 1 } };
}

/* First: it stays initialised. */
static void
nothing_is_excluded_in_exact_mode(void **state)
{
	(void)state;
	for (uintptr_t p = 0; p < 1 << 24; p += 4097)
		assert_false(lks_filter_excludes(at(p)));
	lks_filter_add(4096);
	lks_filter_remove(4096);
	lks_filter_remove(4096);
	assert_false(lks_filter_excludes(at(4096)));
}

static void
blocks_in_the_table_are_not_excluded(void **state)
{
	struct lks_block old;

	(void)state;
	lks_filter_init();
	for (uintptr_t p = 1 << 20; p < 1 << 22; p += 5008) {
		struct lks_block b = block(p);

		assert_int_equal(lks_livetab_insert(&b, &old), LKS_INSERTED);
		assert_false(lks_filter_excludes(at(p)));
		/* Over itself: still one record. */
		assert_int_equal(lks_livetab_insert(&b, &old), LKS_REPLACED);
	}
	for (uintptr_t p = 1 << 20; p < 1 << 22; p += 5008) {
		struct lks_block b;

		assert_false(lks_filter_excludes(at(p)));
		assert_int_equal(lks_livetab_take(p, &b), LKS_TAKEN);
	}
	for (uintptr_t p = 0; p < 1 << 23; p += 16)
		assert_true(lks_filter_excludes(at(p)));
}

/* Two addresses of one count: the first to go takes only its own away. */
static void
addresses_that_share_a_count_are_counted(void **state)
{
	const uintptr_t p = 1 << 20;
	uintptr_t q = p + 16;

	(void)state;
	lks_filter_add(p);
	while (lks_filter_excludes(at(q)))
		q += 16;
	lks_filter_add(q);
	lks_filter_remove(p);
	assert_false(lks_filter_excludes(at(q)));
	lks_filter_remove(q);
	assert_true(lks_filter_excludes(at(q)));
}

static void
full_count_stays(void **state)
{
	const uintptr_t p = 77 << 20;

	(void)state;
	for (int i = 0; i < 300; i++)
		lks_filter_add(p);
	for (int i = 0; i < 300; i++)
		lks_filter_remove(p);
	assert_false(lks_filter_excludes(at(p)));
}

static void *
come_and_go(void *address)
{
	for (int i = 0; i < 100000; i++) {
		lks_filter_add((uintptr_t)address);
		if (lks_filter_excludes(address))
			return address;
		lks_filter_remove((uintptr_t)address);
	}
	return NULL;
}

static void
threads_that_share_a_count_lose_nothing(void **state)
{
	char *const address = (char *)(33ul << 20);
	pthread_t threads[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, come_and_go, address);
	for (int i = 0; i < 3; i++) {
		void *failed;

		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	assert_true(lks_filter_excludes(address));
}

static int
start(void **state)
{
	(void)state;
	preload_env_boot("sample=512K");
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_excluded_in_exact_mode),
		cmocka_unit_test(blocks_in_the_table_are_not_excluded),
		cmocka_unit_test(addresses_that_share_a_count_are_counted),
		cmocka_unit_test(full_count_stays),
		cmocka_unit_test(threads_that_share_a_count_lose_nothing),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
