#include "diff.h"

#include <stdlib.h>
#include <string.h>

#include "process.h"
#include "xalloc.h"

/* Rows of one kind while they are made. */
struct table {
	struct row *rows;
	size_t count;
	size_t capacity;
	uint32_t *by_class; /* row + 1, 0 = no row yet */
	int64_t *best;      /* by row: growth of the stack that stands for it */
	size_t best_capacity;
};

/* Of what rows are made of. */
struct making {
	struct diff *diff;
	const struct history *history;
	bool is_single; /* the first snapshot is the new one */
};

static void
sum_amounts(struct amount *sum, struct amount amount)
{
	sum->objects += amount.objects;
	sum->bytes += amount.bytes;
}

static struct amount
difference(struct amount a, struct amount b)
{
	return (struct amount){ a.objects - b.objects, a.bytes - b.bytes };
}

static struct row *
find_row(struct table *table, const struct classes *classes, uint32_t cls,
	 enum row_kind kind)
{
	struct row *row;

	if (!table->by_class[cls]) {
		table->rows = xgrow(table->rows, &table->capacity,
				    table->count + 1, sizeof(*table->rows));
		table->best = xgrow(table->best, &table->best_capacity,
				    table->count + 1, sizeof(*table->best));
		table->best[table->count] = INT64_MIN;
		row = &table->rows[table->count++];
		memset(row, 0, sizeof(*row));
		row->kind = kind;
		row->cls = cls;
		row->label = classes->labels ? classes->labels[cls] : NULL;
		table->by_class[cls] = (uint32_t)table->count;
	}
	return &table->rows[table->by_class[cls] - 1];
}

/* One track is borrowed as it is; of several a sum is made. Most tracks were
 * never live at a snapshot: their rows get one line of zeros at the end. */
static void
add_points(const struct making *making, struct row *row,
	   const struct track *track)
{
	struct model *pool = making->diff->pool;
	size_t count = making->diff->point_count;
	struct amount *sum;
	uint32_t i;

	if (count == 0 || track->live_count == 0)
		return;
	if (!row->points && track->live_count == count) {
		row->points = track->live;
		return;
	}
	sum = model_keep_zeroed(pool, count, sizeof(*sum));
	if (row->points)
		memcpy(sum, row->points, count * sizeof(*sum));
	for (i = 0; i < track->live_count; i++)
		sum_amounts(&sum[i], track->live[i]);
	row->points = sum;
}

static void
add_track(const struct making *making, struct table *table,
	  const struct classes *classes, const struct track *track,
	  enum row_kind kind)
{
	static const struct moment none;
	const struct moment *before = making->is_single ? &none : &track->first;
	const struct moment *after = making->is_single ? &track->first
						       : &track->last;
	struct row *row =
		find_row(table, classes, classes->of[track->stack], kind);
	int64_t growth = after->live.bytes - before->live.bytes;
	int64_t *best = &table->best[row - table->rows];

	if (growth > *best) {
		struct atlas_stack stack =
			atlas_stack(making->history->atlas, track->stack);

		*best = growth;
		row->stack = track->stack;
		row->node = stack.node;
	}
	row->stacks++;
	row->flags |= track->flags;
	row->in_old |= before->present;
	row->in_new |= after->present;
	sum_amounts(&row->live_old, before->live);
	sum_amounts(&row->live_new, after->live);
	sum_amounts(&row->inherited, after->inherited);
	sum_amounts(&row->alloc, difference(after->alloc, before->alloc));
	sum_amounts(&row->release, difference(after->release, before->release));
	sum_amounts(&row->alloc_ever, after->alloc);
	sum_amounts(&row->release_ever, after->release);
	row->threads_old.running += before->threads.running;
	row->threads_old.unjoined += before->threads.unjoined;
	row->threads_new.running += after->threads.running;
	row->threads_new.unjoined += after->threads.unjoined;
	add_points(making, row, track);
}

static void
add_tracks(const struct making *making, struct table *table,
	   const struct classes *classes, const struct tracks *tracks,
	   enum row_kind kind)
{
	size_t i;

	table->by_class = xcalloc((size_t)classes->count + 1, sizeof(uint32_t));
	for (i = 0; i < tracks->count; i++)
		add_track(making, table, classes, &tracks->list[i], kind);
}

static void
add_ledger(const struct making *making, struct table *table)
{
	const struct history *history = making->history;
	struct diff *diff = making->diff;
	unsigned int line;
	size_t i;

	if (!history->ledger_present)
		return;
	table->rows = xcalloc(LEDGER_LINE_COUNT, sizeof(*table->rows));
	table->count = LEDGER_LINE_COUNT;
	for (line = 0; line < LEDGER_LINE_COUNT; line++) {
		struct row *row = &table->rows[line];
		struct amount *points;

		row->kind = ROW_LEDGER;
		row->line = (enum ledger_line)line;
		if (diff->old_model)
			row->live_old.bytes =
				diff->old_model->ledger.bytes[line];
		row->live_new.bytes = diff->new_model->ledger.bytes[line];
		row->delta.bytes = row->live_new.bytes - row->live_old.bytes;
		if (!diff->point_count)
			continue;
		points = model_keep_zeroed(diff->pool, diff->point_count,
					   sizeof(*points));
		for (i = 0; i < diff->point_count; i++)
			points[i].bytes = history->ledger[line][i];
		row->points = points;
	}
}

/* --- ages ------------------------------------------------------------------- */

static uint32_t
class_of_age(const struct history *history, const struct classes *classes,
	     const struct history_age *age)
{
	return classes->of[history->heap.list[age->track].stack];
}

/* Sorts the ages by row, with as little memory per row as can be: there may be
 * millions, of which few are looked at closely. */
static void
add_births(const struct making *making, const struct table *table,
	   const struct classes *classes)
{
	const struct history *history = making->history;
	size_t *ends = xcalloc(xadd(table->count, 1), sizeof(*ends));
	struct birth *births = xcalloc(history->age_count, sizeof(*births));
	size_t first = 0;
	size_t i;

	for (i = 0; i < history->age_count; i++)
		table->rows[table->by_class[class_of_age(history, classes,
							 &history->ages[i])] -
			    1]
			.birth_count++;
	for (i = 0; i < table->count; i++) {
		table->rows[i].first_birth = ends[i] = first;
		first += table->rows[i].birth_count;
	}
	for (i = 0; i < history->age_count; i++) {
		const struct history_age *age = &history->ages[i];
		uint32_t row =
			table->by_class[class_of_age(history, classes, age)] -
			1;

		births[ends[row]++] = (struct birth){ age->bin, age->live };
	}
	making->diff->births = births;
	making->diff->totals[ROW_HEAP].birth_count = history->age_count;
	free(ends);
}

static double
seconds_before(double now_s, uint64_t moment_s)
{
	return now_s > (double)moment_s ? now_s - (double)moment_s : 0;
}

size_t
diff_bins(const struct diff *diff, struct age_bin ages[LKS_COHORTS])
{
	const struct header *header = &diff->new_model->header;
	double now_s = (double)history_time_ns(header) / 1e9;
	uint32_t count = header->cohort_bin_count;
	uint32_t i;

	/* Bins rise in time, so ages fall: the youngest is last there. */
	for (i = 0; i < count; i++) {
		const struct cohort_bin *bin =
			&header->cohort_bins[count - 1 - i];

		ages[i] = (struct age_bin){
			.min_s = seconds_before(now_s, bin->to_s),
			.max_s = seconds_before(now_s, bin->from_s),
		};
	}
	return count;
}

size_t
diff_ages(const struct diff *diff, const struct row *row,
	  struct age_bin ages[LKS_COHORTS])
{
	size_t count;
	size_t k;

	if (!row->birth_count)
		return 0;
	count = diff_bins(diff, ages);
	for (k = 0; k < row->birth_count; k++) {
		const struct birth *birth = &diff->births[row->first_birth + k];

		if (birth->bin >= count)
			continue;
		ages[count - 1 - birth->bin].bytes += birth->live.bytes;
		ages[count - 1 - birth->bin].objects += birth->live.objects;
	}
	return count;
}

/* --- the whole -------------------------------------------------------------- */

static bool
is_zero(struct amount amount)
{
	return amount.objects == 0 && amount.bytes == 0;
}

static bool
is_ever_live(const struct diff *diff, const struct row *row)
{
	size_t i;

	for (i = 0; i < diff->point_count; i++) {
		if (!is_zero(row->points[i]))
			return true;
	}
	return false;
}

/* Sets the deltas; drops rows that say nothing in any column of a report, whose
 * past stays in the total, and those of which one half is not known. Returns
 * how many the latter are. */
static size_t
finish_rows(const struct diff *diff, struct table *table, struct row *total)
{
	const struct amount *zeros = model_keep_zeroed(
		diff->pool, diff->point_count, sizeof(*zeros));
	bool need_old = diff->old_model && diff->old_model->truncated;
	bool need_new = diff->old_model && diff->new_model->truncated;
	size_t not_compared = 0;
	size_t kept = 0;
	size_t i;

	for (i = 0; i < table->count; i++) {
		struct row *row = &table->rows[i];

		row->delta = difference(row->live_new, row->live_old);
		if (diff->point_count && !row->points)
			row->points = zeros;
		if (is_zero(row->live_old) && is_zero(row->live_new) &&
		    is_zero(row->alloc) && is_zero(row->release) &&
		    !is_ever_live(diff, row)) {
			/* Was there something before the first snapshot? */
			sum_amounts(&total->alloc_ever, row->alloc_ever);
			sum_amounts(&total->release_ever, row->release_ever);
			continue;
		}
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
compare_rows(const void *a, const void *b, void *atlas)
{
	const struct row *left = a;
	const struct row *right = b;

	if (left->delta.bytes != right->delta.bytes)
		return left->delta.bytes > right->delta.bytes ? -1 : 1;
	if (left->delta.objects != right->delta.objects)
		return left->delta.objects > right->delta.objects ? -1 : 1;
	if (left->live_new.bytes != right->live_new.bytes)
		return left->live_new.bytes > right->live_new.bytes ? -1 : 1;
	return atlas_compare(atlas, left->stack, right->stack);
}

static void
sum_rows(struct row *total, const struct table *table)
{
	size_t i;

	for (i = 0; i < table->count; i++) {
		const struct row *row = &table->rows[i];

		sum_amounts(&total->live_old, row->live_old);
		sum_amounts(&total->live_new, row->live_new);
		sum_amounts(&total->inherited, row->inherited);
		sum_amounts(&total->delta, row->delta);
		sum_amounts(&total->alloc, row->alloc);
		sum_amounts(&total->release, row->release);
		sum_amounts(&total->alloc_ever, row->alloc_ever);
		sum_amounts(&total->release_ever, row->release_ever);
		total->threads_old.running += row->threads_old.running;
		total->threads_old.unjoined += row->threads_old.unjoined;
		total->threads_new.running += row->threads_new.running;
		total->threads_new.unjoined += row->threads_new.unjoined;
	}
}

static void
sum_points(struct diff *diff, struct row *total, const struct table *table)
{
	struct amount *sum;
	size_t i, k;

	if (!diff->point_count)
		return;
	sum = model_keep_zeroed(diff->pool, diff->point_count, sizeof(*sum));
	for (i = 0; i < table->count; i++) {
		for (k = 0; k < diff->point_count; k++)
			sum_amounts(&sum[k], table->rows[i].points[k]);
	}
	total->points = sum;
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
		free(tables[kind].by_class);
		free(tables[kind].best);
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

static void
set_facts(struct diff *diff)
{
	const struct history *history = diff->history;
	size_t i;

	diff->snapshot_count = history->snapshot_count;
	diff->new_model = history_last(history);
	diff->same_process = true;
	for (i = 0; i < diff->snapshot_count; i++)
		diff->estimated |= is_estimate(history->snapshots[i]);
	if (diff->snapshot_count < 2)
		return;
	diff->old_model = history_first(history);
	diff->same_process = process_same(&diff->old_model->header,
					  &diff->new_model->header);
	diff->reversed = is_reversed(diff);
	diff->same_snapshot = is_same_snapshot(diff);
	if (diff->snapshot_count > 2)
		diff->point_count = history->point_count;
}

/* Times of profiles are no names: files that were unpacked or copied together
 * have one, whatever is in them. */
static bool
has_changes(const struct diff *diff)
{
	size_t end = diff->first[ROW_LEDGER] + diff->count[ROW_LEDGER];
	size_t i;

	for (i = 0; i < end; i++) {
		const struct row *row = &diff->rows[i];

		if (row->delta.bytes || row->delta.objects ||
		    row->alloc.bytes || row->alloc.objects ||
		    row->release.bytes || row->release.objects)
			return true;
	}
	return false;
}

struct diff *
diff_new(const struct history *history, const struct classes *heap,
	 const struct classes *threads)
{
	struct diff *diff = xcalloc(1, sizeof(*diff));
	struct table tables[ROW_KIND_COUNT] = { 0 };
	struct making making = {
		.diff = diff,
		.history = history,
		.is_single = history->snapshot_count == 1,
	};
	unsigned int kind;

	diff->history = history;
	diff->classes[ROW_HEAP] = heap;
	diff->classes[ROW_THREAD] = threads;
	diff->pool = model_new("");
	set_facts(diff);
	add_tracks(&making, &tables[ROW_HEAP], heap, &history->heap, ROW_HEAP);
	add_births(&making, &tables[ROW_HEAP], heap);
	add_tracks(&making, &tables[ROW_THREAD], threads, &history->threads,
		   ROW_THREAD);
	for (kind = 0; kind < ROW_LEDGER; kind++) {
		diff->not_compared[kind] =
			finish_rows(diff, &tables[kind], &diff->totals[kind]);
		if (tables[kind].count)
			qsort_r(tables[kind].rows, tables[kind].count,
				sizeof(*tables[kind].rows), compare_rows,
				history->atlas);
		diff->totals[kind].kind = (enum row_kind)kind;
		sum_rows(&diff->totals[kind], &tables[kind]);
		sum_points(diff, &diff->totals[kind], &tables[kind]);
	}
	add_ledger(&making, &tables[ROW_LEDGER]);
	if (tables[ROW_LEDGER].count)
		diff->totals[ROW_LEDGER] = tables[ROW_LEDGER].rows[LEDGER_rss];
	join_tables(diff, tables);
	if (diff->new_model->origin == ORIGIN_PROFILE && has_changes(diff))
		diff->same_snapshot = false;
	return diff;
}

static int64_t
size_of(int64_t growth)
{
	return growth < 0 ? -growth : growth;
}

static int
compare_interest(const void *a, const void *b)
{
	const struct row *left = *(struct row *const *)a;
	const struct row *right = *(struct row *const *)b;
	int64_t grown = size_of(left->delta.bytes);
	int64_t other = size_of(right->delta.bytes);

	if (left->verdict.kind != right->verdict.kind)
		return left->verdict.kind > right->verdict.kind ? -1 : 1;
	if (grown != other)
		return grown > other ? -1 : 1;
	return left < right ? -1 : left > right;
}

static void
keep_points(struct diff *diff, enum row_kind kind, size_t keep)
{
	struct row *rows = diff->rows + diff->first[kind];
	size_t count = diff->count[kind];
	struct row **order = xcalloc(count, sizeof(*order));
	size_t bytes = diff->point_count * sizeof(*rows->points);
	size_t i;

	for (i = 0; i < count; i++)
		order[i] = &rows[i];
	if (count)
		qsort(order, count, sizeof(struct row *), compare_interest);
	for (i = 0; i < count; i++) {
		struct amount *copy = NULL;

		if (i < keep && order[i]->points)
			copy = memcpy(model_keep_zeroed(diff->pool, 1, bytes),
				      order[i]->points, bytes);
		order[i]->points = copy;
	}
	free(order);
}

void
diff_keep_points(struct diff *diff, size_t keep)
{
	keep_points(diff, ROW_HEAP, keep);
	keep_points(diff, ROW_THREAD, keep);
}

void
diff_free(struct diff *diff)
{
	if (!diff)
		return;
	free(diff->rows);
	free(diff->births);
	model_free(diff->pool);
	free(diff);
}
