/*
 * Inside opts: one row per key, how its value is read into lks_opts and how it
 * is spelled.
 */
#pragma once

#include "lks.h"

struct lks_opts_row {
	const char *key;
	/* False: a bad value, and nothing has changed. */
	bool (*parse)(const char *text);
	void (*print)(char *out, size_t cap);
	const char *wanted; /* to complain with */
};

extern const struct lks_opts_row lks_opts_rows[];
extern const uint32_t lks_opts_row_count;
