/*
 * An untrusted snapshot file to a model. Every index, length and sum is
 * checked here, once; the promise to everybody else is in model.h.
 *
 * The file is read field by field (each at most LKS_FIELD_BYTES), so that
 * memory is bounded by the tables' bounds in ../proto/limits.h, and so that
 * what precedes the end of a truncated file can be used.
 */
#pragma once

#include "err.h"
#include "model.h"

/* The only schema there is. A newer one is refused: it may have changed what
 * a field means. New fields alone don't make a new schema; they are skipped. */
#define READER_SCHEMA 1

/*
 * Reads a file, "-" is standard input. Returns a model that the caller frees,
 * or NULL and fills `err` (any code but ERR_PATTERN and ERR_WRITE).
 *
 * A file without trailer gives a `truncated` model, provided that its header
 * is whole; rows that need what is missing are zeroed and counted.
 */
struct model *reader_load(const char *file, struct err *err)
	__attribute__((warn_unused_result));
