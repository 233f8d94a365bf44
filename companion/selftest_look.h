/*
 * What the snapshots of the self-test's program say about its leak.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "../analyzer/err.h"
#include "../analyzer/history.h"

struct selftest_sight {
	bool found;          /* a call stack through the function that leaks */
	bool named;          /* and by its name; else by its address */
	struct amount live;  /* there, in the last snapshot */
	struct amount delta; /* since the first; = live if it is the only one */
};

/* Reads one file or two and compares them as leakdiff does. */
int selftest_look(struct selftest_sight *out, const char *const *files,
		  size_t count, struct err *err)
	__attribute__((warn_unused_result));
