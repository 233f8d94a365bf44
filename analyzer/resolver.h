/*
 * Names for the code locations of an atlas, each asked for once, and what
 * decides which frames of a stack matter. What renderers and groupings need to
 * read stacks (stack.h).
 */
#pragma once

#include "atlas.h"
#include "blame.h"
#include "symbolize.h"

struct resolver;

/* All borrowed until resolver_free. Never NULL. */
struct resolver *resolver_new(const struct atlas *atlas,
			      struct symbolizer *symbolizer,
			      const struct blame *blame)
	__attribute__((warn_unused_result));
void resolver_free(struct resolver *resolver); /* NULL is allowed */

/* Names of a snapshot with this header will be asked for (symbolizer_meet). */
void resolver_meet(struct resolver *resolver, const struct header *header);

/* Names of a pc of the atlas's model: the file's own if it brings any, else
 * the symbolizer's. Never NULL; lives as long as the atlas and symbolizer. */
const struct symbols *resolver_symbols(struct resolver *resolver,
				       struct pc_id pc);

/* Names at a run-time return address of a module that need not be a pc of the
 * atlas. As symbolizer_lookup(). */
const struct symbols *resolver_lookup(struct resolver *resolver,
				      const struct module *module,
				      uint64_t address);

/* What the function at a pc is called in any build (symbolizer_bare_name). NULL:
 * it has no name. Lives as long as the symbolizer. */
const char *resolver_bare_name(struct resolver *resolver, struct pc_id pc);

const struct model *resolver_model(const struct resolver *resolver);
const struct blame *resolver_blame(const struct resolver *resolver);
/* Are files asked for names? Not with --no-symbols, nor without a
 * symbolizer. */
bool resolver_asks(const struct resolver *resolver);
const struct symbolizer_options *resolver_options(
	const struct resolver *resolver);
