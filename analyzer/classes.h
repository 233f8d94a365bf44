/*
 * Which call stacks are one row of a report. Unless something is asked for,
 * each stack is a class of its own, but for those that differ only because a
 * file was built anew: where the snapshots hold several builds of one file,
 * its frames are compared by the names of their functions.
 *
 * By names: in such a file a frame is its function, whatever line it is at. A
 * frame without a name is only "in that file" if the file has names for
 * others; a file that has none at all (a stripped one) is compared by address,
 * so its stacks match in no other build: they are counted as unmatched.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "atlas.h"
#include "resolver.h"

enum grouping {
	GROUP_STACK,
	GROUP_FUNCTION, /* the blamed function */
	GROUP_FILE,     /* the blamed function's source file */
	GROUP_MODULE,   /* the blamed function's program or library */
};

struct classes {
	uint32_t count;      /* classes are 1 .. count */
	uint32_t *of;        /* by stack number of the atlas */
	const char **labels; /* by class; NULL for GROUP_STACK. Borrowed from
			      * the atlas and the symbolizer */
	bool by_names;       /* some frames were compared by name */
	uint32_t unmatched;  /* stacks with frames of a file that was built
			      * anew and that has no names */
};

/* Classes of heap stacks, or with `threads` of those that created threads;
 * which frame is blamed differs. Without `across_builds` each build is a file of
 * its own: within one process there is but one of each, whatever others have.
 * Never NULL. */
struct classes *classes_new(const struct atlas *atlas,
			    struct resolver *resolver, enum grouping grouping,
			    bool threads, bool across_builds)
	__attribute__((warn_unused_result));
void classes_free(struct classes *classes); /* NULL is allowed */
