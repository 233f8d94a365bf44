#include "judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "saturate.h"
#include "xalloc.h"

int64_t
judge_headroom(const struct diff *diff, const struct judge_settings *settings)
{
	const struct model *model = diff->new_model;
	uint64_t limit = settings->limit_bytes
				 ? settings->limit_bytes
				 : model->header.memory_limit_bytes;
	uint64_t used = 0;

	if (model->ledger.present)
		used = (uint64_t)model->ledger.bytes[LEDGER_rss];
	/* The cgroup's limit is held against what the cgroup is charged. */
	if (!settings->limit_bytes && model->ledger.cgroup_bytes)
		used = model->ledger.cgroup_bytes;
	if (!used || !limit || (used < limit && limit - used > INT64_MAX))
		return 0;
	if (used >= limit)
		return -1;
	return (int64_t)(limit - used);
}

/* Of profiles it is not known when tracking began. */
static double
tracked_s(const struct diff *diff)
{
	const struct history *history = diff->history;

	if (diff->new_model->origin == ORIGIN_PROFILE && diff->point_count)
		return (double)(history->times_ns[diff->point_count - 1] -
				history->times_ns[0]) /
		       1e9;
	return (double)history_time_ns(&diff->new_model->header) / 1e9;
}

struct bench {
	const struct diff *diff;
	struct verdict_settings settings;
	double tracked_s;
	/* Of the diff's points, by the clock that is judged by: as time went, or
	 * as work was done. */
	uint64_t times_ns[HISTORY_POINTS_MAX];
	bool by_work;
	struct point points[HISTORY_POINTS_MAX];
	size_t origin[HISTORY_POINTS_MAX]; /* of points[], in the diff's */
	struct age_bin ages[LKS_COHORTS];
};

/*
 * A program that becomes slower leaves as much behind per unit of work, but by
 * the clock its growth bends as a cache's does. Where the work is known, the
 * clock runs with it, from the first point to the last in the same time.
 */
static void
set_clock(struct bench *bench)
{
	const struct history *history = bench->diff->history;
	size_t last = bench->diff->point_count - 1;
	double span_ns, units;
	size_t i;

	memcpy(bench->times_ns, history->times_ns, sizeof(bench->times_ns));
	if (!history->work || bench->diff->point_count < 3)
		return;
	span_ns = (double)(history->times_ns[last] - history->times_ns[0]);
	units = history->units[last] - history->units[0];
	for (i = 0; i <= last; i++) {
		if (isnan(history->units[i]))
			return;
	}
	if (!(units > 0))
		return;
	bench->by_work = true;
	for (i = 1; i < last; i++)
		bench->times_ns[i] =
			history->times_ns[0] +
			(uint64_t)(span_ns *
				   (history->units[i] - history->units[0]) /
				   units);
}

/* By that clock; seconds since tracking began. */
static double
work_time_s(const struct bench *bench, double time_s)
{
	const uint64_t *real = bench->diff->history->times_ns;
	double time_ns = time_s * 1e9;
	size_t i;

	for (i = 1; i < bench->diff->point_count; i++) {
		double from = (double)real[i - 1], to = (double)real[i];

		if (time_ns < from)
			break;
		if (time_ns < to)
			return ((double)bench->times_ns[i - 1] +
				(time_ns - from) / (to - from) *
					((double)bench->times_ns[i] -
					 (double)bench->times_ns[i - 1])) /
			       1e9;
	}
	return time_s;
}

/* Births by that clock. */
static void
set_ages(struct bench *bench, size_t count)
{
	double now_s = bench->tracked_s;
	size_t i;

	if (!bench->by_work || bench->diff->new_model->origin == ORIGIN_PROFILE)
		return;
	for (i = 0; i < count; i++) {
		struct age_bin *bin = &bench->ages[i];

		bin->min_s = now_s - work_time_s(bench, now_s - bin->min_s);
		bin->max_s = now_s - work_time_s(bench, now_s - bin->max_s);
	}
}

/* Of profiles that lost their times in a copy several may have the same one,
 * and so have points between which no work was done: the last of them counts,
 * as a verdict needs times that rise. */
static size_t
take_points(struct bench *bench, const struct row *row)
{
	size_t count = 0;
	size_t i;

	for (i = 0; i < bench->diff->point_count; i++) {
		if (count &&
		    bench->points[count - 1].time_ns >= bench->times_ns[i])
			count--;
		bench->origin[count] = i;
		bench->points[count++] = (struct point){
			.time_ns = bench->times_ns[i],
			.bytes = row->points[i].bytes,
			.objects = row->points[i].objects,
		};
	}
	return count;
}

static struct subject
subject_of(struct bench *bench, const struct row *row)
{
	const struct diff *diff = bench->diff;
	struct subject subject = {
		.points = bench->points,
		.ages = bench->ages,
		.age_count = diff_ages(diff, row, bench->ages),
		.alloc_bytes = row->alloc_ever.bytes,
		.alloc_objects = row->alloc_ever.objects,
		.free_bytes = row->release_ever.bytes,
		.free_objects = row->release_ever.objects,
		.tracked_s = bench->tracked_s,
		.sample_bytes = row->kind == ROW_HEAP
					? diff->new_model->header.sample_bytes
					: 1,
	};

	if (row->kind == ROW_LEDGER) {
		subject.alloc_bytes = subject.alloc_objects = -1;
		subject.free_bytes = subject.free_objects = -1;
		subject.is_retained = row->line == LEDGER_allocator_retained;
	}
	set_ages(bench, subject.age_count);
	if (row->points)
		subject.count = take_points(bench, row);
	return subject;
}

/* What was left out is told in the diff's points and its time. */
static void
tell_warmup(const struct bench *bench, struct verdict *verdict)
{
	const uint64_t *real = bench->diff->history->times_ns;
	size_t from = bench->origin[verdict->warmup_points];

	if (!bench->by_work || !verdict->warmup_points)
		return;
	verdict->warmup_points = from;
	verdict->warmup_s = (double)(real[from] - real[0]) / 1e9;
}

/* By the work done instead of the time, over the same points. */
static void
measure_work(const struct diff *diff, struct row *row)
{
	const struct history *history = diff->history;
	size_t from = row->verdict.warmup_points;

	if (!history->work || !row->points || from >= diff->point_count)
		return;
	work_rate_of(history->work->unit, history->units + from,
		     row->points + from, diff->point_count - from,
		     &row->per_unit);
}

static void
judge_row(struct bench *bench, struct row *row)
{
	struct subject subject = subject_of(bench, row);
	struct verdict_settings settings = bench->settings;

	/* Stacks are reserved, not resident: no limit is met by them. */
	if (row->kind == ROW_THREAD)
		settings.headroom_bytes = 0;
	verdict_of(&subject, &settings, &row->verdict);
	tell_warmup(bench, &row->verdict);
	measure_work(bench->diff, row);
}

/* What an allocator adds to a block and rounds it up by: glibc 8 bytes and up
 * to 15. Not on average, as what leaks is mostly of one size. So much of what
 * is kept grows with the blocks that it is kept for, and is no verdict of its
 * own. */
#define BLOCK_OVERHEAD 23

/* So much of what is kept must have been freed meanwhile, or something else is
 * kept: pages that blocks fill in part. */
#define KEPT_FREED_SHARE 0.5

static void
judge_retained(struct bench *bench, struct row *row)
{
	const struct amount *heap = bench->diff->totals[ROW_HEAP].points;
	struct subject subject = subject_of(bench, row);
	struct verdict without;
	size_t i;

	if (row->verdict.kind != VERDICT_RETENTION || !heap)
		return;
	/* What is kept was freed before. */
	if ((double)bench->diff->totals[ROW_HEAP].release.bytes <
	    KEPT_FREED_SHARE * (double)row->delta.bytes) {
		row->verdict.kind = VERDICT_NONE;
		return;
	}
	for (i = 0; i < subject.count; i++)
		bench->points[i].bytes -= saturate_multiply(
			heap[bench->origin[i]].objects, BLOCK_OVERHEAD);
	verdict_of(&subject, &bench->settings, &without);
	if (without.kind != VERDICT_RETENTION)
		row->verdict.kind = VERDICT_NONE;
}

/* Our own tables grow with what they count: how large they are is said, that
 * they grow is no finding. Live heap is the total of the heap, which has ages
 * too. */
static void
judge_ledger(struct bench *bench, struct row *rows)
{
	const struct row *heap = &bench->diff->totals[ROW_HEAP];

	if (heap->points) {
		rows[LEDGER_live_heap].verdict = heap->verdict;
		rows[LEDGER_live_heap].verdict.objects_per_hour = 0;
	}
	judge_retained(bench, &rows[LEDGER_allocator_retained]);
	if (verdict_is_leak(&rows[LEDGER_shim].verdict))
		rows[LEDGER_shim].verdict.kind = VERDICT_NONE;
}

/* --- which of a row's call stacks ------------------------------------------- */

/* Of one kind of tracks: the rows by class, and the ages by track. */
struct lineup {
	struct row **rows;
	size_t *first_age; /* + 1; 0 = none */
	size_t *next_age;  /* by age, likewise */
};

static void
lineup_init(struct lineup *lineup, struct diff *diff, enum row_kind kind,
	    size_t track_count)
{
	const struct history *history = diff->history;
	size_t ages = kind == ROW_HEAP ? history->age_count : 0;
	size_t i;

	lineup->rows = xcalloc((size_t)diff->classes[kind]->count + 1,
			       sizeof(struct row *));
	lineup->first_age = xcalloc(track_count, sizeof(size_t));
	lineup->next_age = xcalloc(ages, sizeof(size_t));
	for (i = 0; i < diff->count[kind]; i++) {
		struct row *row = &diff->rows[diff->first[kind] + i];

		lineup->rows[row->cls] = row;
	}
	for (i = 0; i < ages; i++) {
		size_t *first = &lineup->first_age[history->ages[i].track];

		lineup->next_age[i] = *first;
		*first = i + 1;
	}
}

static void
lineup_release(struct lineup *lineup)
{
	free(lineup->rows);
	free(lineup->first_age);
	free(lineup->next_age);
}

static size_t
ages_of_track(const struct bench *bench, const struct lineup *lineup,
	      size_t track, struct age_bin *ages)
{
	const struct history *history = bench->diff->history;
	size_t at = lineup->first_age[track];
	size_t count;

	if (!at)
		return 0;
	count = diff_bins(bench->diff, ages);
	for (; at; at = lineup->next_age[at - 1]) {
		const struct history_age *age = &history->ages[at - 1];

		if (age->bin >= count)
			continue;
		ages[count - 1 - age->bin].bytes += age->live.bytes;
		ages[count - 1 - age->bin].objects += age->live.objects;
	}
	return count;
}

static enum verdict_kind
judge_track(struct bench *bench, const struct lineup *lineup,
	    const struct tracks *tracks, size_t i, enum row_kind kind)
{
	const struct track *track = &tracks->list[i];
	struct amount points[HISTORY_POINTS_MAX] = { { 0, 0 } };
	const struct row alone = {
		.kind = kind,
		.points = points,
		.alloc_ever = track->last.alloc,
		.release_ever = track->last.release,
	};
	struct subject subject;
	struct verdict verdict;

	memcpy(points, track->live, track->live_count * sizeof(*points));
	subject = subject_of(bench, &alone);
	subject.age_count = ages_of_track(bench, lineup, i, bench->ages);
	set_ages(bench, subject.age_count);
	verdict_of(&subject, &bench->settings, &verdict);
	return verdict.kind;
}

static bool
track_grew(const struct track *track)
{
	const struct amount *before = &track->first.live;
	const struct amount *after = &track->last.live;

	return after->bytes > before->bytes ||
	       (after->bytes == before->bytes &&
		after->objects > before->objects);
}

static bool
has_groups(const struct row *rows, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (rows[i].stacks > 1)
			return true;
	}
	return false;
}

/* In each row of several call stacks. */
static void
count_in_groups(struct bench *bench, struct diff *diff, enum row_kind kind)
{
	const struct tracks *tracks = kind == ROW_HEAP
					      ? &diff->history->heap
					      : &diff->history->threads;
	uint32_t *grew = xcalloc(diff->count[kind], sizeof(*grew));
	struct row *rows = diff->rows + diff->first[kind];
	struct lineup lineup;
	size_t i;

	lineup_init(&lineup, diff, kind, tracks->count);
	for (i = 0; i < tracks->count; i++) {
		const struct track *track = &tracks->list[i];
		struct row *row =
			lineup.rows[diff->classes[kind]->of[track->stack]];
		enum verdict_kind alone;

		if (!row || row->stacks < 2 || !track_grew(track) ||
		    row->verdict.kind <= VERDICT_STEADY)
			continue;
		grew[row - rows]++;
		alone = judge_track(bench, &lineup, tracks, i, kind);
		row->guilty += verdict_is_leak(&row->verdict)
				       ? alone >= VERDICT_GROWING_BUFFER
				       : alone == row->verdict.kind;
	}
	for (i = 0; i < diff->count[kind]; i++) {
		if (!rows[i].guilty)
			rows[i].guilty = grew[i];
	}
	lineup_release(&lineup);
	free(grew);
}

/* A wrapper's row is of hundreds of call stacks, and few of them leak. */
static void
count_guilty(struct bench *bench, struct diff *diff, enum row_kind kind)
{
	struct row *rows = diff->rows + diff->first[kind];
	size_t i;

	if (has_groups(rows, diff->count[kind]))
		count_in_groups(bench, diff, kind);
	/* A sum may grow while none of its parts does from the first snapshot to
	 * the last. */
	for (i = 0; i < diff->count[kind]; i++) {
		if (!rows[i].guilty)
			rows[i].guilty = rows[i].stacks;
	}
}

static double
warmup_by_work(const struct bench *bench, double warmup_s)
{
	double first_s = (double)bench->times_ns[0] / 1e9;

	return work_time_s(bench, first_s + warmup_s) - first_s;
}

static struct bench *
new_bench(const struct diff *diff, const struct judge_settings *settings)
{
	struct bench *bench = xcalloc(1, sizeof(*bench));

	bench->diff = diff;
	bench->settings.warmup_s = settings->warmup_s;
	bench->settings.headroom_bytes = judge_headroom(diff, settings);
	bench->tracked_s = tracked_s(diff);
	set_clock(bench);
	if (bench->by_work && settings->warmup_s > 0)
		bench->settings.warmup_s =
			warmup_by_work(bench, settings->warmup_s);
	return bench;
}

void
judge_sum(const struct diff *diff, const struct judge_settings *settings,
	  struct row *sum)
{
	struct bench *bench = new_bench(diff, settings);

	judge_row(bench, sum);
	free(bench);
}

void
judge(struct diff *diff, const struct judge_settings *settings)
{
	struct bench *bench = new_bench(diff, settings);
	size_t end = diff->first[ROW_LEDGER] + diff->count[ROW_LEDGER];
	unsigned int kind;
	size_t i;

	if (diff->snapshot_count == 1) {
		for (i = 0; i < diff->count[ROW_HEAP]; i++) {
			struct row *row = &diff->rows[i];
			struct subject subject = subject_of(bench, row);

			/* Ages are held against what is live. */
			bench->points[0] = (struct point){
				.time_ns = diff->history->times_ns[0],
				.bytes = row->live_new.bytes,
				.objects = row->live_new.objects,
			};
			subject.count = 1;
			row->suspicion = verdict_suspicion(&subject);
		}
	} else if (diff->point_count) {
		for (i = 0; i < end; i++)
			judge_row(bench, &diff->rows[i]);
		count_guilty(bench, diff, ROW_HEAP);
		count_guilty(bench, diff, ROW_THREAD);
		for (kind = 0; kind < ROW_KIND_COUNT; kind++) {
			if (diff->totals[kind].points)
				judge_row(bench, &diff->totals[kind]);
		}
		if (diff->count[ROW_LEDGER])
			judge_ledger(bench,
				     diff->rows + diff->first[ROW_LEDGER]);
		diff->judged = true;
	}
	free(bench);
}
