/*
 * What `leakshim list` prints: a line for each status file, in columns.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "../analyzer/strbuf.h"

struct target;

#define STATUS_TABLE_COLUMNS 9

/* `{ 0 }` is empty. */
struct status_table {
	char *(*rows)[STATUS_TABLE_COLUMNS]; /* owned, as the texts are */
	size_t count;
	size_t capacity;
};

/* `now_ns` is CLOCK_REALTIME; ages are against it. */
void status_table_add(struct status_table *table, const struct target *target,
		      uint64_t now_ns);
/* Adds the heading and the rows, numbers to the right. */
void status_table_print(const struct status_table *table, struct strbuf *out);
void status_table_release(struct status_table *table);
