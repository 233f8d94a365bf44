/*
 * The live table against a plain model, at the sizes where it grows, wraps,
 * thins and is copied.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "../../preload/arena.h"
#include "../../preload/livetab.h"
#include "../../preload/site.h"

static struct lks_block
block(uintptr_t address, uint64_t size, uint32_t site)
{
	return (struct lks_block){
		.address = address, .size = size, .site = { site }, .epoch = 7
	};
}

static uint64_t at_start; /* arena bytes of an empty table */

static uint64_t
count(void)
{
	uint64_t sum = 0;

	for (uint32_t s = 0; s < LKS_SHARDS; s++)
		sum += lks_livetab_copy(s, NULL, 0);
	return sum;
}

static void
put(uintptr_t address, uint64_t size, uint32_t site)
{
	struct lks_block b = block(address, size, site);
	struct lks_block old;

	assert_int_equal(lks_livetab_insert(&b, &old), LKS_INSERTED);
}

static void
take_returns_what_was_inserted(void **state)
{
	struct lks_block out;

	(void)state;
	put(0x7f0012345678, 123456789, 0xffffff);
	assert_int_equal(lks_livetab_take(0x7f0012345678, &out), LKS_TAKEN);
	assert_int_equal(out.address, 0x7f0012345678);
	assert_int_equal(out.size, 123456789);
	assert_int_equal(out.site.id, 0xffffff);
	assert_int_equal(out.epoch, 7);
	assert_int_equal(lks_livetab_take(0x7f0012345678, &out), LKS_NOT_FOUND);
}

static void
eight_byte_neighbours_are_distinct(void **state)
{
	struct lks_block out;

	(void)state;
	put(0x1000, 8, 1);
	put(0x1008, 8, 2);
	assert_int_equal(lks_livetab_take(0x1008, &out), LKS_TAKEN);
	assert_int_equal(out.site.id, 2);
	assert_int_equal(lks_livetab_take(0x1000, &out), LKS_TAKEN);
	assert_int_equal(out.site.id, 1);
}

static void
address_seen_again_replaces_and_tells(void **state)
{
	struct lks_block b = block(0x2000, 64, 5);
	struct lks_block old;

	(void)state;
	put(0x2000, 32, 4);
	assert_int_equal(lks_livetab_insert(&b, &old), LKS_REPLACED);
	assert_int_equal(old.size, 32);
	assert_int_equal(old.site.id, 4);
	assert_int_equal(lks_livetab_take(0x2000, &old), LKS_TAKEN);
	assert_int_equal(old.size, 64);
}

/* 200,000 addresses in allocator-like strides, removed in another order. */
static void
many_blocks_survive_growth_and_removal(void **state)
{
	enum { N = 200000 };
	struct lks_block out;
	uint64_t before = count();

	(void)state;
	for (uintptr_t i = 0; i < N; i++)
		put(0x555500000000 + i * 48, i, (uint32_t)(i % 1000) + 1);
	assert_int_equal(count(), before + N);
	for (uintptr_t k = 0; k < N; k++) {
		uintptr_t i = k * 7919 % N;

		assert_int_equal(lks_livetab_take(0x555500000000 + i * 48,
						  &out),
				 LKS_TAKEN);
		assert_int_equal(out.size, i);
		assert_int_equal(out.site.id, i % 1000 + 1);
	}
	assert_int_equal(count(), before);
}

static void
copy_gives_every_block_once(void **state)
{
	enum { N = 10000 };
	static struct lks_block out[N];
	static uint8_t seen[N];
	uint32_t total = 0;
	struct lks_block b;

	(void)state;
	memset(seen, 0, sizeof(seen));
	for (uintptr_t i = 0; i < N; i++)
		put(0x600000000000 + i * 16, 1, 1);
	for (uint32_t s = 0; s < LKS_SHARDS; s++) {
		uint32_t n = lks_livetab_copy(s, out, 0);

		/* Too small a buffer: told how much, nothing copied. */
		assert_true(n > 0 && n <= N);
		assert_int_equal(lks_livetab_copy(s, out, n), n);
		for (uint32_t i = 0; i < n; i++)
			seen[(out[i].address - 0x600000000000) / 16]++;
		total += n;
	}
	assert_int_equal(total, N);
	for (uint32_t i = 0; i < N; i++) {
		assert_int_equal(seen[i], 1);
		lks_livetab_take(0x600000000000 + i * 16, &b);
	}
}

static void
a_block_costs_at_most_24_bytes(void **state)
{
	enum { N = 2500000 };
	uint64_t empty = lks_arena_bytes();
	struct lks_block out;

	(void)state;
	for (uintptr_t i = 0; i < N; i++) {
		put(0x700000000000 + i * 32, 32, 1);
		if (i >= 1000000 && i % 10000 == 0)
			assert_true((lks_arena_bytes() - empty) / (i + 1) <=
				    24);
	}
	for (uintptr_t i = 0; i < N; i++)
		lks_livetab_take(0x700000000000 + i * 32, &out);
}

static void
memory_of_a_peak_goes_back(void **state)
{
	enum { N = 2500000, KEPT = 50000 };
	struct lks_block out;

	(void)state;
	for (uintptr_t i = 0; i < N; i++)
		put(0x700000000000 + i * 32, 32, 1);
	for (uintptr_t i = N; i-- > KEPT;) {
		lks_livetab_take(0x700000000000 + i * 32, &out);
		if (i >= 1000000 && i % 10000 == 0)
			assert_true((lks_arena_bytes() - at_start) / i <= 25);
	}
	/* A fifth of the slots in use, or the first page of each shard. */
	assert_in_range(lks_arena_bytes() - at_start, 0, KEPT * 5 * 16 * 3 / 2);
	assert_int_equal(count(), KEPT);
	for (uintptr_t i = 0; i < KEPT; i++)
		assert_int_equal(lks_livetab_take(0x700000000000 + i * 32,
						  &out),
				 LKS_TAKEN);
}

/* Growing and shrinking don't take turns, wherever a table comes to rest. */
static void
steady_table_is_not_rebuilt(void **state)
{
	const uintptr_t base = 0x710000000000;
	uintptr_t n = 0;
	struct lks_block out;

	(void)state;
	for (uintptr_t size = 10000; size < 1500000; size += size / 12) {
		for (; n < size; n++)
			put(base + n * 32, 32, 1);
		/* A fortieth less: most shards come by a multiple of 64. */
		const uint64_t bytes = lks_arena_bytes();

		for (uintptr_t i = 0; i < n / 40; i++)
			lks_livetab_take(base + (n - 1 - i) * 32, &out);
		assert_int_equal(lks_arena_bytes(), bytes);
		n -= n / 40;
	}
	while (n-- > 0)
		lks_livetab_take(base + n * 32, &out);
}

static void *
churn(void *argument)
{
	uintptr_t base = (uintptr_t)argument;
	struct lks_block out;

	for (int round = 0; round < 20; round++) {
		for (uintptr_t i = 0; i < 5000; i++)
			put(base + i * 64, i, 3);
		for (uintptr_t i = 0; i < 5000; i++)
			if (lks_livetab_take(base + i * 64, &out) !=
				    LKS_TAKEN ||
			    out.size != i)
				return (void *)1;
	}
	return NULL;
}

static void
threads_do_not_disturb_each_other(void **state)
{
	pthread_t threads[4];
	void *result;

	(void)state;
	for (uintptr_t i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, churn,
			       (void *)(0x400000000000 + (i << 32)));
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &result);
		assert_null(result);
	}
}

/* Last: thinning is for the rest of the process. */
static void
memory_cap_thins_instead_of_stopping(void **state)
{
	enum { N = 3000000 };
	struct lks_block old;
	struct lks_site_totals sum;
	uint64_t kept = 0;
	uint64_t estimate;

	(void)state;
	lks_arena_init(lks_arena_bytes() + (2u << 20));
	for (uintptr_t i = 0; i < N; i++) {
		struct lks_block b = block(0x500000000000 + i * 48, 48, 9);
		enum lks_insert done = lks_livetab_insert(&b, &old);
		struct lks_weight weight = lks_livetab_weight(&b);

		assert_true(done == LKS_INSERTED || done == LKS_THINNED);
		if (done == LKS_INSERTED)
			lks_site_alloc(lks_heap_sites, b.site, 0,
				       weight.objects, weight.bytes);
	}
	assert_true(lks_livetab_shift() > 0);
	count(); /* shards thin when next touched */
	sum = lks_site_read(lks_heap_sites, (struct lks_stack){ 9 });
	for (uintptr_t i = 0; i < N; i++)
		if (lks_livetab_take(0x500000000000 + i * 48, &old) ==
		    LKS_TAKEN)
			kept++;
	/* What the counters hold is what the table stands for, to the unit. */
	assert_int_equal(sum.alloc_objects, kept << lks_livetab_shift());
	assert_int_equal(sum.alloc_bytes, 48 * sum.alloc_objects);
	estimate = kept << lks_livetab_shift();
	assert_true(estimate > N * 0.9 && estimate < N * 1.1);
	lks_arena_init(UINT64_MAX);
}

static int
start(void **state)
{
	(void)state;
	if (!lks_livetab_init())
		return -1;
	at_start = lks_arena_bytes();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(take_returns_what_was_inserted),
		cmocka_unit_test(eight_byte_neighbours_are_distinct),
		cmocka_unit_test(address_seen_again_replaces_and_tells),
		cmocka_unit_test(many_blocks_survive_growth_and_removal),
		cmocka_unit_test(copy_gives_every_block_once),
		cmocka_unit_test(a_block_costs_at_most_24_bytes),
		cmocka_unit_test(memory_of_a_peak_goes_back),
		cmocka_unit_test(steady_table_is_not_rebuilt),
		cmocka_unit_test(threads_do_not_disturb_each_other),
		cmocka_unit_test(memory_cap_thins_instead_of_stopping),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
