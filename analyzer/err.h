/*
 * What went wrong, carried from where it happened to main, which prints it
 * and chooses the exit status.
 *
 * Functions that can fail return 0 or -1 and fill the caller's struct err.
 * The text is one line, lower case, no full stop, and names the file.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum err_code {
	ERR_NONE,
	ERR_OPEN,      /* no such file, no permission ... */
	ERR_READ,      /* the system failed to give us the bytes */
	ERR_EMPTY,     /* no bytes at all */
	ERR_NOT_GZIP,  /* not even compressed */
	ERR_FOREIGN,   /* gzip, but not a snapshot */
	ERR_VERSION,   /* a snapshot of a newer schema */
	ERR_CORRUPT,   /* a snapshot that breaks the format's rules */
	ERR_TOO_LARGE, /* beyond a bound of ../proto/limits.h */
	ERR_PATTERN,   /* a regular expression that does not compile */
	ERR_WRITE,     /* the report could not be written */
	ERR_TARGET,    /* companion: no such process, or not a tracked one */
	ERR_STEP, /* companion: the target failed to do what it was asked */
};

struct err {
	enum err_code code;
	bool has_offset;
	uint64_t offset; /* in the uncompressed stream, if has_offset */
	char text[1024]; /* longer messages are cut */
};

/* Always return -1, so that `return err_set(...)` reads well. err_at is for a
 * place in a file: "'FILE': WHAT at byte OFFSET (uncompressed)". */
int err_set(struct err *err, enum err_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int err_at(struct err *err, enum err_code code, const char *file,
	   uint64_t offset, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
