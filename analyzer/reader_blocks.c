#include <inttypes.h>

#include "reader_parts.h"
#include "snapshot.pb-c.h"

/* Thinning to one block of 2^32 is beyond any shim. */
#define READER_SHIFT_MAX 32

#define COLUMNS 7

static uint32_t
narrow_cell(const uint32_t *column, size_t length, size_t row)
{
	return length ? column[row] : 0;
}

/* The node of a row: its number in the file, if that is known. */
static int
take_node(struct reader *reader, uint32_t number, struct node_id *out)
{
	const struct model *tables = reader->blocks->tables;

	out->id = number;
	if (number <= tables->node_count)
		return 0;
	out->id = 0;
	if (tables->truncated)
		return 0;
	return reader_corrupt(reader,
			      "a block of stack %" PRIu32
			      ", which is not there",
			      number);
}

static int
count_block(struct reader *reader, const struct block *block)
{
	struct block_totals *seen = &reader->blocks->seen;

	if (block->shift > READER_SHIFT_MAX)
		return reader_corrupt(reader, "a block that stands for 2^%u",
				      block->shift);
	if (block->size > (uint64_t)INT64_MAX / 2 - seen->bytes)
		return reader_corrupt(reader, "blocks beyond all memory");
	seen->blocks++;
	seen->bytes += block->size;
	return 0;
}

/* *left are the contents of the rows to come. */
static int
take_contents(struct reader *reader, struct block *block, uint32_t bytes,
	      ProtobufCBinaryData *left)
{
	if (bytes > LKS_CONTENTS_MAX || bytes > left->len)
		return reader_corrupt(reader,
				      "a block with %" PRIu32
				      " bytes of contents",
				      bytes);
	block->contents = left->data;
	block->contents_bytes = bytes;
	left->len -= bytes;
	if (bytes)
		left->data += bytes;
	return 0;
}

int
reader_take_blocks(struct reader *reader, const ProtobufCMessage *base)
{
	const Leakshim__V1__BlockColumns *message =
		(const Leakshim__V1__BlockColumns *)base;
	const size_t lengths[COLUMNS] = {
		message->n_address_delta,   message->n_size,
		message->n_born_s,          message->n_node,
		message->n_flags,           message->n_shift,
		message->n_contents_length,
	};
	struct reader_blocks *blocks = reader->blocks;
	ProtobufCBinaryData left = message->contents;
	struct block block = { .address = 0 };
	size_t rows, i;

	if (reader_count_rows(reader, lengths, COLUMNS, &rows) < 0)
		return -1;
	for (i = 0; i < rows; i++) {
		if (lengths[0])
			block.address += message->address_delta[i];
		block.size = lengths[1] ? message->size[i] : 0;
		block.born_s = narrow_cell(message->born_s, lengths[2], i);
		block.flags = narrow_cell(message->flags, lengths[4], i);
		block.shift = narrow_cell(message->shift, lengths[5], i);
		if (take_node(reader, narrow_cell(message->node, lengths[3], i),
			      &block.node) < 0 ||
		    take_contents(reader, &block,
				  narrow_cell(message->contents_length,
					      lengths[6], i),
				  &left) < 0 ||
		    count_block(reader, &block) < 0 ||
		    blocks->visit(blocks->visitor, &block, reader->err) < 0)
			return -1;
	}
	if (left.len)
		return reader_corrupt(reader, "contents of no block");
	return 0;
}

int
reader_take_block_totals(struct reader *reader, const ProtobufCMessage *base)
{
	const Leakshim__V1__BlockTotals *message =
		(const Leakshim__V1__BlockTotals *)base;
	struct block_totals *told = &reader->blocks->told;

	if (told->present)
		return reader_corrupt(reader, "second totals of blocks");
	told->present = true;
	told->blocks = message->blocks;
	told->bytes = message->bytes;
	told->contents_limit = message->contents_limit;
	told->contents_unread = message->contents_unread;
	told->left_out = message->left_out;
	return 0;
}
