/* The blocks of dumps, good ones and hostile ones. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../analyzer/reader.h"
#include "snapgen.h"

#define ROWS_MAX 8

/* One BlockColumns message; a column of length 0 is absent. */
struct columns {
	uint64_t address_delta[ROWS_MAX];
	uint64_t size[ROWS_MAX];
	uint32_t born_s[ROWS_MAX];
	uint32_t node[ROWS_MAX];
	uint32_t flags[ROWS_MAX];
	uint32_t shift[ROWS_MAX];
	uint32_t contents_length[ROWS_MAX];
	const char *contents;
	size_t rows;
	size_t size_rows; /* if not `rows` */
	size_t node_rows;
	size_t born_rows;
	size_t shift_rows;
	size_t contents_rows;
};

static void
add_blocks(struct snapgen *gen, struct columns *columns)
{
	Leakshim__V1__BlockColumns m;
	uint8_t packed[4096];

	leakshim__v1__block_columns__init(&m);
	m.n_address_delta = columns->rows;
	m.address_delta = columns->address_delta;
	m.n_size = columns->size_rows ? columns->size_rows : columns->rows;
	m.size = columns->size;
	m.n_born_s = columns->born_rows;
	m.born_s = columns->born_s;
	m.n_node = columns->node_rows;
	m.node = columns->node;
	m.n_shift = columns->shift_rows;
	m.shift = columns->shift;
	m.n_contents_length = columns->contents_rows;
	m.contents_length = columns->contents_length;
	if (columns->contents)
		m.contents = snapgen_bytes(columns->contents);
	snapgen_raw(gen, 11, packed,
		    leakshim__v1__block_columns__pack(&m, packed));
}

static void
add_totals(struct snapgen *gen, uint64_t blocks, uint64_t bytes)
{
	Leakshim__V1__BlockTotals m;
	uint8_t packed[256];

	leakshim__v1__block_totals__init(&m);
	m.blocks = blocks;
	m.bytes = bytes;
	m.contents_limit = 4;
	m.contents_unread = 1;
	m.left_out = 7;
	snapgen_raw(gen, 12, packed,
		    leakshim__v1__block_totals__pack(&m, packed));
}

/* A process with one stack, node 1. */
static struct snapgen *
begin(void)
{
	struct snapgen *gen = snapgen_new();
	uint32_t module = snapgen_module(gen, "/bin/x", NULL, 0x1000, 0x1000);
	uint32_t node = snapgen_node(gen, 0, snapgen_pc(gen, module, 0x1100));
	const struct snapgen_site site = {
		.node = node,
		.alloc_objects = 3,
		.alloc_bytes = 60,
	};

	snapgen_site(gen, &site);
	return gen;
}

static struct columns
three_blocks(void)
{
	return (struct columns){
		.address_delta = { 0x7f0000000010, 0x10, 0x20 },
		.size = { 10, 20, 30 },
		.born_s = { 0, 5, 6 },
		.node = { 1, 1, 0 },
		.contents_length = { 4, 0, 2 },
		.contents = "abcdef",
		.rows = 3,
		.born_rows = 3,
		.node_rows = 3,
		.contents_rows = 3,
	};
}

struct seen {
	struct block blocks[ROWS_MAX];
	char contents[ROWS_MAX][8];
	size_t count;
	size_t stop_after; /* 0: never */
};

static int
see(void *visitor, const struct block *block, struct err *err)
{
	struct seen *seen = visitor;

	assert_true(seen->count < ROWS_MAX);
	if (block->contents_bytes)
		memcpy(seen->contents[seen->count], block->contents,
		       block->contents_bytes);
	seen->blocks[seen->count++] = *block;
	return seen->count == seen->stop_after
		       ? err_set(err, ERR_WRITE, "enough")
		       : 0;
}

static struct err err;
static struct seen seen;
static struct block_totals totals;

/* Writes it, unless with_trailer is 0 without an end, and walks. */
static int
walk_as(struct snapgen *gen, int with_trailer)
{
	struct snapgen_buffer packed = snapgen_pack(gen, with_trailer);
	struct snapgen_buffer zipped = snapgen_gzip(packed.data, packed.len);
	size_t stop_after = seen.stop_after;
	struct model *model;
	int result;

	model = reader_load(snapgen_file(zipped.data, zipped.len), &err);
	free(packed.data);
	free(zipped.data);
	snapgen_free(gen);
	seen = (struct seen){ .stop_after = stop_after };
	if (!model)
		fail_msg("%s", err.text);
	result = reader_each_block(model, see, &seen, &totals, &err);
	model_free(model);
	seen.stop_after = 0;
	return result;
}

static int
walk(struct snapgen *gen)
{
	return walk_as(gen, 1);
}

static void
assert_refused(struct snapgen *gen, enum err_code code, const char *part)
{
	assert_int_equal(walk(gen), -1);
	assert_int_equal(err.code, code);
	if (!strstr(err.text, part))
		fail_msg("'%s' does not say '%s'", err.text, part);
}

static void
rows_come_back(void **state)
{
	struct columns columns = three_blocks();
	struct columns plain = {
		.address_delta = { 0x100 },
		.size = { 1 },
		.rows = 1,
	};
	struct snapgen *gen = begin();

	(void)state;
	add_blocks(gen, &columns);
	/* Addresses begin anew in each message. */
	add_blocks(gen, &plain);
	add_totals(gen, 4, 61);
	assert_int_equal(walk(gen), 0);
	assert_int_equal(seen.count, 4);
	assert_int_equal(seen.blocks[0].address, 0x7f0000000010);
	assert_int_equal(seen.blocks[2].address, 0x7f0000000040);
	assert_int_equal(seen.blocks[3].address, 0x100);
	assert_int_equal(seen.blocks[1].size, 20);
	assert_int_equal(seen.blocks[1].born_s, 5);
	assert_int_equal(seen.blocks[1].node.id, 1);
	assert_int_equal(seen.blocks[2].node.id, 0);
	assert_int_equal(seen.blocks[0].contents_bytes, 4);
	assert_string_equal(seen.contents[0], "abcd");
	assert_int_equal(seen.blocks[1].contents_bytes, 0);
	assert_string_equal(seen.contents[2], "ef");
	assert_true(totals.present);
	assert_int_equal(totals.blocks, 4);
	assert_int_equal(totals.bytes, 61);
	assert_int_equal(totals.contents_limit, 4);
	assert_int_equal(totals.contents_unread, 1);
	assert_int_equal(totals.left_out, 7);
}

/* Also of an old reader, which knows no blocks: those fields are skipped. */
static void
dump_is_a_snapshot_too(void **state)
{
	struct columns columns = three_blocks();
	struct snapgen *gen = begin();
	struct model *model;

	(void)state;
	add_blocks(gen, &columns);
	add_totals(gen, 3, 60);
	model = reader_load(snapgen_write(gen), &err);
	assert_non_null(model);
	assert_int_equal(model->site_count, 1);
	assert_false(model->truncated);
	model_free(model);
	snapgen_free(gen);
}

static void
snapshot_is_no_dump(void **state)
{
	(void)state;
	assert_refused(begin(), ERR_FOREIGN, "is not a dump");
}

static void
dump_of_no_blocks_is_one(void **state)
{
	struct snapgen *gen = begin();

	(void)state;
	add_totals(gen, 0, 0);
	assert_int_equal(walk(gen), 0);
	assert_int_equal(seen.count, 0);
}

static void
truncated_dump_gives_what_it_has(void **state)
{
	struct columns columns = three_blocks();
	struct snapgen *gen = begin();

	(void)state;
	columns.node[2] = 99; /* its stack was to come */
	add_blocks(gen, &columns);
	assert_int_equal(walk_as(gen, 0), 0);
	assert_int_equal(seen.count, 3);
	assert_int_equal(seen.blocks[0].node.id, 1);
	assert_int_equal(seen.blocks[2].node.id, 0);
	assert_false(totals.present);
	assert_int_equal(totals.blocks, 3);
	assert_int_equal(totals.bytes, 60);
}

static void
visitor_can_stop(void **state)
{
	struct columns columns = three_blocks();
	struct snapgen *gen = begin();

	(void)state;
	add_blocks(gen, &columns);
	seen.stop_after = 2;
	assert_int_equal(walk(gen), -1);
	assert_int_equal(seen.count, 2);
	assert_int_equal(err.code, ERR_WRITE);
}

#define REFUSED(change, part)                                                  \
	do {                                                                   \
		struct columns columns = three_blocks();                       \
		struct snapgen *gen = begin();                                 \
                                                                               \
		change;                                                        \
		add_blocks(gen, &columns);                                     \
		assert_refused(gen, ERR_CORRUPT, part);                        \
	} while (0)

static void
hostile_rows_are_refused(void **state)
{
	(void)state;
	REFUSED(columns.size_rows = 2, "columns of 3 and 2 rows");
	REFUSED(columns.contents_rows = 1, "columns of 3 and 1 rows");
	REFUSED(columns.node[1] = 2, "a block of stack 2");
	REFUSED(columns.node[1] = UINT32_MAX, "which is not there");
	REFUSED(columns.contents_length[2] = 3, "3 bytes of contents");
	REFUSED(columns.contents_length[0] = UINT32_MAX, "bytes of contents");
	REFUSED(columns.contents_length[2] = 1, "contents of no block");
	REFUSED(columns.contents_rows = 0, "contents of no block");
	REFUSED((columns.shift_rows = 3, columns.shift[2] = 33), "2^33");
	REFUSED(columns.size[1] = UINT64_MAX, "beyond all memory");
	REFUSED((columns.size[1] = INT64_MAX / 2, columns.size[2] = 11),
		"beyond all memory");
}

static void
totals_must_be_those_of_the_rows(void **state)
{
	struct columns columns = three_blocks();
	struct snapgen *gen = begin();

	(void)state;
	add_blocks(gen, &columns);
	add_totals(gen, 2, 60);
	assert_refused(gen, ERR_CORRUPT, "their totals are 2 and 60");
	gen = begin();
	add_blocks(gen, &columns);
	add_totals(gen, 3, 61);
	assert_refused(gen, ERR_CORRUPT, "their totals are 3 and 61");
	gen = begin();
	add_blocks(gen, &columns);
	add_totals(gen, 3, 60);
	add_totals(gen, 3, 60);
	assert_refused(gen, ERR_CORRUPT, "second totals");
}

static int
clean(void **state)
{
	(void)state;
	snapgen_clean();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_come_back),
		cmocka_unit_test(dump_is_a_snapshot_too),
		cmocka_unit_test(snapshot_is_no_dump),
		cmocka_unit_test(dump_of_no_blocks_is_one),
		cmocka_unit_test(truncated_dump_gives_what_it_has),
		cmocka_unit_test(visitor_can_stop),
		cmocka_unit_test(hostile_rows_are_refused),
		cmocka_unit_test(totals_must_be_those_of_the_rows),
	};

	return cmocka_run_group_tests(tests, NULL, clean);
}
