#include "resolver.h"

#include <stdlib.h>

#include "xalloc.h"

struct resolver {
	const struct atlas *atlas;
	struct symbolizer *symbolizer;
	const struct blame *blame;
	const struct symbols **by_pc; /* NULL: not asked yet */
	size_t count;
	size_t capacity;
};

struct resolver *
resolver_new(const struct atlas *atlas, struct symbolizer *symbolizer,
	     const struct blame *blame)
{
	struct resolver *resolver = xcalloc(1, sizeof(*resolver));

	resolver->atlas = atlas;
	resolver->symbolizer = symbolizer;
	resolver->blame = blame;
	return resolver;
}

void
resolver_free(struct resolver *resolver)
{
	if (!resolver)
		return;
	free(resolver->by_pc);
	free(resolver);
}

void
resolver_meet(struct resolver *resolver, const struct header *header)
{
	if (resolver->symbolizer)
		symbolizer_meet(resolver->symbolizer, header);
}

static const struct symbols *
ask(const struct resolver *resolver, struct pc_id id)
{
	const struct model *model = atlas_model(resolver->atlas);
	const struct pc *pc = model_pc(model, id);

	/* A profile that has no name for a place of a file is not asked. */
	if (pc->symbols && (pc->symbols->named || !pc->module.id))
		return pc->symbols;
	return symbolizer_lookup(resolver->symbolizer,
				 pc->module.id ? model_module(model, pc->module)
					       : NULL,
				 pc->address);
}

const struct symbols *
resolver_symbols(struct resolver *resolver, struct pc_id pc)
{
	size_t all = (size_t)atlas_model(resolver->atlas)->pc_count + 1;

	if (resolver->count < all) {
		resolver->by_pc = xgrow(resolver->by_pc, &resolver->capacity,
					all, sizeof(*resolver->by_pc));
		while (resolver->count < all)
			resolver->by_pc[resolver->count++] = NULL;
	}
	if (!resolver->by_pc[pc.id])
		resolver->by_pc[pc.id] = ask(resolver, pc);
	return resolver->by_pc[pc.id];
}

const char *
resolver_bare_name(struct resolver *resolver, struct pc_id pc)
{
	return symbolizer_bare_name(resolver->symbolizer,
				    resolver_symbols(resolver, pc));
}

const struct model *
resolver_model(const struct resolver *resolver)
{
	return atlas_model(resolver->atlas);
}

const struct blame *
resolver_blame(const struct resolver *resolver)
{
	return resolver->blame;
}

bool
resolver_asks(const struct resolver *resolver)
{
	return resolver->symbolizer &&
	       symbolizer_options(resolver->symbolizer)->use_symbols;
}

const struct symbols *
resolver_lookup(struct resolver *resolver, const struct module *module,
		uint64_t address)
{
	return symbolizer_lookup(resolver->symbolizer, module, address);
}

const struct symbolizer_options *
resolver_options(const struct resolver *resolver)
{
	return symbolizer_options(resolver->symbolizer);
}
