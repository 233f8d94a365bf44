#include "gzip.h"

#include "scratch.h"
#include "sink.h"

/* One write system call. */
#define OUT_BYTES (64 * 1024)
#define WINDOW_BITS (15 + 16) /* 32 KiB window, gzip's header and trailer */
#define MEMORY_LEVEL 8        /* zlib's default: 268 KB in all */

static voidpf
take_scratch(voidpf opaque, uInt items, uInt size)
{
	(void)opaque;
	return lks_scratch_map((size_t)items * size);
}

static void
give_scratch(voidpf opaque, voidpf address)
{
	(void)opaque;
	lks_scratch_drop(address);
}

bool
lks_gzip_open(struct lks_gzip *gzip)
{
	*gzip = (struct lks_gzip){
		.z = { .zalloc = take_scratch, .zfree = give_scratch },
		.out = lks_scratch_map(OUT_BYTES),
	};
	if (gzip->out == NULL ||
	    deflateInit2(&gzip->z, 1, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL,
			 Z_DEFAULT_STRATEGY) != Z_OK) {
		lks_sink_fail("no memory to compress the snapshot", 0);
		return false;
	}
	gzip->z.next_out = gzip->out;
	gzip->z.avail_out = OUT_BYTES;
	return true;
}

static bool
flush_out(struct lks_gzip *gzip)
{
	if (!lks_sink_write(gzip->out, OUT_BYTES - gzip->z.avail_out))
		return false;
	gzip->z.next_out = gzip->out;
	gzip->z.avail_out = OUT_BYTES;
	return true;
}

bool
lks_gzip_write(struct lks_gzip *gzip, const void *data, size_t bytes)
{
	union {
		const void *in;
		Bytef *zlib; /* z_stream has no const */
	} from = { .in = data };

	gzip->z.next_in = from.zlib;
	gzip->z.avail_in = (uInt)bytes;
	while (gzip->z.avail_in > 0) {
		if (gzip->z.avail_out == 0 && !flush_out(gzip))
			return false;
		if (deflate(&gzip->z, Z_NO_FLUSH) == Z_STREAM_ERROR) {
			lks_sink_fail("cannot compress the snapshot", 0);
			return false;
		}
	}
	return true;
}

bool
lks_gzip_close(struct lks_gzip *gzip)
{
	int result;

	do {
		if (gzip->z.avail_out == 0 && !flush_out(gzip))
			return false;
		result = deflate(&gzip->z, Z_FINISH);
	} while (result == Z_OK || result == Z_BUF_ERROR);
	if (result != Z_STREAM_END) {
		lks_sink_fail("cannot compress the snapshot", 0);
		return false;
	}
	deflateEnd(&gzip->z);
	return flush_out(gzip);
}
