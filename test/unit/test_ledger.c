#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "../../preload/arena.h"
#include "../../preload/ledger.h"
#include "../../preload/scratch.h"
#include "preload_env.h"

#define MIB (1ul << 20)

static struct lks_granules blocks;

static int
boot(void **state)
{
	(void)state;
	preload_env_boot("");
	lks_scratch_clear();
	return lks_granules_init(&blocks) ? 0 : -1;
}

static struct lks_ledger
measure(uint64_t live_bytes)
{
	struct lks_ledger ledger;

	assert_true(lks_ledger_measure(&ledger, &blocks, live_bytes, false));
	return ledger;
}

/* Resident pages, kept apart from its neighbours so that no granule of
 * another mapping's covers it. */
static char *
map_touched(size_t bytes)
{
	char *all = mmap(NULL, bytes + 8 * MIB, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *middle = all + 4 * MIB;

	assert_ptr_not_equal(all, MAP_FAILED);
	assert_int_equal(mprotect(middle, bytes, PROT_READ | PROT_WRITE), 0);
	memset(middle, 1, bytes);
	return middle;
}

static void
parts_sum_to_rss(void **state)
{
	struct lks_ledger l = measure(12345);

	(void)state;
	assert_true(l.rss_bytes > 0);
	assert_int_equal(
		(int64_t)(l.live_heap_bytes + l.allocator_retained_bytes +
			  l.direct_mmap_bytes + l.thread_stack_bytes +
			  l.file_bytes + l.shared_bytes + l.shim_bytes) +
			l.unexplained_bytes,
		(int64_t)l.rss_bytes);
	assert_int_equal(l.live_heap_bytes, 12345);
	assert_true(l.thread_stack_bytes > 0);
	assert_true(l.mapping_count > 10);
	assert_true(l.thread_count >= 1);
	assert_true(l.virtual_bytes >= l.rss_bytes);
}

static void
mapping_without_live_blocks_is_direct_mmap(void **state)
{
	struct lks_ledger before = measure(0);
	char *memory = map_touched(20 * MIB);
	struct lks_ledger after = measure(0);

	(void)state;
	assert_in_range(after.direct_mmap_bytes,
			before.direct_mmap_bytes + 20 * MIB - 65536,
			before.direct_mmap_bytes + 20 * MIB + 65536);
	munmap(memory, 20 * MIB);
}

static void
mapping_with_live_blocks_is_heap_less_what_is_live(void **state)
{
	struct lks_ledger before = measure(0);
	char *memory = map_touched(20 * MIB);
	struct lks_ledger after;

	(void)state;
	lks_granules_add(&blocks, (uintptr_t)memory + 5 * MIB);
	after = measure(6 * MIB);
	assert_in_range(after.allocator_retained_bytes,
			before.allocator_retained_bytes + 14 * MIB - 65536,
			before.allocator_retained_bytes + 14 * MIB + 65536);
	munmap(memory, 20 * MIB);
}

static void
own_memory_is_the_shims_even_beside_the_hosts(void **state)
{
	struct lks_ledger before = measure(0);
	char *ours = lks_arena_map(10 * MIB);
	struct lks_ledger after;

	(void)state;
	assert_non_null(ours);
	memset(ours, 1, 10 * MIB);
	after = measure(0);
	assert_in_range(after.shim_bytes, before.shim_bytes + 10 * MIB - 65536,
			before.shim_bytes + 10 * MIB + 65536);
	assert_in_range(after.direct_mmap_bytes,
			before.direct_mmap_bytes - 65536,
			before.direct_mmap_bytes + 65536);
	lks_arena_release(ours, 10 * MIB);
}

static void
untouched_pages_are_not_resident(void **state)
{
	struct lks_ledger before = measure(0);
	void *memory = mmap(NULL, 100 * MIB, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct lks_ledger after = measure(0);

	(void)state;
	assert_in_range(after.direct_mmap_bytes,
			before.direct_mmap_bytes - 65536,
			before.direct_mmap_bytes + 65536);
	munmap(memory, 100 * MIB);
}

static void
granules_find_blocks_and_only_between_the_outermost(void **state)
{
	struct lks_granules g;

	(void)state;
	assert_true(lks_granules_init(&g));
	lks_granules_add(&g, 0x40001000);
	lks_granules_add(&g, 0x40003000);
	assert_true(lks_granules_hold(&g, 0x40001000, 0x40001008));
	assert_true(lks_granules_hold(&g, 0x3ff00000, 0x50000000));
	assert_false(lks_granules_hold(&g, 0x40000000, 0x40001000));
	assert_false(lks_granules_hold(&g, 0x40003001, 0x40200000));
	assert_false(lks_granules_hold(&g, 0x10000000, 0x20000000));
	for (uintptr_t i = 0; i < 100000; i++)
		lks_granules_add(&g, 0x100000000 + (i << LKS_GRANULE_SHIFT));
	for (uintptr_t i = 0; i < 100000; i++)
		assert_true(lks_granules_hold(
			&g, 0x100000000 + (i << LKS_GRANULE_SHIFT),
			0x100000000 + (i << LKS_GRANULE_SHIFT) + 1));
	assert_true(lks_granules_hold(&g, 0x40001000, 0x40001008));
	lks_scratch_clear();
	assert_true(lks_granules_init(&blocks));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			granules_find_blocks_and_only_between_the_outermost),
		cmocka_unit_test(parts_sum_to_rss),
		cmocka_unit_test(mapping_without_live_blocks_is_direct_mmap),
		cmocka_unit_test(
			mapping_with_live_blocks_is_heap_less_what_is_live),
		cmocka_unit_test(own_memory_is_the_shims_even_beside_the_hosts),
		cmocka_unit_test(untouched_pages_are_not_resident),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
