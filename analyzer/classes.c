#include "classes.h"

#include <stdlib.h>
#include <string.h>

#include "hashtab.h"
#include "index.h"
#include "stack.h"
#include "xalloc.h"

/* --- by stack, where needed by name ---------------------------------------- */

/* What a frame of a rebuilt file is. */
struct frame_name {
	uint32_t stem;
	const char *function; /* NULL: somewhere in the file */
};

struct folding {
	const struct atlas *atlas;
	const struct model *model;
	struct resolver *resolver;
	bool *has_names;    /* by module */
	uint32_t *frames;   /* by pc: what stands for it */
	bool *is_unmatched; /* by node: a frame of it can't be matched */
	struct frame_name *names;
	size_t name_count;
	size_t name_capacity;
	struct index name_index;
};

static bool
is_any_rebuilt(const struct atlas *atlas)
{
	uint32_t stem;

	for (stem = 1; stem <= atlas_stem_count(atlas); stem++) {
		if (atlas_is_rebuilt(atlas, stem))
			return true;
	}
	return false;
}

static uint32_t
rebuilt_stem(const struct folding *folding, uint32_t pc)
{
	uint32_t stem =
		atlas_stem(folding->atlas, folding->model->pcs[pc].module);

	return atlas_is_rebuilt(folding->atlas, stem) ? stem : 0;
}

/* The function that really is there, whatever was inlined into it: inlining
 * changes from build to build, and so do the numbers of clones. NULL: it has no
 * name. */
static const char *
function_at(const struct folding *folding, uint32_t pc)
{
	return resolver_bare_name(folding->resolver, (struct pc_id){ pc });
}

static uint32_t
number_of_name(struct folding *folding, uint32_t stem, const char *function)
{
	uint64_t hash = hash_u64(HASH_START, stem);
	const struct frame_name *name;
	uint32_t number;
	size_t i = SIZE_MAX;

	if (function)
		hash = hash_bytes(hash, function, strlen(function));
	while ((number = index_next(&folding->name_index, hash, &i))) {
		name = &folding->names[number - 1];
		if (name->stem == stem && !name->function == !function &&
		    (!function || strcmp(name->function, function) == 0))
			return number;
	}
	folding->names = xgrow(folding->names, &folding->name_capacity,
			       folding->name_count + 1,
			       sizeof(*folding->names));
	folding->names[folding->name_count++] =
		(struct frame_name){ .stem = stem, .function = function };
	number = (uint32_t)folding->name_count;
	index_add(&folding->name_index, hash, number);
	return number;
}

/* Numbers of names follow those of pcs. */
static void
name_frames(struct folding *folding)
{
	const struct model *model = folding->model;
	uint32_t i;

	folding->has_names = xcalloc((size_t)model->module_count + 1, 1);
	folding->frames =
		xcalloc((size_t)model->pc_count + 1, sizeof(uint32_t));
	for (i = 1; i <= model->pc_count; i++) {
		if (rebuilt_stem(folding, i) && function_at(folding, i))
			folding->has_names[model->pcs[i].module.id] = true;
	}
	for (i = 1; i <= model->pc_count; i++) {
		uint32_t stem = rebuilt_stem(folding, i);

		if (stem && folding->has_names[model->pcs[i].module.id])
			folding->frames[i] =
				model->pc_count +
				number_of_name(folding, stem,
					       function_at(folding, i));
		else
			folding->frames[i] = i;
	}
}

/* A node of folded stacks. */
struct folded {
	uint32_t parent;
	uint32_t frame;
};

/* Folded nodes by node: parents come first. */
static uint32_t *
fold_nodes(struct folding *folding)
{
	const struct model *model = folding->model;
	uint32_t *map =
		xcalloc((size_t)model->node_count + 1, sizeof(uint32_t));
	struct folded *all =
		xcalloc((size_t)model->node_count + 1, sizeof(*all));
	struct index index = { 0 };
	uint32_t count = 0;
	uint32_t i;

	folding->is_unmatched = xcalloc((size_t)model->node_count + 1, 1);
	for (i = 1; i <= model->node_count; i++) {
		const struct node *node = &model->nodes[i];
		struct folded key = { map[node->parent.id],
				      folding->frames[node->pc.id] };
		uint64_t hash = hash_u64(
			HASH_START, (uint64_t)key.parent << 32 | key.frame);
		size_t at = SIZE_MAX;
		uint32_t number;

		folding->is_unmatched[i] =
			folding->is_unmatched[node->parent.id] ||
			(rebuilt_stem(folding, node->pc.id) &&
			 key.frame == node->pc.id);
		while ((number = index_next(&index, hash, &at))) {
			if (all[number].parent == key.parent &&
			    all[number].frame == key.frame)
				break;
		}
		if (!number) {
			number = ++count;
			all[number] = key;
			index_add(&index, hash, number);
		}
		map[i] = number;
	}
	index_release(&index);
	free(all);
	return map;
}

static void
fold(struct classes *classes, const struct atlas *atlas,
     struct resolver *resolver)
{
	struct folding folding = {
		.atlas = atlas,
		.model = atlas_model(atlas),
		.resolver = resolver,
		.names = xcalloc(1, sizeof(struct frame_name)),
		.name_capacity = 1,
	};
	size_t slots = ((size_t)folding.model->node_count + 1) * 2;
	uint32_t *class_of = xcalloc(slots, sizeof(*class_of));
	uint32_t *nodes;
	uint32_t i;

	name_frames(&folding);
	nodes = fold_nodes(&folding);
	for (i = 1; i <= atlas_count(atlas); i++) {
		struct atlas_stack stack = atlas_stack(atlas, i);
		size_t slot = (size_t)nodes[stack.node.id] * 2 + stack.overflow;

		if (!class_of[slot])
			class_of[slot] = ++classes->count;
		classes->of[i] = class_of[slot];
		classes->unmatched += folding.is_unmatched[stack.node.id];
	}
	classes->by_names = folding.name_count > 0;
	index_release(&folding.name_index);
	free(folding.names);
	free(folding.has_names);
	free(folding.frames);
	free(folding.is_unmatched);
	free(nodes);
	free(class_of);
}

/* --- by what is blamed ------------------------------------------------------ */

static const char *
label_of(const struct stack *stack, enum grouping grouping)
{
	const struct stack_frame *blamed = &stack->frames[stack->blamed];

	if (grouping == GROUP_FUNCTION)
		return blamed->symbol->function;
	if (grouping == GROUP_FILE && blamed->symbol->file)
		return blamed->symbol->file;
	return *blamed->module->path ? blamed->module->path
				     : blamed->symbol->function;
}

static void
group(struct classes *classes, const struct atlas *atlas,
      struct resolver *resolver, enum grouping grouping, bool threads)
{
	/* Functions of one name in two files are two. */
	const char **places = xcalloc(1, sizeof(*places));
	size_t capacity = 0, place_capacity = 1;
	struct index index = { 0 };
	struct stack stack = { 0 };
	uint32_t i;

	for (i = 1; i <= atlas_count(atlas); i++) {
		struct atlas_stack at = atlas_stack(atlas, i);
		const char *label, *place = "";
		uint64_t hash;
		size_t slot = SIZE_MAX;
		uint32_t number;

		stack_resolve_node(&stack, resolver,
				   threads ? ROW_THREAD : ROW_HEAP, at.node,
				   at.overflow ? SITE_OVERFLOW : 0);
		label = label_of(&stack, grouping);
		if (grouping == GROUP_FUNCTION)
			place = stack.frames[stack.blamed].module->path;
		hash = hash_bytes(HASH_START, label, strlen(label));
		while ((number = index_next(&index, hash, &slot))) {
			if (strcmp(classes->labels[number], label) == 0 &&
			    strcmp(places[number], place) == 0)
				break;
		}
		if (!number) {
			number = ++classes->count;
			classes->labels = xgrow(classes->labels, &capacity,
						(size_t)number + 1,
						sizeof(*classes->labels));
			classes->labels[number] = label;
			places = xgrow(places, &place_capacity,
				       (size_t)number + 1, sizeof(*places));
			places[number] = place;
			index_add(&index, hash, number);
		}
		classes->of[i] = number;
	}
	stack_release(&stack);
	index_release(&index);
	free(places);
}

struct classes *
classes_new(const struct atlas *atlas, struct resolver *resolver,
	    enum grouping grouping, bool threads, bool across_builds)
{
	struct classes *classes = xcalloc(1, sizeof(*classes));
	uint32_t i;

	classes->of = xcalloc((size_t)atlas_count(atlas) + 1, sizeof(uint32_t));
	if (grouping != GROUP_STACK) {
		group(classes, atlas, resolver, grouping, threads);
	} else if (across_builds && is_any_rebuilt(atlas)) {
		fold(classes, atlas, resolver);
	} else {
		classes->count = atlas_count(atlas);
		for (i = 1; i <= classes->count; i++)
			classes->of[i] = i;
	}
	return classes;
}

void
classes_free(struct classes *classes)
{
	if (!classes)
		return;
	free(classes->of);
	free(classes->labels);
	free(classes);
}
