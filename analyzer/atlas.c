#include "atlas.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "hashtab.h"
#include "index.h"
#include "path.h"
#include "strbuf.h"
#include "symbolize.h"
#include "xalloc.h"

/* What there is about an element of the union beside the union itself. */
struct module_facts {
	uint32_t stem;
};

struct stem {
	const char *name;
	uint32_t number;
	uint32_t builds;
	uint32_t last_serial; /* of the model that had it last */
	uint32_t last_module; /* and which build that had */
	bool coexist;         /* one model had two of them */
};

struct atlas {
	struct model *model;
	size_t module_capacity;
	size_t pc_capacity;
	size_t node_capacity;

	struct module_facts *modules; /* by module number */
	size_t module_facts_capacity;
	uint64_t *places; /* by pc number */
	size_t place_capacity;
	struct index module_index;
	struct index pc_index;
	struct index node_index;

	struct hashtab stems;
	struct stem **stem_list; /* number k is element k - 1 */
	size_t stem_capacity;
	uint32_t serial; /* models added */

	struct atlas_stack *stacks; /* number k is element k - 1 */
	size_t stack_count;
	size_t stack_capacity;
	uint32_t *numbers[2]; /* by node number; the second of overflow */
	size_t number_capacity[2];
	size_t number_count[2];

	uint32_t *ranks; /* by module number; of rank_count modules */
	uint32_t rank_count;

	/* Numbers in the union of what the last model had under the same
	 * numbers. Snapshots of one process begin alike, so most of the next
	 * one needs no search. */
	uint32_t *hints;
	size_t hint_count;
};

/* --- modules ---------------------------------------------------------------- */

/* Of libfoo-1.2.so.3 the libfoo.so. */
static void
add_stem_name(struct strbuf *out, const char *path)
{
	const char *base = path_base(path);
	const char *so = strstr(base, ".so");
	const char *end;

	while (so && so[3] && so[3] != '.')
		so = strstr(so + 3, ".so");
	if (!so) {
		strbuf_adds(out, base);
		return;
	}
	for (end = so; end > base && (isdigit((unsigned char)end[-1]) ||
				      end[-1] == '.' || end[-1] == '-');)
		end--;
	/* A version begins with '-': libm2.so is no libm.so. */
	strbuf_add(out, base, (size_t)((*end == '-' ? end : so) - base));
	strbuf_adds(out, ".so");
}

static bool
stem_equal(const void *entry, const void *key)
{
	return strcmp(((const struct stem *)entry)->name, key) == 0;
}

static struct stem *
find_stem(struct atlas *atlas, const char *path)
{
	struct strbuf name = { 0 };
	struct stem *stem;
	void **place;

	add_stem_name(&name, path);
	place = hashtab_place(&atlas->stems,
			      hash_bytes(HASH_START, strbuf_text(&name),
					 name.len),
			      strbuf_text(&name), stem_equal);
	if (!*place) {
		stem = xcalloc(1, sizeof(*stem));
		stem->name =
			model_keep(atlas->model, strbuf_text(&name), name.len);
		stem->number = (uint32_t)atlas->stems.count;
		*place = stem;
		atlas->stem_list = xgrow(atlas->stem_list,
					 &atlas->stem_capacity, stem->number,
					 sizeof(struct stem *));
		atlas->stem_list[stem->number - 1] = stem;
	}
	strbuf_release(&name);
	return *place;
}

/* A build-id is all that counts, where there is one. */
static bool
is_same_module(const struct module *a, const struct module *b)
{
	if (a->build_id_bytes != b->build_id_bytes)
		return false;
	if (a->build_id_bytes)
		return memcmp(a->build_id, b->build_id, a->build_id_bytes) == 0;
	return strcmp(a->path, b->path) == 0;
}

static uint32_t
add_module(struct atlas *atlas, const struct module *module, uint64_t hash)
{
	struct model *all = atlas->model;
	uint32_t number = ++all->module_count;
	struct module *copy;

	all->modules = xgrow(all->modules, &atlas->module_capacity,
			     (size_t)number + 1, sizeof(*all->modules));
	atlas->modules = xgrow(atlas->modules, &atlas->module_facts_capacity,
			       (size_t)number + 1, sizeof(*atlas->modules));
	copy = &all->modules[number];
	*copy = *module;
	copy->path = model_keep(all, module->path, strlen(module->path));
	if (module->build_id_bytes)
		copy->build_id = (const uint8_t *)model_keep(
			all, module->build_id, module->build_id_bytes);
	atlas->modules[number].stem = find_stem(atlas, copy->path)->number;
	atlas->stem_list[atlas->modules[number].stem - 1]->builds++;
	index_add(&atlas->module_index, hash, number);
	return number;
}

static uint32_t
find_module(struct atlas *atlas, const struct module *module)
{
	uint64_t hash = HASH_START;
	uint32_t number;
	size_t i = SIZE_MAX;

	hash = module->build_id_bytes
		       ? hash_bytes(hash, module->build_id,
				    module->build_id_bytes)
		       : hash_bytes(hash, module->path, strlen(module->path));
	while ((number = index_next(&atlas->module_index, hash, &i))) {
		if (is_same_module(&atlas->model->modules[number], module))
			return number;
	}
	return add_module(atlas, module, hash);
}

static uint32_t *
map_modules(struct atlas *atlas, const struct model *model)
{
	uint32_t *map = xcalloc((size_t)model->module_count + 1, sizeof(*map));
	uint32_t i;

	for (i = 1; i <= model->module_count; i++) {
		const struct module *module = &model->modules[i];
		struct stem *stem;

		map[i] = find_module(atlas, module);
		/* As it was, if it is there now. */
		if (!module->unloaded)
			atlas->model->modules[map[i]].unloaded = false;
		stem = atlas->stem_list[atlas->modules[map[i]].stem - 1];
		if (stem->last_serial == atlas->serial &&
		    stem->last_module != map[i])
			stem->coexist = true;
		stem->last_serial = atlas->serial;
		stem->last_module = map[i];
	}
	return map;
}

/* --- pcs -------------------------------------------------------------------- */

/* Addresses may be the first after their segment (a call that does not return
 * stands last), so the byte before decides. */
static const struct segment *
segment_at(const struct module *module, uint64_t address)
{
	uint32_t i;

	for (i = 0; i < module->segment_count; i++) {
		const struct segment *segment = &module->segments[i];

		if (address - 1 >= segment->start && address - 1 < segment->end)
			return segment;
	}
	return module->segment_count ? &module->segments[0] : NULL;
}

static uint64_t
place_of(const struct module *module, uint64_t address)
{
	const struct segment *segment = segment_at(module, address);

	return segment ? address - segment->start + segment->vaddr : address;
}

/* Where a place of the file is, in the copy of the module that was met first
 * and that the union has. */
static uint64_t
address_of(const struct module *module, uint64_t place)
{
	uint32_t i;

	for (i = 0; i < module->segment_count; i++) {
		const struct segment *segment = &module->segments[i];

		if (place - 1 >= segment->vaddr &&
		    place - 1 - segment->vaddr < segment->end - segment->start)
			return place - segment->vaddr + segment->start;
	}
	if (module->segment_count)
		return place - module->segments[0].vaddr +
		       module->segments[0].start;
	return place;
}

/* A pc without an address is what its names are. */
static uint64_t
hash_names(const struct symbols *symbols)
{
	uint64_t hash = HASH_START;
	size_t i;

	for (i = 0; i < symbols->count; i++) {
		const struct symbol *symbol = &symbols->entries[i];

		hash = hash_bytes(hash, symbol->linkage_name,
				  strlen(symbol->linkage_name));
		if (symbol->file)
			hash = hash_bytes(hash, symbol->file,
					  strlen(symbol->file));
		hash = hash_u64(hash, symbol->line);
	}
	return hash;
}

static const char *
keep_text(struct model *all, const char *text)
{
	return text ? model_keep(all, text, strlen(text)) : NULL;
}

static const struct symbols *
keep_symbols(struct model *all, const struct symbols *symbols)
{
	struct symbols *copy = model_keep_zeroed(all, 1, sizeof(*copy));
	struct symbol *entries =
		model_keep_zeroed(all, symbols->count, sizeof(*entries));
	size_t i;

	for (i = 0; i < symbols->count; i++) {
		const struct symbol *symbol = &symbols->entries[i];
		const char *function = symbol->function;

		entries[i].function = keep_text(all, function);
		entries[i].linkage_name =
			symbol->linkage_name == function
				? entries[i].function
				: keep_text(all, symbol->linkage_name);
		entries[i].file = keep_text(all, symbol->file);
		entries[i].line = symbol->line;
	}
	copy->count = symbols->count;
	copy->named = symbols->named;
	copy->entries = entries;
	return copy;
}

static uint32_t
find_pc(struct atlas *atlas, const struct pc *pc, uint32_t module,
	uint64_t place)
{
	struct model *all = atlas->model;
	uint64_t hash = hash_u64(hash_u64(HASH_START, place), module);
	size_t i = SIZE_MAX;
	uint32_t number;
	struct pc *copy;

	while ((number = index_next(&atlas->pc_index, hash, &i))) {
		copy = &all->pcs[number];
		if (atlas->places[number] != place || copy->module.id != module)
			continue;
		if (!copy->symbols && pc->symbols)
			copy->symbols = keep_symbols(all, pc->symbols);
		return number;
	}
	number = ++all->pc_count;
	all->pcs = xgrow(all->pcs, &atlas->pc_capacity, (size_t)number + 1,
			 sizeof(*all->pcs));
	atlas->places = xgrow(atlas->places, &atlas->place_capacity,
			      (size_t)number + 1, sizeof(*atlas->places));
	atlas->places[number] = place;
	copy = &all->pcs[number];
	copy->module.id = module;
	copy->address = module ? address_of(&all->modules[module], place)
			       : place;
	copy->symbols = pc->symbols ? keep_symbols(all, pc->symbols) : NULL;
	index_add(&atlas->pc_index, hash, number);
	return number;
}

static uint32_t *
map_pcs(struct atlas *atlas, const struct model *model, const uint32_t *modules)
{
	uint32_t *map = xcalloc((size_t)model->pc_count + 1, sizeof(*map));
	uint32_t i;

	for (i = 1; i <= model->pc_count; i++) {
		const struct pc *pc = &model->pcs[i];
		uint64_t place = pc->address;

		if (pc->module.id)
			place = place_of(model_module(model, pc->module),
					 place);
		else if (!place && pc->symbols)
			place = hash_names(pc->symbols);
		map[i] = find_pc(atlas, pc, modules[pc->module.id], place);
	}
	return map;
}

/* --- nodes and stacks ------------------------------------------------------- */

static uint32_t
find_node(struct atlas *atlas, uint32_t parent, uint32_t pc, uint32_t hint)
{
	struct model *all = atlas->model;
	uint32_t number;
	uint64_t hash;
	size_t i = SIZE_MAX;

	if (hint && all->nodes[hint].parent.id == parent &&
	    all->nodes[hint].pc.id == pc)
		return hint;
	hash = hash_u64(HASH_START, (uint64_t)parent << 32 | pc);
	while ((number = index_next(&atlas->node_index, hash, &i))) {
		if (all->nodes[number].parent.id == parent &&
		    all->nodes[number].pc.id == pc)
			return number;
	}
	number = ++all->node_count;
	all->nodes = xgrow(all->nodes, &atlas->node_capacity,
			   (size_t)number + 1, sizeof(*all->nodes));
	all->nodes[number] = (struct node){
		.parent = { parent },
		.pc = { pc },
		.depth = all->nodes[parent].depth + 1,
	};
	index_add(&atlas->node_index, hash, number);
	return number;
}

/* Parents come first in a model. The map is the hints of the next. */
static const uint32_t *
map_nodes(struct atlas *atlas, const struct model *model, const uint32_t *pcs)
{
	uint32_t *map = xcalloc((size_t)model->node_count + 1, sizeof(*map));
	uint32_t i;

	for (i = 1; i <= model->node_count; i++) {
		const struct node *node = &model->nodes[i];

		map[i] = find_node(atlas, map[node->parent.id],
				   pcs[node->pc.id],
				   i < atlas->hint_count ? atlas->hints[i] : 0);
	}
	free(atlas->hints);
	atlas->hints = map;
	atlas->hint_count = (size_t)model->node_count + 1;
	return map;
}

static uint32_t
find_stack(struct atlas *atlas, uint32_t node, uint32_t flags)
{
	bool overflow = (flags & SITE_OVERFLOW) != 0;
	uint32_t **numbers = &atlas->numbers[overflow];

	*numbers = xgrow(*numbers, &atlas->number_capacity[overflow],
			 (size_t)node + 1, sizeof(**numbers));
	while (atlas->number_count[overflow] <= node)
		(*numbers)[atlas->number_count[overflow]++] = 0;
	if (!(*numbers)[node]) {
		atlas->stacks = xgrow(atlas->stacks, &atlas->stack_capacity,
				      atlas->stack_count + 1,
				      sizeof(*atlas->stacks));
		atlas->stacks[atlas->stack_count++] = (struct atlas_stack){
			.node = { node },
			.overflow = overflow,
		};
		(*numbers)[node] = (uint32_t)atlas->stack_count;
	}
	return (*numbers)[node];
}

void
atlas_add(struct atlas *atlas, const struct model *model,
	  struct atlas_numbers *numbers)
{
	uint32_t *modules, *pcs;
	const uint32_t *nodes;
	uint32_t i;

	atlas->serial++;
	modules = map_modules(atlas, model);
	pcs = map_pcs(atlas, model, modules);
	nodes = map_nodes(atlas, model, pcs);
	numbers->heap =
		xcalloc((size_t)model->site_count + 1, sizeof(uint32_t));
	numbers->threads =
		xcalloc((size_t)model->thread_site_count + 1, sizeof(uint32_t));
	for (i = 1; i <= model->site_count; i++)
		numbers->heap[i] = find_stack(atlas,
					      nodes[model->sites[i].node.id],
					      model->sites[i].flags);
	for (i = 1; i <= model->thread_site_count; i++)
		numbers->threads[i] =
			find_stack(atlas, nodes[model->thread_sites[i].node.id],
				   model->thread_sites[i].flags);
	free(modules);
	free(pcs);
}

void
atlas_numbers_release(struct atlas_numbers *numbers)
{
	free(numbers->heap);
	free(numbers->threads);
	*numbers = (struct atlas_numbers){ 0 };
}

/* --- order ------------------------------------------------------------------ */

static int
sort_modules(const void *a, const void *b, void *modules)
{
	const struct module *all = modules;
	const struct module *left = &all[*(const uint32_t *)a];
	const struct module *right = &all[*(const uint32_t *)b];
	int order = strcmp(left->path, right->path);

	if (order)
		return order;
	if (left->build_id_bytes != right->build_id_bytes)
		return left->build_id_bytes < right->build_id_bytes ? -1 : 1;
	return left->build_id_bytes ? memcmp(left->build_id, right->build_id,
					     left->build_id_bytes)
				    : 0;
}

static void
rank_modules(struct atlas *atlas)
{
	uint32_t count = atlas->model->module_count;
	uint32_t *order = xcalloc((size_t)count + 1, sizeof(*order));
	uint32_t i;

	free(atlas->ranks);
	atlas->ranks = xcalloc((size_t)count + 1, sizeof(*atlas->ranks));
	for (i = 0; i < count; i++)
		order[i] = i + 1;
	qsort_r(order, count, sizeof(*order), sort_modules,
		atlas->model->modules);
	for (i = 0; i < count; i++)
		atlas->ranks[order[i]] = i + 1;
	atlas->rank_count = count;
	free(order);
}

int
atlas_compare(struct atlas *atlas, uint32_t a, uint32_t b)
{
	const struct model *all = atlas->model;
	const struct atlas_stack *left = &atlas->stacks[a - 1];
	const struct atlas_stack *right = &atlas->stacks[b - 1];
	struct node_id m = left->node, n = right->node;

	if (!atlas->ranks || atlas->rank_count != all->module_count)
		rank_modules(atlas);
	if (left->overflow != right->overflow)
		return left->overflow ? 1 : -1;
	while (m.id != n.id) {
		const struct pc *p = model_pc(all, model_node(all, m)->pc);
		const struct pc *q = model_pc(all, model_node(all, n)->pc);
		uint32_t f = atlas->ranks[p->module.id];
		uint32_t g = atlas->ranks[q->module.id];
		uint64_t x = atlas->places[p - all->pcs];
		uint64_t y = atlas->places[q - all->pcs];

		if (!m.id || !n.id)
			return m.id ? 1 : -1;
		if (f != g)
			return f < g ? -1 : 1;
		if (x != y)
			return x < y ? -1 : 1;
		m = model_node(all, m)->parent;
		n = model_node(all, n)->parent;
	}
	return 0;
}

/* --- the rest --------------------------------------------------------------- */

struct atlas *
atlas_new(void)
{
	struct atlas *atlas = xcalloc(1, sizeof(*atlas));

	atlas->model = model_new("");
	atlas->module_capacity = 1;
	atlas->pc_capacity = 1;
	atlas->node_capacity = 1;
	atlas->modules = xgrow(NULL, &atlas->module_facts_capacity, 1,
			       sizeof(*atlas->modules));
	atlas->modules[0].stem = 0;
	atlas->places =
		xgrow(NULL, &atlas->place_capacity, 1, sizeof(uint64_t));
	atlas->places[0] = 0;
	return atlas;
}

void
atlas_free(struct atlas *atlas)
{
	size_t i;

	if (!atlas)
		return;
	for (i = 0; i < atlas->stems.count; i++)
		free(atlas->stem_list[i]);
	free(atlas->stem_list);
	hashtab_release(&atlas->stems);
	index_release(&atlas->module_index);
	index_release(&atlas->pc_index);
	index_release(&atlas->node_index);
	free(atlas->modules);
	free(atlas->places);
	free(atlas->stacks);
	free(atlas->numbers[0]);
	free(atlas->numbers[1]);
	free(atlas->ranks);
	free(atlas->hints);
	model_free(atlas->model);
	free(atlas);
}

const struct model *
atlas_model(const struct atlas *atlas)
{
	return atlas->model;
}

uint32_t
atlas_count(const struct atlas *atlas)
{
	return (uint32_t)atlas->stack_count;
}

struct atlas_stack
atlas_stack(const struct atlas *atlas, uint32_t number)
{
	return atlas->stacks[number - 1];
}

uint64_t
atlas_place(const struct atlas *atlas, struct pc_id pc)
{
	return atlas->places[pc.id];
}

uint32_t
atlas_stem(const struct atlas *atlas, struct module_id module)
{
	return atlas->modules[module.id].stem;
}

const char *
atlas_stem_name(const struct atlas *atlas, uint32_t stem)
{
	return stem ? atlas->stem_list[stem - 1]->name : "";
}

uint32_t
atlas_stem_count(const struct atlas *atlas)
{
	return (uint32_t)atlas->stems.count;
}

bool
atlas_is_rebuilt(const struct atlas *atlas, uint32_t stem)
{
	const struct stem *facts;

	if (!stem)
		return false;
	facts = atlas->stem_list[stem - 1];
	return facts->builds > 1 && !facts->coexist;
}
