#include "encode_blocks.h"

#include "depot.h"
#include "epoch.h"
#include "ident.h"
#include "scratch.h"
#include "sink.h"
#include "sys.h"

#define ROWS 8192u
/* Varints of six columns, the widest of 10 bytes, and the contents. */
#define CONTENTS_BYTES (256u * 1024)
_Static_assert(ROWS *(2 * 10 + 5 * 5) + CONTENTS_BYTES + 1024 <=
		       LKS_FIELD_BYTES,
	       "a message is one field");
_Static_assert(CONTENTS_BYTES >= LKS_CONTENTS_MAX, "a row fits");

/*
 * Readers take no file beyond LKS_SNAPSHOT_BYTES. Half of it is room for two
 * hundred million blocks; from there on contents are left out, and from three
 * quarters on blocks: what is left is for the tables.
 */
#define CONTENTS_END (LKS_SNAPSHOT_BYTES / 2)
#define BLOCKS_END (LKS_SNAPSHOT_BYTES / 4 * 3)

struct lks_encode_block_columns {
	uint64_t address_delta[ROWS];
	uint64_t size[ROWS];
	uint32_t born_s[ROWS];
	uint32_t node[ROWS];
	uint32_t flags[ROWS];
	uint32_t shift[ROWS];
	uint32_t contents_length[ROWS];
};

bool
lks_encode_blocks_init(struct lks_encode_blocks *blocks,
		       struct lks_encoder *encoder, const struct lks_snap *snap,
		       uint32_t contents)
{
	*blocks = (struct lks_encode_blocks){
		.encoder = encoder,
		.snap = snap,
		.contents_limit = contents,
		.parent = (int32_t)lks_sys0(SYS_getppid),
		.columns = lks_scratch_map(sizeof(*blocks->columns)),
	};
	if (contents != 0) {
		blocks->contents = lks_scratch_map(CONTENTS_BYTES);
		blocks->peek = lks_scratch_map(sizeof(*blocks->peek));
	}
	if (blocks->columns != NULL &&
	    (contents == 0 ||
	     (blocks->contents != NULL && blocks->peek != NULL)))
		return true;
	lks_sink_fail("no memory to encode the blocks", 0);
	return false;
}

/* --- order ------------------------------------------------------------------ */

static void
sift_down(struct lks_block *blocks, uint32_t at, uint32_t count)
{
	struct lks_block moved = blocks[at];

	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child >= count)
			break;
		if (child + 1 < count &&
		    blocks[child + 1].address > blocks[child].address)
			child++;
		if (blocks[child].address <= moved.address)
			break;
		blocks[at] = blocks[child];
		at = child;
	}
	blocks[at] = moved;
}

/* A heap's: in place, and never slower than n log n, whatever the order. */
void
lks_encode_blocks_sort(struct lks_block *blocks, uint32_t count)
{
	for (uint32_t i = count / 2; i-- > 0;)
		sift_down(blocks, i, count);
	for (uint32_t last = count; last-- > 1;) {
		struct lks_block greatest = blocks[0];

		blocks[0] = blocks[last];
		blocks[last] = greatest;
		sift_down(blocks, 0, last);
	}
}

/* --- rows ------------------------------------------------------------------- */

/* Stacks are read from the depot, where the block's own was before it. */
static void
put_row(struct lks_encode_block_columns *columns, uint32_t row,
	const struct lks_block *block, uintptr_t previous)
{
	struct lks_depot_stack stack = { 0, false, false };

	lks_depot_get_stack(block->site, &stack);
	columns->address_delta[row] = block->address - previous;
	columns->size[row] = block->size;
	columns->born_s[row] = (uint32_t)lks_epoch_from_s(block->epoch);
	columns->node[row] = stack.node;
	columns->flags[row] =
		(stack.truncated ? LEAKSHIM__V1__SITE_FLAG__SITE_TRUNCATED
				 : 0) |
		(stack.overflow ? LEAKSHIM__V1__SITE_FLAG__SITE_OVERFLOW : 0);
	columns->shift[row] = block->shift;
}

/* Columns of zeros are left out, as of all tables. */
static size_t
length_of(const uint32_t *column, uint32_t rows)
{
	for (uint32_t i = 0; i < rows; i++)
		if (column[i] != 0)
			return rows;
	return 0;
}

/* Contents of the rows; their bytes. */
static size_t
take_contents(struct lks_encode_blocks *blocks, const struct lks_block *shard,
	      uint32_t rows)
{
	uint32_t *lengths = blocks->columns->contents_length;
	size_t used = 0;

	if (blocks->contents_limit == 0)
		return 0;
	if (blocks->encoder->gzip.z.total_in < CONTENTS_END) {
		blocks->contents_unread += lks_peek_blocks(
			blocks->peek, shard, rows, blocks->contents_limit,
			blocks->contents, lengths, &used);
		return used;
	}
	blocks->contents_unread += rows;
	for (uint32_t i = 0; i < rows; i++)
		lengths[i] = 0;
	return 0;
}

static bool
put_message(struct lks_encode_blocks *blocks, const struct lks_block *shard,
	    uint32_t rows)
{
	struct lks_encode_block_columns *columns = blocks->columns;
	size_t contents = take_contents(blocks, shard, rows);
	Leakshim__V1__Snapshot one;
	Leakshim__V1__BlockColumns m;
	Leakshim__V1__BlockColumns *list = &m;
	uintptr_t previous = 0;

	for (uint32_t i = 0; i < rows; i++) {
		put_row(columns, i, &shard[i], previous);
		previous = shard[i].address;
		blocks->bytes += shard[i].size;
	}
	blocks->blocks += rows;
	leakshim__v1__snapshot__init(&one);
	leakshim__v1__block_columns__init(&m);
#define SET(name)                                                              \
	((m).n_##name = length_of(columns->name, rows),                        \
	 (m).name = columns->name)
	m.n_address_delta = rows;
	m.address_delta = columns->address_delta;
	m.n_size = rows;
	m.size = columns->size;
	SET(born_s);
	SET(node);
	SET(flags);
	SET(shift);
	if (contents != 0)
		SET(contents_length);
#undef SET
	m.contents = lks_encode_bytes(blocks->contents, contents);
	one.n_blocks = 1;
	one.blocks = &list;
	return lks_encode_field(blocks->encoder, &one);
}

static bool
put_header(struct lks_encode_blocks *blocks)
{
	if (blocks->has_header)
		return true;
	blocks->has_header = true;
	return lks_encode_header(blocks->encoder, blocks->snap);
}

/* The cloned writer of a process that was killed: it would keep all its memory
 * for as long as a dump takes. */
static bool
is_orphan(const struct lks_encode_blocks *blocks)
{
	return lks_sys_getpid() != lks_ident.pid &&
	       (int32_t)lks_sys0(SYS_getppid) != blocks->parent;
}

bool
lks_encode_blocks_visit(void *visitor, struct lks_block *shard, uint32_t count)
{
	struct lks_encode_blocks *blocks = visitor;
	uint32_t limit = blocks->contents_limit;
	uint32_t most = ROWS;

	if (limit != 0 && CONTENTS_BYTES / limit < most)
		most = CONTENTS_BYTES / limit;
	if (is_orphan(blocks)) {
		lks_sink_fail("the process was killed meanwhile", 0);
		return false;
	}
	if (!put_header(blocks))
		return false;
	lks_encode_blocks_sort(shard, count);
	for (uint32_t at = 0; at < count;) {
		uint32_t rows = count - at < most ? count - at : most;

		if (blocks->encoder->gzip.z.total_in >= BLOCKS_END)
			blocks->left_out += rows;
		else if (!put_message(blocks, shard + at, rows))
			return false;
		at += rows;
	}
	return true;
}

bool
lks_encode_blocks_finish(struct lks_encode_blocks *blocks)
{
	Leakshim__V1__Snapshot one;
	Leakshim__V1__BlockTotals totals;

	leakshim__v1__snapshot__init(&one);
	leakshim__v1__block_totals__init(&totals);
	totals.blocks = blocks->blocks;
	totals.bytes = blocks->bytes;
	totals.contents_limit = blocks->contents_limit;
	totals.contents_unread = blocks->contents_unread;
	totals.left_out = blocks->left_out;
	one.block_totals = &totals;
	return put_header(blocks) && lks_encode_field(blocks->encoder, &one);
}
