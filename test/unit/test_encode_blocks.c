/*
 * The blocks of a dump, from the live table to a file and back by protobuf's own
 * decoder: every block once, its bytes as they are in memory, and none of what
 * is not mapped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../preload/depot.h"
#include "../../preload/encode.h"
#include "../../preload/encode_blocks.h"
#include "../../preload/livetab.h"
#include "../../preload/peek.h"
#include "../../preload/scratch.h"
#include "../../preload/sink.h"
#include "../../preload/site.h"
#include "preload_env.h"

/* Some messages a shard, even without contents. */
#define BLOCKS 300000u
#define STEP 64u
/* Of every so many pages one is not there. */
#define HOLE_PAGES 16u
#define PAGE 4096u

static uint8_t *memory;
static uint64_t sum_bytes;
static struct lks_stack sites[2];

static bool
is_hole(uint32_t i)
{
	return i * STEP / PAGE % HOLE_PAGES == 7;
}

/* 0 .. 89: with empty ones, and some that go on in the next page. */
static uint64_t
size_of(uint32_t i)
{
	return i % 90;
}

static void
fill(void)
{
	const uint64_t code[2][2] = { { 0x401000, 0x402000 }, { 0x403000, 0 } };
	size_t bytes = (size_t)BLOCKS * STEP + PAGE;
	struct lks_block old;

	if (memory != NULL)
		return;
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(memory != MAP_FAILED);
	for (size_t i = 0; i < bytes; i++)
		memory[i] = (uint8_t)(i * 7 + i / 256);
	sites[0] = lks_depot_intern(code[0], 2, false);
	sites[1] = lks_depot_intern(code[1], 1, true);
	for (uint32_t i = 0; i < BLOCKS; i++) {
		struct lks_block block = {
			.address = (uintptr_t)memory + i * STEP,
			.size = size_of(i),
			.site = sites[i % 3 == 0],
			.epoch = i % 5,
		};

		assert_int_equal(lks_livetab_insert(&block, &old),
				 LKS_INSERTED);
		lks_site_alloc(lks_heap_sites, block.site, 0, 1, block.size);
		sum_bytes += block.size;
	}
	for (uint32_t i = 0; i < BLOCKS; i++)
		if (is_hole(i))
			/* Unmapped, another mapping could come there. */
			mprotect(memory + i * STEP / PAGE * PAGE, PAGE,
				 PROT_NONE);
}

static Leakshim__V1__Snapshot *
dump(uint32_t contents)
{
	struct lks_snap snap = {
		.trigger = LKS_TRIGGER_BELL,
		.way = LKS_WAY_HOST,
		.sequence = 1,
	};
	char options[512];

	snprintf(options, sizeof(options), "out=%s.%%n.snap",
		 preload_env_path("blocks"));
	preload_env_boot(options);
	fill();
	assert_true(lks_sink_open());
	assert_true(lks_encode_dump(&snap, contents));
	assert_true(lks_sink_publish_dump());
	lks_scratch_clear();
	return preload_env_snapshot(lks_sink_dump_path());
}

static uint32_t
cell(const uint32_t *column, size_t length, size_t row)
{
	return length != 0 ? column[row] : 0;
}

/* One row; `bytes` are its contents. */
static void
check_row(const Leakshim__V1__BlockColumns *c, size_t row, uintptr_t address,
	  uint32_t limit, const uint8_t *bytes, uint32_t length, uint8_t *seen)
{
	uint32_t i = (uint32_t)((address - (uintptr_t)memory) / STEP);
	uint64_t wanted = size_of(i) < limit ? size_of(i) : limit;
	/* Where its contents end. */
	uint32_t last =
		(uint32_t)(i * STEP + (wanted > 0 ? wanted - 1 : 0)) / STEP;
	bool hole = wanted > 0 && (is_hole(i) || is_hole(last));

	assert_int_equal((address - (uintptr_t)memory) % STEP, 0);
	assert_true(i < BLOCKS);
	assert_int_equal(seen[i]++, 0);
	assert_int_equal(c->size[row], size_of(i));
	assert_int_equal(cell(c->born_s, c->n_born_s, row), i % 5);
	assert_int_equal(cell(c->flags, c->n_flags, row),
			 i % 3 == 0 ? LEAKSHIM__V1__SITE_FLAG__SITE_TRUNCATED
				    : 0);
	assert_int_equal(length, hole ? 0 : wanted);
	assert_memory_equal(bytes, memory + i * STEP, length);
}

static uint64_t
check_blocks(const Leakshim__V1__Snapshot *s, uint32_t limit)
{
	uint8_t *seen = calloc(BLOCKS, 1);
	uint64_t unread = 0;
	uint64_t rows = 0;

	for (size_t m = 0; m < s->n_blocks; m++) {
		const Leakshim__V1__BlockColumns *c = s->blocks[m];
		const uint8_t *bytes = c->contents.data;
		uintptr_t address = 0;

		for (size_t i = 0; i < c->n_address_delta; i++) {
			uint32_t length = cell(c->contents_length,
					       c->n_contents_length, i);

			/* They rise within a message. */
			assert_true(i == 0 || c->address_delta[i] < 1u << 30);
			address += c->address_delta[i];
			check_row(c, i, address, limit, bytes, length, seen);
			if (limit != 0 && c->size[i] != 0 && length == 0)
				unread++;
			bytes += length;
			rows++;
		}
		assert_int_equal(bytes - c->contents.data, c->contents.len);
	}
	assert_int_equal(rows, BLOCKS);
	free(seen);
	return unread;
}

static void
check_totals(const Leakshim__V1__Snapshot *s, uint32_t limit, uint64_t unread)
{
	assert_non_null(s->block_totals);
	assert_int_equal(s->block_totals->blocks, BLOCKS);
	assert_int_equal(s->block_totals->bytes, sum_bytes);
	assert_int_equal(s->block_totals->contents_limit, limit);
	assert_int_equal(s->block_totals->contents_unread, unread);
	assert_int_equal(s->block_totals->left_out, 0);
	/* The file's own totals, of the same copy. */
	assert_int_equal(s->trailer->live_objects, BLOCKS);
	assert_int_equal(s->trailer->live_bytes, sum_bytes);
}

static void
every_block_is_there_once(void **state)
{
	Leakshim__V1__Snapshot *s = dump(0);

	(void)state;
	assert_true(s->n_blocks >= LKS_SHARDS);
	assert_int_equal(check_blocks(s, 0), 0);
	check_totals(s, 0, 0);
	leakshim__v1__snapshot__free_unpacked(s, NULL);
}

static void
contents_are_those_in_memory(void **state)
{
	Leakshim__V1__Snapshot *s = dump(32);
	uint64_t unread = check_blocks(s, 32);

	(void)state;
	assert_true(unread > BLOCKS / HOLE_PAGES / 2);
	check_totals(s, 32, unread);
	leakshim__v1__snapshot__free_unpacked(s, NULL);
	/* A whole block, where it is smaller. */
	s = dump(LKS_CONTENTS_MAX);
	check_totals(s, LKS_CONTENTS_MAX, check_blocks(s, LKS_CONTENTS_MAX));
	leakshim__v1__snapshot__free_unpacked(s, NULL);
}

static void
dump_lies_beside_the_snapshots_and_replaces_nothing(void **state)
{
	char first[256], second[256];

	(void)state;
	leakshim__v1__snapshot__free_unpacked(dump(0), NULL);
	snprintf(first, sizeof(first), "%s", lks_sink_dump_path());
	leakshim__v1__snapshot__free_unpacked(dump(0), NULL);
	snprintf(second, sizeof(second), "%s", lks_sink_dump_path());
	assert_string_not_equal(first, second);
	assert_non_null(strstr(first, "/blocks."));
	assert_string_equal(first + strlen(first) - 5, ".dump");
	assert_null(strstr(first, ".snap"));
	assert_int_equal(access(first, F_OK), 0);
}

static void
order_is_by_address(void **state)
{
	static struct lks_block blocks[1000];
	uint32_t random = 1;

	(void)state;
	for (uint32_t count = 0; count <= 1000; count += 1 + count / 3) {
		uint64_t sum = 0;

		for (uint32_t i = 0; i < count; i++) {
			random = random * 1664525 + 1013904223;
			blocks[i] = (struct lks_block){
				.address = random >> 4,
				.size = i,
			};
			sum += blocks[i].address;
		}
		lks_encode_blocks_sort(blocks, count);
		for (uint32_t i = 0; i < count; i++) {
			assert_true(i == 0 ||
				    blocks[i].address >= blocks[i - 1].address);
			sum -= blocks[i].address;
		}
		assert_int_equal(sum, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_block_is_there_once),
		cmocka_unit_test(contents_are_those_in_memory),
		cmocka_unit_test(
			dump_lies_beside_the_snapshots_and_replaces_nothing),
		cmocka_unit_test(order_is_by_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
