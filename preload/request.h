/*
 * The request file: what the companion asks for in words, beside the status
 * file. Its form and place are proto/status.h's.
 *
 * What is not exactly that (another's, a link, too large, cut off) is refused
 * and left where it is. Static state belongs to who holds the writer (job.h).
 */
#pragma once

#include "../proto/limits.h"
#include "lks.h"

struct lks_request {
	bool has_mark;
	uint32_t mark_length;
	char mark[LKS_MARK_BYTES];
	uint32_t contents; /* at most LKS_CONTENTS_MAX */
};

/* WRITER. The request that was given with `token`. False: there is none that
 * counts. */
bool lks_request_read(uint32_t token, struct lks_request *out);

/* WRITER. It was taken: removes the file. */
void lks_request_done(uint32_t token);

/* Pure. `text` is as in the file, with a NUL behind its `length` bytes. */
bool lks_request_parse(const char *text, size_t length,
		       struct lks_request *out);
