/*
 * A stack's rule is found by walking its frames; what is known of a frame is
 * kept by pc, so that each name is matched once however many stacks share it.
 */
#include <stdlib.h>
#include <string.h>

#include "blame_rules.h"
#include "hashtab.h"
#include "index.h"
#include "path.h"
#include "saturate.h"
#include "stack.h"
#include "suppress_parts.h"
#include "xalloc.h"

/* --- frames ----------------------------------------------------------------- */

/* Libraries whose own allocations are nobody's: in a runtime that is linked
 * statically they can't be told from the program's. */
static bool
is_runtime(const char *path)
{
	static const char *const stems[] = {
		"libc.so",      "libc-2.",       "ld-linux",      "ld-2.",
		"ld64.so",      "libpthread.so", "libpthread-2.", "libdl.so",
		"libdl-2.",     "libm.so",       "libm-2.",       "librt.so",
		"librt-2.",     "libresolv.so",  "libresolv-2.",  "libnss_",
		"libanl.so",    "libstdc++.so",  "libgcc_s.so",   "libc++.so",
		"libc++abi.so",
	};
	const char *name = path_base(path);
	size_t i;

	for (i = 0; i < sizeof(stems) / sizeof(stems[0]); i++) {
		if (strncmp(name, stems[i], strlen(stems[i])) == 0)
			return true;
	}
	return false;
}

/* Of these it takes the names of the functions inside to tell what they keep
 * from what their caller has to free. */
static bool
hands_out(const struct symbols *symbols)
{
	static const char *const names[] = {
		"getaddrinfo", "newlocale", "__newlocale",
		"iconv_open",  "duplocale", "__duplocale",
	};
	const char *name = symbols->entries[symbols->count - 1].function;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

static bool
matches_symbol(const struct rule *rule, const struct symbol *symbol)
{
	if (suppress_matches(rule->pattern, symbol->function))
		return true;
	if (symbol->linkage_name != symbol->function &&
	    suppress_matches(rule->pattern, symbol->linkage_name))
		return true;
	return symbol->file && suppress_matches(rule->pattern, symbol->file);
}

/* The first in force of a kind; of `once` the one that allows most. */
static uint16_t
find_rule(const struct suppress *suppress, enum rule_kind kind,
	  const struct symbols *symbols, const char *path)
{
	uint16_t found = 0;
	size_t i, k;

	if (!suppress->by_kind[kind])
		return 0;
	for (i = 0; i < suppress->count; i++) {
		const struct rule *rule = &suppress->rules[i];
		bool matches;

		if (rule->kind != kind ||
		    (found && rule->once <= suppress->rules[found - 1].once))
			continue;
		matches = suppress_matches(rule->pattern, path);
		for (k = 0; k < symbols->count && !matches; k++)
			matches = matches_symbol(rule, &symbols->entries[k]);
		if (matches)
			found = (uint16_t)(i + 1);
	}
	return found;
}

static bool
is_allocator(const struct symbols *symbols, const char *path)
{
	const struct blame_frame frame = {
		.function = symbols->entries[symbols->count - 1].function,
		.module = *path ? path_base(path) : NULL,
	};

	return blame_rule_is_allocator(&frame);
}

static const struct place *
look_at(struct suppress *suppress, struct resolver *resolver, struct pc_id pc)
{
	const struct model *model = resolver_model(resolver);
	size_t all = (size_t)model->pc_count + 1;
	const struct symbols *symbols;
	struct place *place;
	const char *path;
	unsigned int kind;

	if (suppress->place_count < all) {
		suppress->places = xgrow(suppress->places,
					 &suppress->place_capacity, all,
					 sizeof(*suppress->places));
		memset(&suppress->places[suppress->place_count], 0,
		       (all - suppress->place_count) *
			       sizeof(*suppress->places));
		suppress->place_count = all;
	}
	place = &suppress->places[pc.id];
	if (place->known)
		return place;
	path = model_module(model, model_pc(model, pc)->module)->path;
	symbols = resolver_symbols(resolver, pc);
	place->known = true;
	place->named = symbols->named;
	place->allocator = is_allocator(symbols, path);
	place->runtime = !place->allocator && is_runtime(path);
	place->hands_out = place->runtime && hands_out(symbols);
	for (kind = 0; kind < RULE_KIND_COUNT; kind++) {
		if (!place->allocator && (kind != RULE_ONCE || place->runtime))
			place->rules[kind] = find_rule(
				suppress, (enum rule_kind)kind, symbols, path);
	}
	return place;
}

/* --- stacks ----------------------------------------------------------------- */

struct walk {
	struct suppress *suppress;
	struct resolver *resolver;
};

/*
 * Of the innermost frames that are a runtime library's: the `once` that allows
 * most. `unsure`: there are such frames, but they lack the names by which one
 * could be found. That is so if the function that was called has none (it is
 * not exported: it was jumped to by one that is), or if that one is known and
 * could be either, but not all of what it called.
 */
static uint16_t
walk_runtime(const struct walk *walk, struct node_id node, bool *unsure)
{
	const struct model *model = resolver_model(walk->resolver);
	const struct rule *rules = walk->suppress->rules;
	bool entered = false, all_named = true;
	uint16_t found = 0;

	*unsure = false;
	for (; node.id; node = model_node(model, node)->parent) {
		const struct place *place =
			look_at(walk->suppress, walk->resolver,
				model_node(model, node)->pc);
		uint16_t rule = place->rules[RULE_ONCE];

		if (place->allocator && !entered)
			continue;
		if (!place->runtime)
			break;
		entered = true;
		all_named &= place->named;
		*unsure = !place->named || (place->hands_out && !all_named);
		if (rule &&
		    (!found || rules[rule - 1].once > rules[found - 1].once))
			found = rule;
	}
	return found;
}

static uint16_t
walk_all(const struct walk *walk, struct node_id node, enum rule_kind kind)
{
	const struct model *model = resolver_model(walk->resolver);

	if (!walk->suppress->by_kind[kind])
		return 0;
	for (; node.id; node = model_node(model, node)->parent) {
		const struct place *place =
			look_at(walk->suppress, walk->resolver,
				model_node(model, node)->pc);

		if (place->rules[kind])
			return place->rules[kind];
	}
	return 0;
}

/* What may suppress a stack; `leak` and `thread` do in any case. */
struct claims {
	uint16_t rule;
	uint16_t once;
};

static struct claims
claims_of(const struct walk *walk, enum row_kind kind, struct node_id node)
{
	struct claims claims = { 0, 0 };
	bool unsure;

	if (kind == ROW_HEAP)
		claims.once = walk_runtime(walk, node, &unsure);
	claims.rule = walk_all(walk, node,
			       kind == ROW_HEAP ? RULE_LEAK : RULE_THREAD);
	return claims;
}

/* A part of a class: the stacks that the same suppressions claim. */
struct share {
	uint32_t cls;
	struct claims claims;
	uint32_t number; /* of the class it is now */
};

struct shares {
	struct share *list;
	size_t count;
	size_t capacity;
	struct index index;
};

/* The number of the class for stacks of `cls` with these claims. */
static uint32_t
share_of(struct shares *shares, struct classes *classes, uint32_t cls,
	 struct claims claims)
{
	uint64_t hash = hash_u64(hash_u64(HASH_START, cls),
				 (uint64_t)claims.rule << 16 | claims.once);
	size_t slot = SIZE_MAX;
	struct share *share;
	uint32_t number;

	while (shares->count &&
	       (number = index_next(&shares->index, hash, &slot))) {
		share = &shares->list[number - 1];
		if (share->cls == cls && share->claims.rule == claims.rule &&
		    share->claims.once == claims.once)
			return share->number;
	}
	shares->list = xgrow(shares->list, &shares->capacity, shares->count + 1,
			     sizeof(*shares->list));
	shares->list[shares->count++] =
		(struct share){ cls, claims, ++classes->count };
	index_add(&shares->index, hash, (uint32_t)shares->count);
	return classes->count;
}

void
suppress_divide(struct suppress *suppress, const struct atlas *atlas,
		struct resolver *resolver, enum row_kind kind,
		struct classes *classes)
{
	const struct walk walk = { suppress, resolver };
	struct shares shares = { 0 };
	uint32_t stacks = atlas_count(atlas);
	uint32_t before = classes->count;
	uint32_t i;

	/* Classes of one stack each can't be mixed. */
	if (before == stacks)
		return;
	for (i = 1; i <= stacks; i++) {
		struct atlas_stack stack = atlas_stack(atlas, i);
		struct claims claims = claims_of(&walk, kind, stack.node);

		if (claims.rule || claims.once)
			classes->of[i] = share_of(&shares, classes,
						  classes->of[i], claims);
	}
	if (classes->labels) {
		classes->labels = xrealloc(classes->labels,
					   xmul((size_t)classes->count + 1,
						sizeof(*classes->labels)));
		for (i = 0; i < shares.count; i++)
			classes->labels[shares.list[i].number] =
				classes->labels[shares.list[i].cls];
	}
	index_release(&shares.index);
	free(shares.list);
}

/* --- rows ------------------------------------------------------------------- */

static int64_t
larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/*
 * Are no more objects live than `once` allows? A class of several stacks may
 * have as many of each. In a sample every block that was seen stands for many,
 * of which only those that were seen are known.
 */
static bool
is_within(const struct rule *rule, const struct row *row,
	  const struct diff *diff)
{
	int64_t objects = larger(row->live_old.objects, row->live_new.objects);
	int64_t bytes = larger(row->live_old.bytes, row->live_new.bytes);
	double allowed = (double)rule->once * row->stacks;
	double sample = (double)diff->new_model->header.sample_bytes;

	if (objects > 0 && sample * (double)objects > (double)bytes && bytes &&
	    sample > 1)
		allowed *= sample * (double)objects / (double)bytes;
	return (double)objects <= allowed;
}

static struct rule *
rule_of(const struct walk *walk, const struct diff *diff, const struct row *row)
{
	struct claims claims = claims_of(walk, row->kind, row->node);
	struct rule *rules = walk->suppress->rules;

	if (claims.once && is_within(&rules[claims.once - 1], row, diff))
		return &rules[claims.once - 1];
	return claims.rule ? &rules[claims.rule - 1] : NULL;
}

void
suppress_apply(struct suppress *suppress, struct diff *diff,
	       struct resolver *resolver)
{
	const struct walk walk = { suppress, resolver };
	size_t end = diff->first[ROW_LEDGER];
	size_t i;

	for (i = 0; i < end; i++) {
		struct row *row = &diff->rows[i];
		struct rule *rule;

		if (row->fate != FATE_LISTED)
			continue;
		rule = rule_of(&walk, diff, row);
		if (!rule)
			continue;
		row->fate = FATE_SUPPRESSED;
		row->is_builtin = !rule->source;
		rule->sites += row->stacks;
		/* Over all processes. */
		rule->bytes = saturate_add(rule->bytes, row->live_new.bytes);
		rule->objects =
			saturate_add(rule->objects, row->live_new.objects);
	}
}

bool
suppress_is_unsure(struct suppress *suppress, struct resolver *resolver,
		   const struct row *row)
{
	const struct walk walk = { suppress, resolver };
	bool unsure;

	if (row->kind != ROW_HEAP)
		return false;
	walk_runtime(&walk, row->node, &unsure);
	return unsure;
}
