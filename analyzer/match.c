#include "match.h"

#include <stdlib.h>
#include <string.h>

#include "xalloc.h"

/* A frame as identity sees it. `module` is a rank: equal for equal modules,
 * and ordered as their paths are. 0 = none. */
struct frame_key {
	uint64_t place;
	uint32_t module;
};

struct side {
	const struct model *model;
	struct frame_key *frames; /* by pc number */
	uint64_t *hashes;         /* by node number: of the whole stack */
	uint32_t *ranks;          /* by module number */
};

struct entry {
	uint64_t hash;
	struct node_id node;
	unsigned int side;
	bool overflow;
};

struct match {
	struct side sides[2];
	struct entry *entries; /* number k is element k - 1 */
	size_t entry_count;
	size_t entry_capacity;
	uint32_t *slots; /* numbers, 0 = free; a power of two of them */
	size_t slot_count;
};

/* A module with where it came from, for ranking. */
struct ranked_module {
	const struct module *module;
	uint64_t bias;
	uint32_t *rank;
	bool by_place;
};

bool
match_same_process(const struct header *a, const struct header *b)
{
	return a->pid == b->pid && a->start_ticks == b->start_ticks &&
	       a->start_monotonic_ns == b->start_monotonic_ns &&
	       a->pid_namespace == b->pid_namespace &&
	       strcmp(a->boot_id, b->boot_id) == 0 &&
	       strcmp(a->host, b->host) == 0;
}

/* Finalizer of splitmix64: every input bit reaches every output bit. */
static uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/* Run-time address minus address in the file. A return address may be the
 * first byte after its segment, so the byte before it decides. */
static uint64_t
load_bias(const struct module *module, uint64_t address)
{
	uint32_t i;

	for (i = 0; i < module->segment_count; i++) {
		const struct segment *segment = &module->segments[i];

		if (address - 1 >= segment->start && address - 1 < segment->end)
			return segment->start - segment->vaddr;
	}
	return module->segment_count
		       ? module->segments[0].start - module->segments[0].vaddr
		       : 0;
}

static int
compare_build_ids(const struct module *a, const struct module *b)
{
	if (a->build_id_bytes != b->build_id_bytes)
		return a->build_id_bytes < b->build_id_bytes ? -1 : 1;
	return a->build_id_bytes
		       ? memcmp(a->build_id, b->build_id, a->build_id_bytes)
		       : 0;
}

/* 0: the same module. Between processes a build-id is all that counts. */
static int
compare_identities(const struct ranked_module *a, const struct ranked_module *b)
{
	int order = compare_build_ids(a->module, b->module);

	if (order == 0 && (a->by_place || !a->module->build_id))
		order = strcmp(a->module->path, b->module->path);
	if (order == 0 && a->by_place && a->bias != b->bias)
		order = a->bias < b->bias ? -1 : 1;
	return order;
}

static int
sort_by_identity(const void *a, const void *b)
{
	return compare_identities(a, b);
}

static int
sort_by_path(const void *a, const void *b)
{
	const struct ranked_module *left = a;
	const struct ranked_module *right = b;
	int order = strcmp(left->module->path, right->module->path);

	return order ? order : compare_identities(left, right);
}

static size_t
list_modules(struct side *side, bool by_place, struct ranked_module *list)
{
	const struct model *model = side->model;
	uint32_t i;

	side->ranks =
		xcalloc((size_t)model->module_count + 1, sizeof(*side->ranks));
	for (i = 1; i <= model->module_count; i++) {
		list[i - 1].module = &model->modules[i];
		list[i - 1].bias = load_bias(list[i - 1].module, 0);
		list[i - 1].rank = &side->ranks[i];
		list[i - 1].by_place = by_place;
	}
	return model->module_count;
}

/*
 * Gives equal modules of both sides one rank. One build-id may have several
 * paths, so modules are grouped by identity first; each group's first is then
 * ranked by path, for an order that people recognize.
 */
static void
rank_modules(struct match *match, bool by_place)
{
	size_t most = match->sides[0].model->module_count;
	struct ranked_module *all;
	struct ranked_module *firsts;
	size_t *group_of;
	uint32_t *ranks;
	size_t count;
	size_t groups = 0;
	size_t i;

	if (match->sides[1].model)
		most += match->sides[1].model->module_count;
	all = xcalloc(most, sizeof(*all));
	firsts = xcalloc(most, sizeof(*firsts));
	group_of = xcalloc(most, sizeof(*group_of));
	ranks = xcalloc(most, sizeof(*ranks));
	count = list_modules(&match->sides[0], by_place, all);
	if (match->sides[1].model)
		count += list_modules(&match->sides[1], by_place, all + count);
	if (count)
		qsort(all, count, sizeof(*all), sort_by_identity);
	for (i = 0; i < count; i++) {
		if (i == 0 || compare_identities(&all[i - 1], &all[i]) != 0) {
			firsts[groups] = all[i];
			firsts[groups].rank = &ranks[groups];
			groups++;
		} else if (strcmp(all[i].module->path,
				  firsts[groups - 1].module->path) < 0) {
			firsts[groups - 1].module = all[i].module;
		}
		group_of[i] = groups - 1;
	}
	if (groups)
		qsort(firsts, groups, sizeof(*firsts), sort_by_path);
	for (i = 0; i < groups; i++)
		*firsts[i].rank = (uint32_t)i + 1;
	for (i = 0; i < count; i++)
		*all[i].rank = ranks[group_of[i]];
	free(ranks);
	free(group_of);
	free(firsts);
	free(all);
}

/* A parent's hash is ready before its children's: numbers rise outside in. */
static void
hash_stacks(struct side *side, bool by_place)
{
	const struct model *model = side->model;
	uint32_t i;

	side->frames =
		xcalloc((size_t)model->pc_count + 1, sizeof(*side->frames));
	side->hashes =
		xcalloc((size_t)model->node_count + 1, sizeof(*side->hashes));
	for (i = 1; i <= model->pc_count; i++) {
		const struct pc *pc = &model->pcs[i];

		side->frames[i].module = side->ranks[pc->module.id];
		side->frames[i].place = pc->address;
		if (!by_place && pc->module.id)
			side->frames[i].place -= load_bias(
				model_module(model, pc->module), pc->address);
	}
	for (i = 1; i <= model->node_count; i++) {
		const struct node *node = &model->nodes[i];
		const struct frame_key *frame = &side->frames[node->pc.id];

		side->hashes[i] =
			mix(side->hashes[node->parent.id] * 3 + frame->place +
			    ((uint64_t)frame->module << 48) + 1);
	}
}

struct match *
match_new(const struct model *a, const struct model *b)
{
	struct match *match = xcalloc(1, sizeof(*match));
	bool by_place = !b || match_same_process(&a->header, &b->header);

	match->sides[0].model = a;
	match->sides[1].model = b;
	rank_modules(match, by_place);
	hash_stacks(&match->sides[0], by_place);
	if (b)
		hash_stacks(&match->sides[1], by_place);
	match->slot_count = 1024;
	match->slots = xcalloc(match->slot_count, sizeof(*match->slots));
	return match;
}

void
match_free(struct match *match)
{
	unsigned int i;

	if (!match)
		return;
	for (i = 0; i < 2; i++) {
		free(match->sides[i].frames);
		free(match->sides[i].hashes);
		free(match->sides[i].ranks);
	}
	free(match->entries);
	free(match->slots);
	free(match);
}

/* Orders the stacks of two nodes; 0 = the same. */
static int
compare_stacks(const struct match *match, const struct entry *a,
	       const struct entry *b)
{
	const struct side *left = &match->sides[a->side];
	const struct side *right = &match->sides[b->side];
	struct node_id m = a->node;
	struct node_id n = b->node;

	while (m.id && n.id) {
		const struct node *p = model_node(left->model, m);
		const struct node *q = model_node(right->model, n);
		const struct frame_key *f = &left->frames[p->pc.id];
		const struct frame_key *g = &right->frames[q->pc.id];

		if (left == right && m.id == n.id)
			return 0;
		if (f->module != g->module)
			return f->module < g->module ? -1 : 1;
		if (f->place != g->place)
			return f->place < g->place ? -1 : 1;
		m = p->parent;
		n = q->parent;
	}
	if (m.id || n.id)
		return m.id ? 1 : -1;
	return 0;
}

static int
compare_entries(const struct match *match, const struct entry *a,
		const struct entry *b)
{
	if (a->overflow != b->overflow)
		return a->overflow ? 1 : -1;
	return compare_stacks(match, a, b);
}

int
match_compare(const struct match *match, uint32_t a, uint32_t b)
{
	return compare_entries(match, &match->entries[a - 1],
			       &match->entries[b - 1]);
}

static void
grow_slots(struct match *match)
{
	size_t mask;
	size_t i;

	free(match->slots);
	match->slot_count *= 4;
	match->slots = xcalloc(match->slot_count, sizeof(*match->slots));
	mask = match->slot_count - 1;
	for (i = 0; i < match->entry_count; i++) {
		size_t slot = (size_t)match->entries[i].hash & mask;

		while (match->slots[slot])
			slot = (slot + 1) & mask;
		match->slots[slot] = (uint32_t)i + 1;
	}
}

uint32_t
match_stack(struct match *match, unsigned int side, struct node_id node,
	    uint32_t flags)
{
	struct entry wanted = {
		.hash = match->sides[side].hashes[node.id],
		.node = node,
		.side = side,
		.overflow = (flags & SITE_OVERFLOW) != 0,
	};
	size_t mask = match->slot_count - 1;
	size_t slot = (size_t)wanted.hash & mask;

	while (match->slots[slot]) {
		const struct entry *entry =
			&match->entries[match->slots[slot] - 1];

		if (entry->hash == wanted.hash &&
		    compare_entries(match, entry, &wanted) == 0)
			return match->slots[slot];
		slot = (slot + 1) & mask;
	}
	match->entries = xgrow(match->entries, &match->entry_capacity,
			       match->entry_count + 1, sizeof(*match->entries));
	match->entries[match->entry_count++] = wanted;
	match->slots[slot] = (uint32_t)match->entry_count;
	if (match->entry_count > match->slot_count / 2)
		grow_slots(match);
	return (uint32_t)match->entry_count;
}
