/*
 * A gzip file, of one member or several, as one stream of uncompressed bytes.
 * Untrusted: whatever the bytes are, reading ends, with data or an error, and
 * never needs more than a fixed buffer.
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
 * (ERR_EMPTY), not gzip (ERR_NOT_GZIP), damaged (ERR_CORRUPT), can't be read
 * (ERR_READ) or has more than LKS_SNAPSHOT_BYTES (ERR_TOO_LARGE).
 */
int gunzip_next(struct gunzip *stream, void *to, size_t len, size_t *got,
		struct err *err) __attribute__((warn_unused_result));

/* Uncompressed bytes given out so far. */
uint64_t gunzip_offset(const struct gunzip *stream);

/* After the end: the file ended before its gzip stream did. */
bool gunzip_cut_short(const struct gunzip *stream);

void gunzip_close(struct gunzip *stream); /* NULL is allowed */
