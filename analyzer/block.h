/*
 * One live block of a dump. reader.h reads them one after another: there may
 * be ten million, so that nobody keeps them all.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "model.h"

struct block {
	uint64_t address; /* in the process */
	uint64_t size;    /* requested bytes */
	uint64_t born_s;  /* since tracking began */
	struct node_id node;
	uint32_t flags; /* enum site_flag, of its site */
	uint32_t shift; /* it stands for 2^shift blocks */
	/* Its first bytes; borrowed for the call. */
	const uint8_t *contents;
	uint32_t contents_bytes; /* 0: not asked for, gone, or an empty block */
};

/* Of all blocks of a file. */
struct block_totals {
	bool present; /* false: what follows was counted, the file is cut */
	uint64_t blocks;
	uint64_t bytes;
	uint32_t contents_limit; /* of each block; 0 = none */
	uint64_t contents_unread;
	uint64_t left_out; /* live, but beyond the file's bound */
};

struct err;

/* 0: go on; -1 and `err`: enough. */
typedef int block_visit(void *visitor, const struct block *block,
			struct err *err);
