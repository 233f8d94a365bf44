/*
 * Only in here are protobuf-c and zlib called, so an assertion of theirs that
 * fails, which they take for the end of the process, is the end of this.
 */
#include "encode.h"

#include "encode_blocks.h"
#include "encode_field.h"
#include "scratch.h"
#include "sink.h"

bool
lks_encode_field(struct lks_encoder *encoder, const Leakshim__V1__Snapshot *one)
{
	size_t bytes = leakshim__v1__snapshot__get_packed_size(one);

	if (bytes > LKS_FIELD_BYTES) {
		lks_sink_fail("a field of the snapshot is too large", 0);
		return false;
	}
	leakshim__v1__snapshot__pack(one, encoder->packed);
	return lks_gzip_write(&encoder->gzip, encoder->packed, bytes);
}

static bool
open_encoder(struct lks_encoder *encoder)
{
	encoder->packed = lks_scratch_map(LKS_FIELD_BYTES);
	if (encoder->packed == NULL) {
		lks_sink_fail("no memory to encode the snapshot", 0);
		return false;
	}
	return lks_gzip_open(&encoder->gzip);
}

/* What follows the header, and the blocks. */
static bool
encode_tables(struct lks_encoder *encoder, const struct lks_snap *snap)
{
	return lks_encode_modules(encoder, snap) &&
	       lks_encode_tables(encoder, snap) &&
	       lks_encode_ledger(encoder, snap) && lks_encode_marks(encoder) &&
	       lks_encode_losses(encoder) &&
	       lks_encode_trailer(encoder, snap) &&
	       lks_gzip_close(&encoder->gzip);
}

/* These two apart: what setjmp's caller keeps in registers is lost. */
static LKS_NOINLINE bool
encode_all(const struct lks_snap *snap)
{
	struct lks_encoder encoder;

	return open_encoder(&encoder) && lks_encode_header(&encoder, snap) &&
	       encode_tables(&encoder, snap);
}

static LKS_NOINLINE bool
encode_dump(struct lks_snap *snap, uint32_t contents)
{
	struct lks_encode_blocks blocks;
	struct lks_encoder encoder;
	bool taken;

	if (!open_encoder(&encoder) ||
	    !lks_encode_blocks_init(&blocks, &encoder, snap, contents))
		return false;
	snap->visit = lks_encode_blocks_visit;
	snap->visitor = &blocks;
	taken = lks_snap_take(snap);
	snap->visitor = NULL;
	if (!taken) {
		if (lks_snap_error()[0] != '\0')
			lks_sink_fail(lks_snap_error(), 0);
		return false;
	}
	return lks_encode_blocks_finish(&blocks) &&
	       encode_tables(&encoder, snap);
}

/* Of the encoding under way; guard: who is the writer (job.h). */
static void *way_out[5];

bool
lks_encode(const struct lks_snap *snap)
{
	/* The compiler's own, not libc's: that one also runs what the thread
	 * left to clean up, and a cloned writer's thread is the host's. */
	if (__builtin_setjmp(way_out) != 0) {
		lks_sink_fail("an assertion failed in a library", 0);
		return false;
	}
	return encode_all(snap);
}

bool
lks_encode_dump(struct lks_snap *snap, uint32_t contents)
{
	if (__builtin_setjmp(way_out) != 0) {
		lks_sink_fail("an assertion failed in a library", 0);
		return false;
	}
	return encode_dump(snap, contents);
}

void
lks_encode_give_up(void)
{
	__builtin_longjmp(way_out, 1);
}
