/*
 * What the files that read profiles share with reader.c and one another;
 * nobody else includes this.
 *
 * reader_pprof.c finds a profile's fields and what it is of, and
 * reader_pprof_tables.c makes a model of its tables; reader_legacy.c does both
 * for text.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gunzip.h"
#include "reader_build.h"

/*
 * Fill an empty model from the stream, which begins with a profile of that
 * format, or with nothing known (reader_pprof). `facts_only`: the header
 * alone. 0, or -1 and fill `err`.
 */
int reader_pprof(struct model *model, struct gunzip *stream, bool facts_only,
		 struct err *err);
int reader_legacy(struct model *model, struct gunzip *stream, bool facts_only,
		  struct err *err);

/* --- pprof ------------------------------------------------------------------- */

/* Top-level fields by number (../proto/profile.proto). */
enum pprof_field {
	PPROF_SAMPLE_TYPE = 1,
	PPROF_SAMPLE = 2,
	PPROF_MAPPING = 3,
	PPROF_LOCATION = 4,
	PPROF_FUNCTION = 5,
	PPROF_TEXT = 6,
	PPROF_TIME = 9,
	PPROF_PERIOD_TYPE = 11,
	PPROF_PERIOD = 12,
	PPROF_COMMENT = 13,
};

/* Columns of samples; tcmalloc's allocator has six, nobody more than eight. */
#define PPROF_TYPES_MAX 64

/* What a column means to us. */
enum pprof_role {
	PPROF_ALLOC_OBJECTS,
	PPROF_ALLOC_BYTES,
	PPROF_LIVE_OBJECTS,
	PPROF_LIVE_BYTES,
	PPROF_THREADS,
	PPROF_ROLE_COUNT,
};

struct pprof_text {
	const uint8_t *bytes; /* in the file's */
	size_t len;
	const char *kept; /* the model's; NULL: not asked for yet */
};

/* Rows by the numbers that the file gave them. */
struct pprof_rows {
	uint64_t *ids; /* by index, from 0 in file order */
	size_t count;
	size_t capacity;
	struct hashtab by_id; /* index + 1 */
};

struct pprof_value_type {
	int64_t type; /* texts */
	int64_t unit;
};

struct pprof_profile {
	struct build build;
	const uint8_t *bytes; /* of the file, uncompressed */
	size_t len;
	bool plain;
	bool ours; /* leakdiff wrote it */

	struct pprof_value_type types[PPROF_TYPES_MAX];
	size_t type_count;
	int column[PPROF_ROLE_COUNT]; /* index of a type; -1 = there is none */

	struct pprof_text *texts;
	size_t text_count;
	size_t text_capacity;
};

/* One top-level field of the file. */
struct pprof_item {
	uint32_t number;
	bool is_bytes;       /* else `value` */
	const uint8_t *data; /* points into the file's bytes */
	size_t len;
	uint64_t value;
};

/* The next field of that number at *at, which moves behind it; it must be a
 * message or text. 1, 0 at the end, -1 and `err` is filled. */
int pprof_next_of(struct pprof_profile *profile, enum pprof_field number,
		  size_t *at, struct pprof_item *item);

/* A text by its number: the model's. NULL and `err` is filled if there is no
 * such text, or it has a NUL. */
const char *pprof_text(struct pprof_profile *profile, int64_t index);

/* "corrupt: the WHAT is not a message" at the field. Returns -1. */
int pprof_no_message(struct pprof_profile *profile, const char *what);

/* Fills the model's tables. 0 or -1. */
int pprof_tables(struct pprof_profile *profile);

/* The main mapping's file and build-id to the header, without tables. */
int pprof_main_mapping(struct pprof_profile *profile);
