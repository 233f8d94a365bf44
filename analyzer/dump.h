/*
 * A dump loaded for reports: its tables, names for its call stacks, and sums
 * over its blocks. The blocks themselves are read one after another and not
 * kept, so that memory depends on the number of call stacks and types alone.
 */
#pragma once

#include <stddef.h>

#include "blame.h"
#include "block.h"
#include "resolver.h"
#include "stack.h"
#include "symbolize.h"

struct dump;

/* What many blocks have in common. */
struct dump_group {
	const char *type; /* NULL: of a site */
	uint32_t site;    /* of a site: its number; 0 = stack unknown */
	uint64_t blocks;
	uint64_t bytes;
	uint64_t oldest_s; /* age of the oldest */
};

/* One of the oldest blocks. */
struct dump_block {
	uint64_t address;
	uint64_t size;
	uint64_t age_s;
	uint32_t site;
	const char *type; /* NULL = unknown */
};

/* Reads the tables of `file`, which is no pipe. Borrows all until dump_close.
 * NULL: `err` is as of reader_load. */
struct dump *dump_open(const char *file, struct symbolizer *symbolizer,
		       const struct blame *blame, struct err *err)
	__attribute__((warn_unused_result));
void dump_close(struct dump *dump); /* NULL is allowed */

const struct model *dump_model(const struct dump *dump);
const struct block_totals *dump_totals(const struct dump *dump);

/*
 * Gives each block to `visit`, with what is known of it. 0, or -1 as of
 * reader_each_block, which sets the totals.
 */
typedef int dump_visit(void *visitor, const struct block *block,
		       const struct dump_block *known, struct err *err);
int dump_each(struct dump *dump, dump_visit *visit, void *visitor,
	      struct err *err) __attribute__((warn_unused_result));

/*
 * Sums up all blocks: groups by site and by type, most bytes first, and the
 * `oldest` oldest blocks, oldest first, of one age by falling size.
 */
int dump_sum(struct dump *dump, size_t oldest, struct err *err)
	__attribute__((warn_unused_result));

struct dump_sums {
	struct dump_group *sites;
	size_t site_count;
	struct dump_group *types;
	size_t type_count;
	struct dump_group untyped; /* with contents, but without a type */
	struct dump_block *oldest;
	size_t oldest_count;
};
const struct dump_sums *dump_sums(const struct dump *dump);

/* The call stack of a site; borrowed until the next call. Site 0 is one frame
 * that says that it is unknown. */
const struct stack *dump_stack(struct dump *dump, uint32_t site);
/* The site's id (site_id.h). dump_stack() of it was called just before. */
uint64_t dump_site_id(const struct dump *dump);
