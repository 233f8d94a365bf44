#include "gunzip.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "../proto/limits.h"
#include "xalloc.h"

#define GUNZIP_BUFFER ((size_t)128 << 10)
/* Of inflateInit2: largest window, gzip header required. */
#define GUNZIP_WINDOW (15 + 16)

/* What the input goes on with. */
enum next {
	NEXT_FAILED = -1, /* it can't be read, the error is set */
	NEXT_NOTHING,
	NEXT_MEMBER,
	NEXT_OTHER,
};

struct gunzip {
	const char *file;
	int fd;
	bool started;   /* the first bytes were seen */
	bool plain;     /* they were not gzip's */
	bool input_end; /* read() said so */
	bool ended;     /* no more output */
	bool cut_short;
	uint64_t offset;
	z_stream z;
	size_t taken; /* of output */
	size_t filled;
	unsigned char input[GUNZIP_BUFFER];
	unsigned char output[GUNZIP_BUFFER];
};

struct gunzip *
gunzip_open(const char *file, struct err *err)
{
	struct gunzip *stream;
	int fd = STDIN_FILENO;

	if (strcmp(file, "-") != 0)
		fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		err_set(err, ERR_OPEN, "cannot open '%s': %s", file,
			strerror(errno));
		return NULL;
	}
	stream = xcalloc(1, sizeof(*stream));
	stream->file = file;
	stream->fd = fd;
	if (inflateInit2(&stream->z, GUNZIP_WINDOW) != Z_OK) {
		err_set(err, ERR_OPEN, "cannot read '%s': no memory for zlib",
			file);
		gunzip_close(stream);
		return NULL;
	}
	return stream;
}

void
gunzip_close(struct gunzip *stream)
{
	if (!stream)
		return;
	inflateEnd(&stream->z);
	if (stream->fd != STDIN_FILENO)
		close(stream->fd);
	free(stream);
}

uint64_t
gunzip_offset(const struct gunzip *stream)
{
	return stream->offset;
}

bool
gunzip_cut_short(const struct gunzip *stream)
{
	return stream->cut_short;
}

/* Appends what one read() gives to the pending input. */
static int
read_input(struct gunzip *stream, struct err *err)
{
	size_t pending = stream->z.avail_in;
	ssize_t n;

	if (pending)
		memmove(stream->input, stream->z.next_in, pending);
	do {
		n = read(stream->fd, stream->input + pending,
			 GUNZIP_BUFFER - pending);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set(err, ERR_READ, "cannot read '%s': %s",
			       stream->file, strerror(errno));
	if (n == 0)
		stream->input_end = true;
	stream->z.next_in = stream->input;
	stream->z.avail_in = (unsigned int)(pending + (size_t)n);
	return 0;
}

/*
 * The first two bytes tell a gzip member from anything else, before zlib is
 * asked. A single byte may be the beginning of one that was cut.
 */
static enum next
look_ahead(struct gunzip *stream, struct err *err)
{
	static const unsigned char magic[2] = { 0x1f, 0x8b };
	size_t have;

	while (stream->z.avail_in < sizeof(magic) && !stream->input_end) {
		if (read_input(stream, err) < 0)
			return NEXT_FAILED;
	}
	have = stream->z.avail_in;
	if (have == 0)
		return NEXT_NOTHING;
	if (have > sizeof(magic))
		have = sizeof(magic);
	return memcmp(stream->z.next_in, magic, have) == 0 ? NEXT_MEMBER
							   : NEXT_OTHER;
}

static int
start(struct gunzip *stream, struct err *err)
{
	switch (look_ahead(stream, err)) {
	case NEXT_NOTHING:
		return err_set(err, ERR_EMPTY, "'%s': the file is empty",
			       stream->file);
	case NEXT_OTHER:
		stream->plain = true;
		stream->started = true;
		return 0;
	case NEXT_MEMBER:
		stream->started = true;
		return 0;
	case NEXT_FAILED:
		break;
	}
	return -1;
}

/* A member is over: nothing may follow but another. Together they are one
 * stream, so the bound on the output runs on. */
static int
end_member(struct gunzip *stream, struct err *err)
{
	switch (look_ahead(stream, err)) {
	case NEXT_NOTHING:
		stream->ended = true;
		return 0;
	case NEXT_OTHER:
		return err_at(err, ERR_CORRUPT, stream->file,
			      stream->offset + stream->filled,
			      "corrupt: more data follows the gzip data");
	case NEXT_MEMBER:
		/* It fails only on a stream that inflateInit2 never saw. */
		inflateReset(&stream->z);
		return 0;
	case NEXT_FAILED:
		break;
	}
	return -1;
}

/* One step of output into the room that is left. */
static int
inflate_step(struct gunzip *stream, struct err *err)
{
	size_t before = stream->filled;
	int result;

	stream->z.next_out = stream->output + stream->filled;
	stream->z.avail_out = (unsigned int)(GUNZIP_BUFFER - stream->filled);
	result = inflate(&stream->z, Z_NO_FLUSH);
	stream->filled = GUNZIP_BUFFER - stream->z.avail_out;
	if (result == Z_STREAM_END)
		return end_member(stream, err);
	if (result != Z_OK && result != Z_BUF_ERROR)
		return err_at(err, ERR_CORRUPT, stream->file,
			      stream->offset + stream->filled - stream->taken,
			      "corrupt: damaged gzip data");
	if (stream->input_end && stream->z.avail_in == 0 &&
	    stream->filled == before) {
		stream->ended = true;
		stream->cut_short = true;
	}
	return 0;
}

/* The same without compression. */
static void
copy_step(struct gunzip *stream)
{
	size_t n = GUNZIP_BUFFER - stream->filled;

	if (n > stream->z.avail_in)
		n = stream->z.avail_in;
	memcpy(stream->output + stream->filled, stream->z.next_in, n);
	stream->filled += n;
	stream->z.next_in += n;
	stream->z.avail_in -= (unsigned int)n;
	stream->ended = stream->input_end && stream->z.avail_in == 0;
}

/* Makes output until `want` bytes (at most the buffer) are there to be taken,
 * or all there are. */
static int
fill(struct gunzip *stream, size_t want, struct err *err)
{
	if (!stream->started && start(stream, err) < 0)
		return -1;
	stream->filled -= stream->taken;
	memmove(stream->output, stream->output + stream->taken, stream->filled);
	stream->taken = 0;
	while (stream->filled < want && !stream->ended) {
		if (stream->z.avail_in == 0 && !stream->input_end &&
		    read_input(stream, err) < 0)
			return -1;
		if (stream->plain)
			copy_step(stream);
		else if (inflate_step(stream, err) < 0)
			return -1;
		if (stream->offset + stream->filled > LKS_SNAPSHOT_BYTES)
			return err_at(err, ERR_TOO_LARGE, stream->file,
				      LKS_SNAPSHOT_BYTES,
				      "larger than any snapshot");
	}
	return 0;
}

int
gunzip_next(struct gunzip *stream, void *to, size_t len, size_t *got,
	    struct err *err)
{
	size_t n;

	*got = 0;
	while (*got < len) {
		if (stream->taken == stream->filled) {
			if (stream->ended)
				return 0;
			if (fill(stream, 1, err) < 0)
				return -1;
			continue;
		}
		n = stream->filled - stream->taken;
		if (n > len - *got)
			n = len - *got;
		if (to)
			memcpy((char *)to + *got,
			       stream->output + stream->taken, n);
		stream->taken += n;
		stream->offset += n;
		*got += n;
	}
	return 0;
}

int
gunzip_peek(struct gunzip *stream, size_t want, const uint8_t **bytes,
	    size_t *len, struct err *err)
{
	if (stream->filled - stream->taken < want && !stream->ended &&
	    fill(stream, want, err) < 0)
		return -1;
	*bytes = stream->output + stream->taken;
	*len = stream->filled - stream->taken;
	return 0;
}

bool
gunzip_is_plain(const struct gunzip *stream)
{
	return stream->plain;
}

uint64_t
gunzip_written_ns(const struct gunzip *stream)
{
	struct stat status;

	if (fstat(stream->fd, &status) != 0 || !S_ISREG(status.st_mode) ||
	    status.st_mtim.tv_sec < 0)
		return 0;
	return (uint64_t)status.st_mtim.tv_sec * UINT64_C(1000000000) +
	       (uint64_t)status.st_mtim.tv_nsec;
}
