/*
 * The last lines of a log that match, while the log grows and is rotated.
 *
 * The name is followed: after a rename and a new file both are read, since a
 * program goes on writing to the old one until it opens the new; a file that
 * was cut (copytruncate), or cut and filled beyond where we were, is read from
 * its begin. What is rotated twice between two looks is not seen.
 *
 * Memory is bounded by the lines kept, whatever is in the file: lines are cut,
 * and of a large file or a large step only the end is read.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../analyzer/err.h"
#include "../analyzer/patterns.h"
#include "../analyzer/strbuf.h"

#define LOGTAIL_LINES_MAX 1000
#define LOGTAIL_LINE_BYTES 4096 /* the rest of a longer line is cut off */
/* Read at one look; a regular expression over them takes a tenth of a second. */
#define LOGTAIL_STEP_BYTES (4u << 20)
/* Bytes before where we are, by which a file that was written anew is known. */
#define LOGTAIL_MEMORY_BYTES 64

struct logtail_file {
	int fd; /* -1: none; owned */
	dev_t device;
	ino_t inode;
	uint64_t offset; /* read so far */
	char seen[LOGTAIL_MEMORY_BYTES];
	size_t seen_bytes;
	struct strbuf line; /* without an end yet */
	bool cut;           /* that line was longer */
	bool skip;          /* we began within a line: not before the next */
};

struct logtail {
	const char *name;                /* borrowed */
	const struct patterns *patterns; /* borrowed; none: every line */
	struct logtail_file now;
	struct logtail_file last; /* what had the name before */
	char **lines;             /* owned; a ring of `keep` */
	size_t keep;
	size_t count;
	size_t next;
	uint64_t skipped_bytes; /* beyond a step, after the first look */
};

/*
 * Finds the last `keep` matching lines. A file that is not there is waited
 * for. -1 with ERR_OPEN if there is one that can't be read or is no regular
 * file. logtail_close() after 0 only.
 */
int logtail_open(struct logtail *tail, const char *name,
		 const struct patterns *patterns, size_t keep, struct err *err)
	__attribute__((warn_unused_result));
void logtail_close(struct logtail *tail);

/* Reads what came. -1: the name can't be opened or read now; what was found
 * stays, and the next call tries again. */
int logtail_poll(struct logtail *tail, struct err *err)
	__attribute__((warn_unused_result));

/* False while there is no file of that name. */
bool logtail_is_there(const struct logtail *tail);

/* Line `i` of tail->count, the oldest first: without its end, NUL bytes as
 * \x00, everything else as it was. Borrowed until the next poll. */
const char *logtail_line(const struct logtail *tail, size_t i);
