/*
 * Snapshots whose call stacks are written as text, innermost frame first:
 *
 *	"_IO_file_doallocate@libc.so.6 < printf@libc.so.6 < main@app"
 *
 * "?@libc.so.6" is a frame without a name. Equal texts are equal places, in
 * each snapshot. Below each stack is the shim's own malloc.
 */
#pragma once

#include <stdint.h>

#include "comparison.h"

struct named_site {
	const char *stack;
	uint64_t objects; /* live */
	uint64_t bytes;
	bool thread; /* it creates threads, `objects` of them run */
};

/* What else is to be changed in a snapshot. */
typedef void named_change(struct snapgen *gen);

/* Snapshot `sequence` of one process, taken `seconds` after its start. `sites`
 * ends with a NULL stack; `change` may be NULL. */
struct model *named_model(uint64_t sequence, uint64_t seconds,
			  const struct named_site *sites, named_change *change);

/* A study of one to many of them, judged. Free it by named_free. */
struct comparison *named_study(struct model *const *take_models, size_t count);
void named_free(struct comparison *made);

/* The row of the stack whose innermost frame is `function`; NULL: none. */
struct row *named_row(const struct comparison *made, const char *function);
