#include "dump.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "atlas.h"
#include "clock.h"
#include "hashtab.h"
#include "index.h"
#include "reader.h"
#include "site_id.h"
#include "vtables.h"
#include "xalloc.h"

struct dump {
	struct model *model;
	struct block_totals totals;
	uint64_t now_s; /* of the dump, since tracking began */
	struct atlas *atlas;
	struct atlas_numbers numbers;
	struct resolver *resolver;
	const struct symbolizer_options *symbols;
	struct index by_node;    /* site numbers */
	struct vtables *vtables; /* NULL: no contents were met yet */
	struct stack stack;
	struct dump_sums sums;
	size_t type_capacity;
	struct index by_type; /* numbers in sums.types, from 1 */
	size_t oldest_max;
};

/* A site is a node and whether outer frames are missing. */
static uint64_t
hash_site(uint32_t node, uint32_t flags)
{
	return hash_u64(HASH_START, (uint64_t)node << 2 | (flags & 3));
}

static void
index_sites(struct dump *dump)
{
	const struct model *model = dump->model;
	uint32_t i;

	for (i = 1; i <= model->site_count; i++)
		index_add(&dump->by_node,
			  hash_site(model->sites[i].node.id,
				    model->sites[i].flags),
			  i);
}

static uint32_t
find_site(const struct dump *dump, const struct block *block)
{
	const struct site *sites = dump->model->sites;
	size_t at = SIZE_MAX;
	uint32_t found;

	while ((found = index_next(&dump->by_node,
				   hash_site(block->node.id, block->flags),
				   &at))) {
		if (sites[found].node.id == block->node.id &&
		    ((sites[found].flags ^ block->flags) & 3) == 0)
			return found;
	}
	return 0;
}

struct dump *
dump_open(const char *file, struct symbolizer *symbolizer,
	  const struct blame *blame, struct err *err)
{
	const struct header *header;
	struct model *model;
	struct dump *dump;
	struct stat st;

	/* A pipe would be empty the second time, or never open again. */
	if (!stat(file, &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
		err_set(err, ERR_OPEN,
			"cannot read '%s': it is not a regular file, and a "
			"dump is read twice",
			file);
		return NULL;
	}
	model = reader_load(file, err);
	if (!model)
		return NULL;
	dump = xcalloc(1, sizeof(*dump));
	dump->model = model;
	header = &model->header;
	if (header->monotonic_ns > header->start_monotonic_ns)
		dump->now_s =
			(header->monotonic_ns - header->start_monotonic_ns) /
			CLOCK_NS_PER_S;
	dump->symbols = symbolizer_options(symbolizer);
	dump->atlas = atlas_new();
	atlas_add(dump->atlas, model, &dump->numbers);
	dump->resolver = resolver_new(dump->atlas, symbolizer, blame);
	resolver_meet(dump->resolver, header);
	index_sites(dump);
	return dump;
}

static void
release_sums(struct dump *dump)
{
	free(dump->sums.sites);
	free(dump->sums.types);
	free(dump->sums.oldest);
	memset(&dump->sums, 0, sizeof(dump->sums));
	dump->type_capacity = 0;
	index_release(&dump->by_type);
	memset(&dump->by_type, 0, sizeof(dump->by_type));
}

void
dump_close(struct dump *dump)
{
	if (!dump)
		return;
	release_sums(dump);
	stack_release(&dump->stack);
	vtables_free(dump->vtables);
	index_release(&dump->by_node);
	resolver_free(dump->resolver);
	atlas_numbers_release(&dump->numbers);
	atlas_free(dump->atlas);
	model_free(dump->model);
	free(dump);
}

const struct model *
dump_model(const struct dump *dump)
{
	return dump->model;
}

const struct block_totals *
dump_totals(const struct dump *dump)
{
	return &dump->totals;
}

const struct dump_sums *
dump_sums(const struct dump *dump)
{
	return &dump->sums;
}

/* --- blocks ----------------------------------------------------------------- */

struct walk {
	struct dump *dump;
	dump_visit *visit;
	void *visitor;
};

/* Words in a file are those of the machine it was written on: the shim runs on
 * little-endian ones alone. */
static const char *
find_type(struct dump *dump, const struct block *block)
{
	uint64_t word = 0;
	unsigned int i;

	if (block->contents_bytes < sizeof(word))
		return NULL;
	for (i = 0; i < sizeof(word); i++)
		word |= (uint64_t)block->contents[i] << (8 * i);
	if (!dump->vtables)
		dump->vtables = vtables_new(dump->model, dump->symbols);
	return vtables_find(dump->vtables, word);
}

static int
visit_block(void *data, const struct block *block, struct err *err)
{
	struct walk *walk = data;
	struct dump *dump = walk->dump;
	const struct dump_block known = {
		.address = block->address,
		.size = block->size,
		/* Its second of birth may not be over. */
		.age_s = dump->now_s > block->born_s
				 ? dump->now_s - block->born_s
				 : 0,
		.site = find_site(dump, block),
		.type = find_type(dump, block),
	};

	return walk->visit(walk->visitor, block, &known, err);
}

int
dump_each(struct dump *dump, dump_visit *visit, void *visitor, struct err *err)
{
	struct walk walk = { dump, visit, visitor };

	return reader_each_block(dump->model, visit_block, &walk, &dump->totals,
				 err);
}

/* --- sums ------------------------------------------------------------------- */

static void
add_to_group(struct dump_group *group, const struct dump_block *block)
{
	group->blocks++;
	group->bytes += block->size;
	if (block->age_s > group->oldest_s)
		group->oldest_s = block->age_s;
}

/* The same type may be in several files, each with a vtable of it. */
static struct dump_group *
find_type_group(struct dump *dump, const char *type)
{
	struct dump_sums *sums = &dump->sums;
	uint64_t hash = hash_bytes(HASH_START, type, strlen(type));
	size_t at = SIZE_MAX;
	uint32_t found;

	while ((found = index_next(&dump->by_type, hash, &at))) {
		if (strcmp(sums->types[found - 1].type, type) == 0)
			return &sums->types[found - 1];
	}
	sums->types = xgrow(sums->types, &dump->type_capacity,
			    sums->type_count + 1, sizeof(*sums->types));
	sums->types[sums->type_count] = (struct dump_group){ .type = type };
	index_add(&dump->by_type, hash, (uint32_t)++sums->type_count);
	return &sums->types[sums->type_count - 1];
}

/* < 0: a comes first among the oldest. */
static int
compare_ages(const void *left, const void *right)
{
	const struct dump_block *a = left, *b = right;

	if (a->age_s != b->age_s)
		return a->age_s > b->age_s ? -1 : 1;
	if (a->size != b->size)
		return a->size > b->size ? -1 : 1;
	return (a->address > b->address) - (a->address < b->address);
}

/* A heap with the youngest of them on top, which is the next to go. */
static void
sift_down(struct dump_block *heap, size_t count)
{
	size_t at = 0, child;
	struct dump_block block = heap[0];

	for (; (child = 2 * at + 1) < count; at = child) {
		if (child + 1 < count &&
		    compare_ages(&heap[child], &heap[child + 1]) < 0)
			child++;
		if (compare_ages(&block, &heap[child]) >= 0)
			break;
		heap[at] = heap[child];
	}
	heap[at] = block;
}

static void
sift_up(struct dump_block *heap, size_t at)
{
	struct dump_block block = heap[at];

	for (; at > 0 && compare_ages(&heap[(at - 1) / 2], &block) < 0;
	     at = (at - 1) / 2)
		heap[at] = heap[(at - 1) / 2];
	heap[at] = block;
}

static void
add_to_oldest(struct dump *dump, const struct dump_block *block)
{
	struct dump_sums *sums = &dump->sums;

	if (sums->oldest_count < dump->oldest_max) {
		sums->oldest[sums->oldest_count] = *block;
		sift_up(sums->oldest, sums->oldest_count++);
	} else if (sums->oldest_count > 0 &&
		   compare_ages(block, &sums->oldest[0]) < 0) {
		sums->oldest[0] = *block;
		sift_down(sums->oldest, sums->oldest_count);
	}
}

static int
sum_block(void *visitor, const struct block *block,
	  const struct dump_block *known, struct err *err)
{
	struct dump *dump = visitor;

	(void)err;
	add_to_group(&dump->sums.sites[known->site], known);
	if (known->type)
		add_to_group(find_type_group(dump, known->type), known);
	else if (block->contents_bytes > 0)
		add_to_group(&dump->sums.untyped, known);
	add_to_oldest(dump, known);
	return 0;
}

static int
compare_groups(const void *left, const void *right)
{
	const struct dump_group *a = left, *b = right;

	if (a->bytes != b->bytes)
		return a->bytes > b->bytes ? -1 : 1;
	if (a->blocks != b->blocks)
		return a->blocks > b->blocks ? -1 : 1;
	if (a->type && b->type)
		return strcmp(a->type, b->type);
	return (a->site > b->site) - (a->site < b->site);
}

static size_t
drop_empty(struct dump_group *groups, size_t count)
{
	size_t kept = 0, i;

	for (i = 0; i < count; i++) {
		if (groups[i].blocks)
			groups[kept++] = groups[i];
	}
	return kept;
}

int
dump_sum(struct dump *dump, size_t oldest, struct err *err)
{
	struct dump_sums *sums = &dump->sums;
	size_t sites = (size_t)dump->model->site_count + 1;
	size_t i;

	release_sums(dump);
	sums->sites = xcalloc(sites, sizeof(*sums->sites));
	for (i = 0; i < sites; i++)
		sums->sites[i].site = (uint32_t)i;
	sums->oldest = xcalloc(oldest, sizeof(*sums->oldest));
	dump->oldest_max = oldest;
	if (dump_each(dump, sum_block, dump, err) < 0)
		return -1;
	sums->site_count = drop_empty(sums->sites, sites);
	qsort(sums->sites, sums->site_count, sizeof(*sums->sites),
	      compare_groups);
	if (sums->type_count)
		qsort(sums->types, sums->type_count, sizeof(*sums->types),
		      compare_groups);
	qsort(sums->oldest, sums->oldest_count, sizeof(*sums->oldest),
	      compare_ages);
	return 0;
}

/* --- stacks ----------------------------------------------------------------- */

const struct stack *
dump_stack(struct dump *dump, uint32_t site)
{
	struct node_id node = { 0 };
	uint32_t flags = 0;

	if (site) {
		node = atlas_stack(dump->atlas, dump->numbers.heap[site]).node;
		flags = dump->model->sites[site].flags;
	}
	stack_resolve_node(&dump->stack, dump->resolver, ROW_HEAP, node, flags);
	return &dump->stack;
}

uint64_t
dump_site_id(const struct dump *dump)
{
	return site_id_of_stack(dump->atlas, &dump->stack);
}
