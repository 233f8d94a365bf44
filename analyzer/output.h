/*
 * Where a report goes: standard output, or a file that appears whole or not
 * at all. A regular file is written under a temporary name beside it and
 * renamed; anything else that exists (/dev/stderr, a pipe) is written in place.
 */
#pragma once

#include <stdio.h>

#include "err.h"

struct output;

/* `file` NULL or "-" is standard output. Borrowed until commit or discard.
 * NULL: `err` says why (ERR_WRITE). */
struct output *output_open(const char *file, struct err *err)
	__attribute__((warn_unused_result));

FILE *output_stream(const struct output *output);

/* Puts the file in its place. -1: something could not be written; the name
 * then still is what it was before. Frees `output` either way. */
int output_commit(struct output *take, struct err *err)
	__attribute__((warn_unused_result));

/* Leaves no trace, except of what standard output already got. Frees it. */
void output_discard(struct output *take);
