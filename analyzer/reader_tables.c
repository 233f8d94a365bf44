#include <stdlib.h>

#include "reader_parts.h"
#include "snapshot.pb-c.h"
#include "xalloc.h"

/* Age cohorts of all sites. The shim's own table of them is far smaller; this
 * only keeps a hostile file from filling memory. */
#define READER_COHORTS_MAX (1u << 24)

/* Partial sums and differences of two must fit an int64_t, as must running
 * plus exited threads (model.h). */
#define READER_SUM_MAX ((uint64_t)INT64_MAX / 2)

/* One value of a column; an absent column is all zeros. */
#define CELL(message, column, row)                                             \
	((message)->n_##column ? (message)->column[row] : 0)

int
reader_count_rows(struct reader *reader, const size_t *lengths, size_t columns,
		  size_t *rows)
{
	size_t i;

	*rows = 0;
	for (i = 0; i < columns; i++) {
		if (lengths[i] == 0)
			continue;
		if (*rows != 0 && lengths[i] != *rows)
			return reader_corrupt(reader,
					      "columns of %zu and %zu rows",
					      *rows, lengths[i]);
		*rows = lengths[i];
	}
	return 0;
}

/*
 * Room for `rows` more rows after `count`, element `count` + rows included,
 * and a note where they came from. Returns the array; NULL: more than `max`
 * rows, the error is set.
 */
static void *
add_rows(struct reader *reader, struct reader_table *table, void *array,
	 size_t size, uint32_t count, size_t rows, uint32_t max)
{
	struct reader_span *span;

	if (rows > max - count) {
		reader_corrupt(reader, "a table of more than %u rows", max);
		return NULL;
	}
	table->spans = xgrow(table->spans, &table->span_capacity,
			     table->span_count + 1, sizeof(*table->spans));
	span = &table->spans[table->span_count++];
	span->first = count + 1;
	span->offset = reader->offset;
	return xgrow(array, &table->capacity, (size_t)count + rows + 1, size);
}

static bool
add_up(uint64_t *sum, uint64_t value)
{
	if (value > READER_SUM_MAX - *sum)
		return false;
	*sum += value;
	return true;
}

/* Moves a running node number; false: it leaves the numbers there can be. */
static bool
move_node(int64_t *node, int64_t delta, struct node_id *out)
{
	if (__builtin_add_overflow(*node, delta, node) || *node < 0 ||
	    *node > (int64_t)LKS_NODES_MAX)
		return false;
	out->id = (uint32_t)*node;
	return true;
}

int
reader_take_pcs(struct reader *reader, const ProtobufCMessage *base)
{
	const Leakshim__V1__PcColumns *message =
		(const Leakshim__V1__PcColumns *)base;
	struct model *model = reader->model;
	const size_t lengths[] = { message->n_module,
				   message->n_address_delta };
	struct pc *pcs;
	size_t rows;
	size_t i;

	if (reader_count_rows(reader, lengths, 2, &rows) < 0)
		return -1;
	pcs = add_rows(reader, &reader->pcs, model->pcs, sizeof(*pcs),
		       model->pc_count, rows, LKS_NODES_MAX);
	if (!pcs)
		return -1;
	model->pcs = pcs;
	pcs += model->pc_count + 1;
	for (i = 0; i < rows; i++) {
		reader->pc_address += (uint64_t)CELL(message, address_delta, i);
		pcs[i].address = reader->pc_address;
		pcs[i].module.id = CELL(message, module, i);
		pcs[i].symbols = NULL;
	}
	model->pc_count += (uint32_t)rows;
	return 0;
}

int
reader_take_stacks(struct reader *reader, const ProtobufCMessage *base)
{
	const Leakshim__V1__StackColumns *message =
		(const Leakshim__V1__StackColumns *)base;
	struct model *model = reader->model;
	const size_t lengths[] = { message->n_parent_delta, message->n_pc };
	struct node *nodes;
	size_t rows;
	size_t i;

	if (reader_count_rows(reader, lengths, 2, &rows) < 0)
		return -1;
	nodes = add_rows(reader, &reader->nodes, model->nodes, sizeof(*nodes),
			 model->node_count, rows, LKS_NODES_MAX);
	if (!nodes)
		return -1;
	model->nodes = nodes;
	for (i = 0; i < rows; i++) {
		uint32_t number = model->node_count + 1;
		uint32_t delta = CELL(message, parent_delta, i);
		struct node *node = &nodes[number];

		if (delta == 0 || delta > number)
			return reader_corrupt(
				reader, "stack %u has no such parent", number);
		node->parent.id = number - delta;
		node->pc.id = CELL(message, pc, i);
		node->depth = nodes[node->parent.id].depth + 1;
		if (node->depth > LKS_DEPTH_MAX)
			return reader_corrupt(
				reader, "stack %u has more than %d frames",
				number, LKS_DEPTH_MAX);
		model->node_count = number;
	}
	return 0;
}

static bool
sum_site(struct reader *reader, const struct site *site)
{
	const struct counts *counts = &site->counts;
	struct counts *sums = &reader->sums;

	return add_up(&sums->alloc_objects, counts->alloc_objects) &&
	       add_up(&sums->alloc_bytes, counts->alloc_bytes) &&
	       add_up(&sums->free_objects, counts->free_objects) &&
	       add_up(&sums->free_bytes, counts->free_bytes) &&
	       add_up(&sums->live_objects, counts->live_objects) &&
	       add_up(&sums->live_bytes, counts->live_bytes) &&
	       add_up(&reader->inherited_objects, site->inherited_objects) &&
	       add_up(&reader->inherited_bytes, site->inherited_bytes);
}

int
reader_take_sites(struct reader *reader, const ProtobufCMessage *base)
{
	const Leakshim__V1__SiteColumns *message =
		(const Leakshim__V1__SiteColumns *)base;
	struct model *model = reader->model;
	const size_t lengths[] = {
		message->n_node_delta,        message->n_flags,
		message->n_alloc_objects,     message->n_alloc_bytes,
		message->n_free_objects,      message->n_free_bytes,
		message->n_live_objects,      message->n_live_bytes,
		message->n_inherited_objects, message->n_inherited_bytes,
	};
	struct site *sites;
	size_t rows;
	size_t i;

	if (reader_count_rows(reader, lengths,
			      sizeof(lengths) / sizeof(lengths[0]), &rows) < 0)
		return -1;
	sites = add_rows(reader, &reader->sites, model->sites, sizeof(*sites),
			 model->site_count, rows, LKS_STACKS_MAX);
	if (!sites)
		return -1;
	model->sites = sites;
	for (i = 0; i < rows; i++) {
		struct site *site = &sites[model->site_count + 1];
		struct counts *counts = &site->counts;

		if (!move_node(&reader->site_node, CELL(message, node_delta, i),
			       &site->node))
			return reader_corrupt(reader,
					      "site %u has no such stack",
					      model->site_count + 1);
		site->flags = CELL(message, flags, i);
		counts->alloc_objects = CELL(message, alloc_objects, i);
		counts->alloc_bytes = CELL(message, alloc_bytes, i);
		counts->free_objects = CELL(message, free_objects, i);
		counts->free_bytes = CELL(message, free_bytes, i);
		counts->live_objects = CELL(message, live_objects, i);
		counts->live_bytes = CELL(message, live_bytes, i);
		site->inherited_objects = CELL(message, inherited_objects, i);
		site->inherited_bytes = CELL(message, inherited_bytes, i);
		if (!sum_site(reader, site))
			return reader_corrupt(reader,
					      "site %u holds beyond all memory",
					      model->site_count + 1);
		model->site_count++;
	}
	return 0;
}

int
reader_take_cohorts(struct reader *reader, const ProtobufCMessage *base)
{
	const Leakshim__V1__CohortColumns *message =
		(const Leakshim__V1__CohortColumns *)base;
	struct model *model = reader->model;
	const size_t lengths[] = { message->n_site_delta, message->n_bin,
				   message->n_objects, message->n_bytes };
	struct cohort *cohorts;
	size_t rows;
	size_t i;

	if (reader_count_rows(reader, lengths, 4, &rows) < 0)
		return -1;
	cohorts = add_rows(reader, &reader->cohorts, model->cohorts,
			   sizeof(*cohorts), model->cohort_count, rows,
			   READER_COHORTS_MAX);
	if (!cohorts)
		return -1;
	model->cohorts = cohorts;
	for (i = 0; i < rows; i++) {
		struct cohort *cohort = &cohorts[model->cohort_count];

		reader->cohort_site += CELL(message, site_delta, i);
		if (reader->cohort_site == 0 ||
		    reader->cohort_site > LKS_STACKS_MAX)
			return reader_corrupt(reader,
					      "a cohort has no such site");
		cohort->site.id = (uint32_t)reader->cohort_site;
		cohort->bin = CELL(message, bin, i);
		if (cohort->bin >= model->header.cohort_bin_count)
			return reader_corrupt(reader, "there is no cohort %u",
					      cohort->bin);
		cohort->objects = CELL(message, objects, i);
		cohort->bytes = CELL(message, bytes, i);
		if (!add_up(&reader->cohort_objects, cohort->objects) ||
		    !add_up(&reader->cohort_bytes, cohort->bytes))
			return reader_corrupt(
				reader, "a cohort holds beyond all memory");
		model->cohort_count++;
	}
	return 0;
}

static bool
sum_thread_site(struct thread_site *sums, const struct thread_site *site)
{
	return add_up(&sums->created, site->created) &&
	       add_up(&sums->released, site->released) &&
	       add_up(&sums->running, site->running) &&
	       add_up(&sums->running_detached, site->running_detached) &&
	       add_up(&sums->exited_unjoined, site->exited_unjoined) &&
	       add_up(&sums->created_stack_bytes, site->created_stack_bytes) &&
	       add_up(&sums->released_stack_bytes,
		      site->released_stack_bytes) &&
	       add_up(&sums->held_stack_bytes, site->held_stack_bytes);
}

int
reader_take_thread_sites(struct reader *reader, const ProtobufCMessage *base)
{
	const Leakshim__V1__ThreadSiteColumns *message =
		(const Leakshim__V1__ThreadSiteColumns *)base;
	struct model *model = reader->model;
	const size_t lengths[] = {
		message->n_node_delta,
		message->n_flags,
		message->n_created,
		message->n_released,
		message->n_running,
		message->n_running_detached,
		message->n_exited_unjoined,
		message->n_created_stack_bytes,
		message->n_released_stack_bytes,
		message->n_held_stack_bytes,
		message->n_start_pc,
	};
	struct thread_site *sites;
	size_t rows;
	size_t i;

	if (reader_count_rows(reader, lengths,
			      sizeof(lengths) / sizeof(lengths[0]), &rows) < 0)
		return -1;
	sites = add_rows(reader, &reader->thread_sites, model->thread_sites,
			 sizeof(*sites), model->thread_site_count, rows,
			 LKS_STACKS_MAX);
	if (!sites)
		return -1;
	model->thread_sites = sites;
	for (i = 0; i < rows; i++) {
		struct thread_site *site = &sites[model->thread_site_count + 1];

		if (!move_node(&reader->thread_node,
			       CELL(message, node_delta, i), &site->node))
			return reader_corrupt(
				reader, "thread site %u has no such stack",
				model->thread_site_count + 1);
		site->flags = CELL(message, flags, i);
		site->created = CELL(message, created, i);
		site->released = CELL(message, released, i);
		site->running = CELL(message, running, i);
		site->running_detached = CELL(message, running_detached, i);
		site->exited_unjoined = CELL(message, exited_unjoined, i);
		site->created_stack_bytes =
			CELL(message, created_stack_bytes, i);
		site->released_stack_bytes =
			CELL(message, released_stack_bytes, i);
		site->held_stack_bytes = CELL(message, held_stack_bytes, i);
		site->start_pc.id = CELL(message, start_pc, i);
		if (!sum_thread_site(&reader->thread_sums, site))
			return reader_corrupt(
				reader, "thread site %u is beyond all memory",
				model->thread_site_count + 1);
		model->thread_site_count++;
	}
	return 0;
}

void
reader_release_tables(struct reader *reader)
{
	free(reader->pcs.spans);
	free(reader->nodes.spans);
	free(reader->sites.spans);
	free(reader->cohorts.spans);
	free(reader->thread_sites.spans);
}
