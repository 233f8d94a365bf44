#include "reader_build.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "strbuf.h"
#include "xalloc.h"

/* As in snapshots (model.h): partial sums and differences of two fit. */
#define BUILD_SUM_MAX ((uint64_t)INT64_MAX / 2)

void
build_begin(struct build *build, struct model *model, struct err *err)
{
	*build = (struct build){ .model = model, .err = err };
	/* Without it only the worst case is worse. */
	if (getrandom(&build->seed, sizeof(build->seed), GRND_NONBLOCK) < 0)
		build->seed = HASH_START;
}

void
build_release(struct build *build)
{
	hashtab_release(&build->nodes);
	free(build->site_of_node);
}

int
build_corrupt(struct build *build, const char *format, ...)
{
	struct strbuf what = { 0 };
	va_list args;

	va_start(args, format);
	strbuf_vaddf(&what, format, args);
	va_end(args);
	err_at(build->err, ERR_CORRUPT, build->model->file, build->offset,
	       "corrupt: %s", strbuf_text(&what));
	strbuf_release(&what);
	return -1;
}

int
build_foreign(const char *file, bool plain, struct err *err)
{
	return err_set(err, plain ? ERR_NOT_GZIP : ERR_FOREIGN,
		       "'%s': neither a snapshot nor a heap profile", file);
}

static int
too_large(struct build *build, uint32_t max, const char *what)
{
	return err_at(build->err, ERR_TOO_LARGE, build->model->file,
		      build->offset, "more than %u %s", max, what);
}

static bool
is_piece_of(const struct module *last, const struct module *module)
{
	const struct segment *before, *segment = &module->segments[0];

	if (module->segment_count == 0 || last->segment_count == 0 ||
	    last->segment_count == LKS_SEGMENTS_MAX ||
	    strcmp(last->path, module->path) != 0 ||
	    last->build_id_bytes != module->build_id_bytes ||
	    (module->build_id && memcmp(last->build_id, module->build_id,
					module->build_id_bytes) != 0))
		return false;
	before = &last->segments[last->segment_count - 1];
	return segment->start >= before->end &&
	       segment->start - segment->vaddr == before->start - before->vaddr;
}

int
build_module(struct build *build, const struct module *module,
	     struct module_id *id)
{
	struct model *model = build->model;
	struct module *last = &model->modules[model->module_count];

	if (is_piece_of(last, module)) {
		last->segments[last->segment_count++] = module->segments[0];
		id->id = model->module_count;
		return 0;
	}
	if (model->module_count == LKS_MODULES_MAX)
		return too_large(build, LKS_MODULES_MAX, "mappings");
	model->modules = xgrow(model->modules, &build->module_capacity,
			       (size_t)model->module_count + 2,
			       sizeof(*model->modules));
	id->id = ++model->module_count;
	model->modules[id->id] = *module;
	return 0;
}

int
build_pc(struct build *build, uint64_t address, struct module_id module,
	 const struct symbols *symbols, struct pc_id *id)
{
	struct model *model = build->model;

	if (model->pc_count == PROFILE_ROWS_MAX)
		return too_large(build, PROFILE_ROWS_MAX, "addresses");
	model->pcs = xgrow(model->pcs, &build->pc_capacity,
			   (size_t)model->pc_count + 2, sizeof(*model->pcs));
	id->id = ++model->pc_count;
	model->pcs[id->id] = (struct pc){
		.address = address,
		.module = module,
		.symbols = symbols,
	};
	return 0;
}

/* --- stacks ------------------------------------------------------------------ */

struct node_key {
	const struct model *model;
	struct node_id parent;
	struct pc_id pc;
};

/* Entries are numbers of nodes, which are never 0. */
static bool
node_equal(const void *entry, const void *key)
{
	const struct node_key *wanted = key;
	const struct node *node =
		&wanted->model->nodes[(uint32_t)(uintptr_t)entry];

	return node->parent.id == wanted->parent.id &&
	       node->pc.id == wanted->pc.id;
}

static int
add_node(struct build *build, struct node_id parent, struct pc_id pc,
	 struct node_id *out)
{
	struct model *model = build->model;
	const struct node_key key = { model, parent, pc };
	uint64_t hash = hash_u64(hash_u64(build->seed, parent.id), pc.id);
	struct node *node;
	void **place;

	if (model->node_count == LKS_NODES_MAX)
		return too_large(build, LKS_NODES_MAX, "frames");
	place = hashtab_place(&build->nodes, hash, &key, node_equal);
	if (*place) {
		out->id = (uint32_t)(uintptr_t)*place;
		return 0;
	}
	model->nodes = xgrow(model->nodes, &build->node_capacity,
			     (size_t)model->node_count + 2,
			     sizeof(*model->nodes));
	out->id = ++model->node_count;
	node = &model->nodes[out->id];
	node->parent = parent;
	node->pc = pc;
	node->depth = model->nodes[parent.id].depth + 1;
	*place = (void *)(uintptr_t)out->id;
	return 0;
}

int
build_stack(struct build *build, const struct pc_id *pcs, size_t count,
	    struct node_id *node, uint32_t *flags)
{
	size_t i = count;

	if (i > LKS_DEPTH_MAX) {
		i = LKS_DEPTH_MAX;
		*flags |= SITE_TRUNCATED;
	}
	node->id = 0;
	while (i-- > 0) {
		if (add_node(build, *node, pcs[i], node) < 0)
			return -1;
	}
	return 0;
}

/* --- sites ------------------------------------------------------------------- */

static bool
add_up(uint64_t *sum, uint64_t value)
{
	if (value > BUILD_SUM_MAX - *sum)
		return false;
	*sum += value;
	return true;
}

/* The site of a node, made if there is none. Sites of no known stack differ
 * by their flags. NULL at the bound. */
static struct site *
find_site(struct build *build, struct node_id node, uint32_t flags)
{
	struct model *model = build->model;
	/* A node needs its own and node 0 has one more, for overflow. */
	size_t slot = node.id ? (size_t)node.id + 1
			      : (flags & SITE_OVERFLOW ? 1 : 0);
	size_t before = build->site_of_node_capacity;

	build->site_of_node = xgrow(build->site_of_node,
				    &build->site_of_node_capacity, slot + 1,
				    sizeof(*build->site_of_node));
	memset(build->site_of_node + before, 0,
	       (build->site_of_node_capacity - before) *
		       sizeof(*build->site_of_node));
	if (!build->site_of_node[slot]) {
		if (model->site_count == LKS_STACKS_MAX) {
			too_large(build, LKS_STACKS_MAX, "stacks");
			return NULL;
		}
		model->sites = xgrow(model->sites, &build->site_capacity,
				     (size_t)model->site_count + 2,
				     sizeof(*model->sites));
		build->site_of_node[slot] = ++model->site_count;
		model->sites[model->site_count] = (struct site){ .node = node };
	}
	return &model->sites[build->site_of_node[slot]];
}

int
build_add(struct build *build, struct node_id node, uint32_t flags,
	  const struct build_values *values)
{
	struct counts counts = {
		.live_objects = (uint64_t)values->live_objects,
		.live_bytes = (uint64_t)values->live_bytes,
	};
	struct site *site = find_site(build, node, flags);

	if (!site)
		return -1;
	if (build->has_alloc) {
		counts.alloc_objects = (uint64_t)values->alloc_objects;
		counts.alloc_bytes = (uint64_t)values->alloc_bytes;
		if (counts.alloc_objects < counts.live_objects ||
		    counts.alloc_bytes < counts.live_bytes)
			build->model->raised_rows++;
		if (counts.alloc_objects < counts.live_objects)
			counts.alloc_objects = counts.live_objects;
		if (counts.alloc_bytes < counts.live_bytes)
			counts.alloc_bytes = counts.live_bytes;
		counts.free_objects =
			counts.alloc_objects - counts.live_objects;
		counts.free_bytes = counts.alloc_bytes - counts.live_bytes;
	}
	if (!add_up(&build->sums[0], counts.alloc_objects) ||
	    !add_up(&build->sums[1], counts.alloc_bytes) ||
	    !add_up(&build->sums[2], counts.free_objects) ||
	    !add_up(&build->sums[3], counts.free_bytes) ||
	    !add_up(&build->sums[4], counts.live_objects) ||
	    !add_up(&build->sums[5], counts.live_bytes))
		return build_corrupt(build, "it holds beyond all memory");
	site->flags |= flags;
	site->counts.alloc_objects += counts.alloc_objects;
	site->counts.alloc_bytes += counts.alloc_bytes;
	site->counts.free_objects += counts.free_objects;
	site->counts.free_bytes += counts.free_bytes;
	site->counts.live_objects += counts.live_objects;
	site->counts.live_bytes += counts.live_bytes;
	if (flags & SITE_TRUNCATED)
		build->model->losses.truncated_stacks +=
			build->has_alloc ? counts.alloc_objects
					 : counts.live_objects;
	return 0;
}

/* Rows are not merged: nobody asks for one row a stack. */
int
build_add_threads(struct build *build, struct node_id node, uint32_t flags,
		  int64_t count)
{
	struct model *model = build->model;

	if (model->thread_site_count == LKS_STACKS_MAX)
		return too_large(build, LKS_STACKS_MAX, "stacks");
	if (!add_up(&build->thread_sum, (uint64_t)count))
		return build_corrupt(build, "it has threads beyond all memory");
	model->thread_sites = xgrow(model->thread_sites,
				    &build->thread_capacity,
				    (size_t)model->thread_site_count + 2,
				    sizeof(*model->thread_sites));
	model->thread_sites[++model->thread_site_count] = (struct thread_site){
		.node = node,
		.flags = flags,
		.created = (uint64_t)count,
		.running = (uint64_t)count,
	};
	return 0;
}
