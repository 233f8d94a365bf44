/*
 * A file as a stream of uncompressed bytes: gzip, of one member or several, or
 * anything else as it is. Untrusted: whatever the bytes are, reading ends, with
 * data or an error, and never needs more than a fixed buffer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct gunzip;

/* Opens a file; "-" is standard input. NULL: it can't be opened, `err` says
 * why. `file` is borrowed until gunzip_close. */
struct gunzip *gunzip_open(const char *file, struct err *err)
	__attribute__((warn_unused_result));

/*
 * Copies the next `len` uncompressed bytes, or skips them where `to` is NULL.
 * *got < len only at the end. Returns -1 and fills `err` if the file is empty
 * (ERR_EMPTY), damaged gzip (ERR_CORRUPT), can't be read (ERR_READ) or has more
 * than LKS_SNAPSHOT_BYTES (ERR_TOO_LARGE).
 */
int gunzip_next(struct gunzip *stream, void *to, size_t len, size_t *got,
		struct err *err) __attribute__((warn_unused_result));

/*
 * Shows the bytes that come next and leaves them there: `want` (at most
 * GUNZIP_PEEK_MAX) or more, fewer only if the end is nearer. Borrowed until
 * the next call. Fails as gunzip_next does.
 */
#define GUNZIP_PEEK_MAX 65536
int gunzip_peek(struct gunzip *stream, size_t want, const uint8_t **bytes,
		size_t *len, struct err *err)
	__attribute__((warn_unused_result));

/* Once something was read: it is not gzip. */
bool gunzip_is_plain(const struct gunzip *stream);

/* When a regular file was last written to, in nanoseconds since 1970; 0 =
 * unknown, as of a pipe. */
uint64_t gunzip_written_ns(const struct gunzip *stream);

/* Uncompressed bytes given out so far. */
uint64_t gunzip_offset(const struct gunzip *stream);

/* After the end: the file ended before its gzip stream did. */
bool gunzip_cut_short(const struct gunzip *stream);

void gunzip_close(struct gunzip *stream); /* NULL is allowed */
