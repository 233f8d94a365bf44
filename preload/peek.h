/*
 * Peek: memory of the process that another thread may free and unmap at any
 * moment. The kernel copies it, so that what is gone is an error and not a
 * fault.
 */
#pragma once

#include <sys/uio.h>

#include "livetab.h"
#include "lks.h"

/* Blocks that one system call reads. */
#define LKS_PEEK_BATCH 512

/* Scratch of one call, too large for the stack. */
struct lks_peek {
	struct iovec parts[LKS_PEEK_BATCH];
};

/* WRITER. False if no block at all can be read here: the kernel refuses, or a
 * filter of the host's would kill for it (sandbox.h). */
bool lks_peek_works(void);

/*
 * WRITER. Copies the first `limit` bytes (fewer of smaller ones) of each of
 * `count` blocks to `out`, one after another, and how many they are to
 * `lengths`: 0 of a block that could not be read. `out` has room for `count`
 * times `limit`. Returns the blocks that could not be read; *used is the
 * number of bytes in `out`.
 */
uint32_t lks_peek_blocks(struct lks_peek *peek, const struct lks_block *blocks,
			 uint32_t count, uint32_t limit, uint8_t *out,
			 uint32_t *lengths, size_t *used);
