/* The thread ledger: every way a thread's life can go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../preload/site.h"
#include "../../preload/threads.h"

static const struct lks_stack site = { 5 };
static pthread_t where;

static struct lks_thread_ref
begin(pthread_t handle, bool detached)
{
	struct lks_thread_ref ref =
		lks_threads_create(site, 1, 2, &where, 8192, detached);
	struct lks_thread_info info;

	assert_int_not_equal(ref.entry, 0);
	where = handle;
	if (handle % 2 == 0)
		lks_threads_created(ref);
	where = 0; /* from here on it may be gone */
	lks_threads_run(ref, handle, 77, 0x100000, &info);
	if (handle % 2 == 1)
		lks_threads_created(ref);
	assert_int_equal(info.bounds.hi, 0x100000);
	assert_int_equal(info.bounds.lo, 0x100000 - 8192);
	assert_int_equal(info.argument, 2);
	return ref;
}

static uint64_t
held(void)
{
	struct lks_site_totals t = lks_site_read(lks_thread_sites, site);

	assert_int_equal(t.alloc_bytes - t.free_bytes,
			 (t.alloc_objects - t.free_objects) * 8192);
	return t.alloc_objects - t.free_objects;
}

static void
joined_thread_is_released(void **state)
{
	struct lks_thread_ref ref = begin(100, false);

	(void)state;
	lks_threads_exit(ref);
	assert_int_equal(lks_threads_unjoined(), 1);
	assert_int_equal(held(), 1);
	lks_threads_joined(lks_threads_find(100));
	assert_int_equal(lks_threads_unjoined(), 0);
	assert_int_equal(lks_threads_running(), 0);
	assert_int_equal(held(), 0);
	assert_int_equal(lks_threads_find(100).entry, 0);
}

static void
detached_thread_is_released_at_its_end(void **state)
{
	struct lks_thread_ref born = begin(101, true);
	struct lks_thread_ref later = begin(102, false);
	struct lks_thread_ref after = begin(103, false);

	(void)state;
	lks_threads_exit(born);
	lks_threads_detached(lks_threads_find(102));
	assert_int_equal(held(), 2);
	lks_threads_exit(later);
	assert_int_equal(held(), 1);
	lks_threads_exit(after);
	assert_int_equal(lks_threads_unjoined(), 1);
	lks_threads_detached(lks_threads_find(103));
	assert_int_equal(held(), 0);
	assert_int_equal(lks_threads_unjoined(), 0);
}

/* The joiner is told of its success only after the handle may belong to a new
 * thread: it must release the old one. */
static void
reused_handle_releases_the_right_thread(void **state)
{
	struct lks_thread_ref old = begin(200, false);
	struct lks_thread_ref joining = lks_threads_find(200);
	struct lks_thread_ref fresh;

	(void)state;
	lks_threads_exit(old);
	fresh = begin(200, false);
	assert_int_equal(lks_threads_find(200).entry, fresh.entry);
	lks_threads_joined(joining);
	assert_int_equal(held(), 1);
	assert_int_equal(lks_threads_find(200).entry, fresh.entry);
	lks_threads_exit(fresh);
	lks_threads_joined(fresh);
	assert_int_equal(held(), 0);
}

static void
failed_creation_counts_nothing(void **state)
{
	uint64_t created = lks_site_read(lks_thread_sites, site).alloc_objects;
	struct lks_thread_ref ref =
		lks_threads_create(site, 1, 2, &where, 8192, 0);

	(void)state;
	lks_threads_cancel(ref);
	assert_int_equal(lks_threads_running(), 0);
	assert_int_equal(lks_site_read(lks_thread_sites, site).alloc_objects,
			 created);
}

static void
stale_reference_does_nothing(void **state)
{
	struct lks_thread_ref old = begin(300, true);
	struct lks_thread_ref fresh;

	(void)state;
	lks_threads_exit(old);
	fresh = begin(301, false);
	assert_int_equal(fresh.entry, old.entry);
	lks_threads_exit(old);
	assert_int_equal(lks_threads_running(), 1);
	lks_threads_exit(fresh);
	lks_threads_joined(fresh);
}

static void
ten_thousand_at_once_are_found(void **state)
{
	static struct lks_thread_ref refs[10000];

	(void)state;
	for (uint32_t i = 0; i < 10000; i++)
		refs[i] = begin(0x7f0000000000 + i * 8392704ul, false);
	assert_int_equal(held(), 10000);
	for (uint32_t i = 0; i < 10000; i++) {
		struct lks_thread_ref ref =
			lks_threads_find(0x7f0000000000 + i * 8392704ul);

		assert_int_equal(ref.entry, refs[i].entry);
		lks_threads_exit(ref);
		lks_threads_joined(ref);
	}
	assert_int_equal(held(), 0);
}

static void
forked_child_keeps_only_the_forking_thread(void **state)
{
	struct lks_thread_ref self = begin(400, false);

	(void)state;
	begin(401, false);
	lks_threads_exit(begin(402, false));
	lks_threads_fork_prepare();
	lks_threads_fork_child(self);
	assert_int_equal(lks_threads_running(), 1);
	assert_int_equal(lks_threads_unjoined(), 0);
	assert_int_equal(held(), 1);
	lks_threads_exit(self);
	lks_threads_joined(self);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(joined_thread_is_released),
		cmocka_unit_test(detached_thread_is_released_at_its_end),
		cmocka_unit_test(reused_handle_releases_the_right_thread),
		cmocka_unit_test(failed_creation_counts_nothing),
		cmocka_unit_test(stale_reference_does_nothing),
		cmocka_unit_test(ten_thousand_at_once_are_found),
		cmocka_unit_test(forked_child_keeps_only_the_forking_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
