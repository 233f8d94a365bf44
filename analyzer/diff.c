#include "diff.h"

#include <stdlib.h>
#include <string.h>

#include "match.h"
#include "xalloc.h"

/* Rows of one kind while they are made. */
struct table {
	struct row *rows;
	size_t count;
	size_t capacity;
	size_t *by_stack; /* row + 1 by number of the stack, 0 = no row yet */
	size_t by_stack_count;
	size_t by_stack_capacity;
};

/* The row of a stack on one side, made if it is the first of it. */
static struct row *
find_row(struct table *table, struct match *match, unsigned int side,
	 const struct model *model, struct node_id node, uint32_t flags)
{
	uint32_t stack = match_stack(match, side, node, flags);
	struct row *row;

	table->by_stack = xgrow(table->by_stack, &table->by_stack_capacity,
				(size_t)stack + 1, sizeof(*table->by_stack));
	while (table->by_stack_count <= stack)
		table->by_stack[table->by_stack_count++] = 0;
	if (table->by_stack[stack] == 0) {
		table->rows = xgrow(table->rows, &table->capacity,
				    table->count + 1, sizeof(*table->rows));
		row = &table->rows[table->count++];
		memset(row, 0, sizeof(*row));
		row->stack = stack;
		table->by_stack[stack] = table->count;
	}
	row = &table->rows[table->by_stack[stack] - 1];
	/* The new snapshot comes second and so has the last word. */
	if (row->model != model) {
		row->model = model;
		row->node = node;
	}
	row->flags |= flags;
	return row;
}

static void
add(struct amount *amount, int64_t sign, uint64_t objects, uint64_t bytes)
{
	amount->objects += sign * (int64_t)objects;
	amount->bytes += sign * (int64_t)bytes;
}

/* The side of the new snapshot adds to the columns of what happened in
 * between, the side of the old one takes away. */
static void
add_heap(struct table *table, struct match *match, unsigned int side,
	 const struct model *model, bool is_old)
{
	int64_t sign = is_old ? -1 : 1;
	uint32_t i;

	for (i = 1; i <= model->site_count; i++) {
		const struct site *site = &model->sites[i];
		const struct counts *counts = &site->counts;
		struct row *row = find_row(table, match, side, model,
					   site->node, site->flags);

		row->kind = ROW_HEAP;
		*(is_old ? &row->in_old : &row->in_new) = true;
		add(is_old ? &row->live_old : &row->live_new, 1,
		    counts->live_objects, counts->live_bytes);
		add(&row->alloc, sign, counts->alloc_objects,
		    counts->alloc_bytes);
		add(&row->release, sign, counts->free_objects,
		    counts->free_bytes);
	}
}

static void
add_threads(struct table *table, struct match *match, unsigned int side,
	    const struct model *model, bool is_old)
{
	int64_t sign = is_old ? -1 : 1;
	uint32_t i;

	for (i = 1; i <= model->thread_site_count; i++) {
		const struct thread_site *site = &model->thread_sites[i];
		struct row *row = find_row(table, match, side, model,
					   site->node, site->flags);
		struct thread_amount *threads = is_old ? &row->threads_old
						       : &row->threads_new;

		row->kind = ROW_THREAD;
		*(is_old ? &row->in_old : &row->in_new) = true;
		add(is_old ? &row->live_old : &row->live_new, 1,
		    site->running + site->exited_unjoined,
		    site->held_stack_bytes);
		add(&row->alloc, sign, site->created,
		    site->created_stack_bytes);
		add(&row->release, sign, site->released,
		    site->released_stack_bytes);
		threads->running += (int64_t)site->running;
		threads->unjoined += (int64_t)site->exited_unjoined;
	}
}

static void
add_ledger(struct table *table, const struct model *old_model,
	   const struct model *new_model)
{
	unsigned int i;

	if (!new_model->ledger.present ||
	    (old_model && !old_model->ledger.present))
		return;
	table->rows = xcalloc(LEDGER_LINE_COUNT, sizeof(*table->rows));
	table->count = LEDGER_LINE_COUNT;
	for (i = 0; i < LEDGER_LINE_COUNT; i++) {
		struct row *row = &table->rows[i];

		row->kind = ROW_LEDGER;
		row->line = (enum ledger_line)i;
		row->model = new_model;
		if (old_model)
			row->live_old.bytes = old_model->ledger.bytes[i];
		row->live_new.bytes = new_model->ledger.bytes[i];
		row->delta.bytes = row->live_new.bytes - row->live_old.bytes;
	}
}

static bool
is_zero(struct amount amount)
{
	return amount.objects == 0 && amount.bytes == 0;
}

/* Sets the deltas; drops rows that say nothing in any column, and those of
 * which one half is not known. Returns how many the latter are. */
static size_t
finish_rows(const struct diff *diff, struct table *table)
{
	bool need_old = diff->old_model && diff->old_model->truncated;
	bool need_new = diff->old_model && diff->new_model->truncated;
	size_t not_compared = 0;
	size_t kept = 0;
	size_t i;

	for (i = 0; i < table->count; i++) {
		struct row *row = &table->rows[i];

		row->delta.objects =
			row->live_new.objects - row->live_old.objects;
		row->delta.bytes = row->live_new.bytes - row->live_old.bytes;
		if (is_zero(row->live_old) && is_zero(row->live_new) &&
		    is_zero(row->alloc) && is_zero(row->release))
			continue;
		if ((need_old && !row->in_old) || (need_new && !row->in_new)) {
			not_compared++;
			continue;
		}
		table->rows[kept++] = *row;
	}
	table->count = kept;
	return not_compared;
}

static int
compare_rows(const void *a, const void *b, void *match)
{
	const struct row *left = a;
	const struct row *right = b;

	if (left->delta.bytes != right->delta.bytes)
		return left->delta.bytes > right->delta.bytes ? -1 : 1;
	if (left->delta.objects != right->delta.objects)
		return left->delta.objects > right->delta.objects ? -1 : 1;
	if (left->live_new.bytes != right->live_new.bytes)
		return left->live_new.bytes > right->live_new.bytes ? -1 : 1;
	return match_compare(match, left->stack, right->stack);
}

static void
sum_amounts(struct amount *sum, struct amount amount)
{
	sum->objects += amount.objects;
	sum->bytes += amount.bytes;
}

static void
sum_rows(struct row *total, const struct table *table)
{
	size_t i;

	for (i = 0; i < table->count; i++) {
		const struct row *row = &table->rows[i];

		sum_amounts(&total->live_old, row->live_old);
		sum_amounts(&total->live_new, row->live_new);
		sum_amounts(&total->delta, row->delta);
		sum_amounts(&total->alloc, row->alloc);
		sum_amounts(&total->release, row->release);
		total->threads_old.running += row->threads_old.running;
		total->threads_old.unjoined += row->threads_old.unjoined;
		total->threads_new.running += row->threads_new.running;
		total->threads_new.unjoined += row->threads_new.unjoined;
	}
}

/* Moves the tables into one array and frees them. */
static void
join_tables(struct diff *diff, struct table *tables)
{
	size_t count = 0;
	unsigned int kind;

	for (kind = 0; kind < ROW_KIND_COUNT; kind++) {
		diff->first[kind] = count;
		diff->count[kind] = tables[kind].count;
		count += tables[kind].count;
	}
	diff->rows = xcalloc(count, sizeof(*diff->rows));
	for (kind = 0; kind < ROW_KIND_COUNT; kind++) {
		if (tables[kind].count)
			memcpy(diff->rows + diff->first[kind],
			       tables[kind].rows,
			       tables[kind].count * sizeof(*diff->rows));
		free(tables[kind].rows);
		free(tables[kind].by_stack);
	}
}

/* Past its memory cap the shim records one block of 2^k and scales. */
static bool
is_estimate(const struct model *model)
{
	return model->header.sample_bytes > 1 || model->losses.thinning_shift;
}

static bool
is_reversed(const struct diff *diff)
{
	const struct header *before = &diff->old_model->header;
	const struct header *after = &diff->new_model->header;

	return diff->same_process ? after->monotonic_ns < before->monotonic_ns
				  : after->wall_ns < before->wall_ns;
}

static bool
is_same_snapshot(const struct diff *diff)
{
	const struct header *before = &diff->old_model->header;
	const struct header *after = &diff->new_model->header;

	return diff->same_process && after->sequence == before->sequence &&
	       after->monotonic_ns == before->monotonic_ns;
}

struct diff *
diff_new(const struct model *old_model, const struct model *new_model)
{
	struct diff *diff = xcalloc(1, sizeof(*diff));
	struct match *match = match_new(new_model, old_model);
	struct table tables[ROW_KIND_COUNT] = { 0 };
	unsigned int kind;

	diff->old_model = old_model;
	diff->new_model = new_model;
	diff->same_process =
		!old_model ||
		match_same_process(&old_model->header, &new_model->header);
	diff->estimated = is_estimate(new_model) ||
			  (old_model && is_estimate(old_model));
	diff->reversed = old_model && is_reversed(diff);
	diff->same_snapshot = old_model && is_same_snapshot(diff);
	if (old_model) {
		add_heap(&tables[ROW_HEAP], match, 1, old_model, true);
		add_threads(&tables[ROW_THREAD], match, 1, old_model, true);
	}
	add_heap(&tables[ROW_HEAP], match, 0, new_model, false);
	add_threads(&tables[ROW_THREAD], match, 0, new_model, false);
	for (kind = 0; kind < ROW_LEDGER; kind++) {
		diff->not_compared[kind] = finish_rows(diff, &tables[kind]);
		if (tables[kind].count)
			qsort_r(tables[kind].rows, tables[kind].count,
				sizeof(*tables[kind].rows), compare_rows,
				match);
		sum_rows(&diff->totals[kind], &tables[kind]);
	}
	add_ledger(&tables[ROW_LEDGER], old_model, new_model);
	if (tables[ROW_LEDGER].count)
		diff->totals[ROW_LEDGER] = tables[ROW_LEDGER].rows[LEDGER_rss];
	join_tables(diff, tables);
	match_free(match);
	return diff;
}

void
diff_free(struct diff *diff)
{
	if (!diff)
		return;
	free(diff->rows);
	free(diff);
}
