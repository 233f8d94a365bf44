/*
 * The live blocks of a dump as columns, as the live table is copied: what a
 * shard holds is encoded before the next one is looked at, so memory is
 * bounded by the largest shard.
 */
#pragma once

#include "encode_field.h"
#include "livetab.h"
#include "peek.h"

struct lks_encode_blocks {
	struct lks_encoder *encoder;
	const struct lks_snap *snap;
	uint32_t contents_limit;
	bool has_header;
	int32_t parent; /* of the writer */
	/* Columns of the message under way, and what they are made of. */
	struct lks_encode_block_columns *columns; /* scratch */
	uint8_t *contents;                        /* scratch */
	struct lks_peek *peek;                    /* scratch */
	/* As in BlockTotals. */
	uint64_t blocks;
	uint64_t bytes;
	uint64_t contents_unread;
	uint64_t left_out;
};

/* WRITER, scratch. The encoder is open; `snap` is to be taken, and hands its
 * blocks to lks_encode_blocks_visit. False: no memory; the sink has the
 * error. */
bool lks_encode_blocks_init(struct lks_encode_blocks *blocks,
			    struct lks_encoder *encoder,
			    const struct lks_snap *snap, uint32_t contents);

/* WRITER. One shard's, which is put in order. The header goes before the
 * first. False: the sink has the error. */
bool lks_encode_blocks_visit(void *blocks, struct lks_block *shard,
			     uint32_t count);

/* WRITER. After the last: the totals. */
bool lks_encode_blocks_finish(struct lks_encode_blocks *blocks);

/* Pure. By rising address. */
void lks_encode_blocks_sort(struct lks_block *blocks, uint32_t count);
