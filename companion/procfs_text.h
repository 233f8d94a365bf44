/*
 * Files below /proc/PID as text: what the rooms that parse them share. Errors
 * are those of procfs.h, in errno.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Opens a file below `directory`, a struct procfs's fd or body, or AT_FDCWD.
 * -1: errno is ESRCH for what has ended. O_CLOEXEC is added to `flags`. */
int procfs_text_open(int directory, const char *name, int flags)
	__attribute__((warn_unused_result));

/* The whole of a small file, terminated; the caller frees it. NULL with
 * errno; EFBIG: it has more than a mebibyte. */
char *procfs_text_read(int directory, const char *name)
	__attribute__((warn_unused_result));

/* Field 3 of a /proc/PID/stat, the state, and its numbers from field 4 to the
 * last one asked for: fields[n] is field n as proc(5) counts them. A negative
 * one is as strtoull(3) reads it. False: it is no such text. Pure. */
bool procfs_text_fields(const char *stat, char *state, uint64_t *fields,
			unsigned int last) __attribute__((warn_unused_result));

/* What follows the colon of the first line "Key:..."; NULL if there is none.
 * Pure. */
const char *procfs_text_line(const char *text, const char *key);
