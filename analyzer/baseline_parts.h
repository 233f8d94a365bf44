/*
 * What baseline.c and baseline_file.c share: the entries. The JSON tree is kept
 * and entries point into it, so what people added survives being written.
 * Nobody else includes this.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "baseline.h"

enum amount_kind { AMOUNT_BYTES, AMOUNT_RATE, AMOUNT_THREADS, AMOUNT_COUNT };

/* "bytes" ...: the member of an entry. */
const char *baseline_amount_name(enum amount_kind kind);

struct entry {
	json_t *json; /* owned by the tree */
	uint64_t site;
	int64_t amounts[AMOUNT_COUNT]; /* < 0: not given */
	int64_t expires;               /* day */
	bool seen;                     /* a growing site matched */
	bool rate_unknown;             /* it accepts a rate, and had none */
	/* Of the process at hand: what its sites grew by, together. A rate may
	 * be no number: it is not known. */
	double grown[AMOUNT_COUNT];
};

struct baseline {
	char *file;
	char *original; /* as it was read; NULL: it was not there */
	size_t original_len;
	json_t *root;
	json_t *accepted; /* borrowed from root */
	struct entry *entries;
	size_t count;
	size_t capacity;
	size_t added; /* since it was loaded */
};

/* Orders entries by site. */
int baseline_compare(const void *a, const void *b);

/* YYYY-MM-DD. */
void baseline_format_day(char text[16], int64_t day);
