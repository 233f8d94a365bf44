/* What the history of one number means. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../analyzer/verdict.h"

#define POINTS 128
#define BINS 64
#define SECOND UINT64_C(1000000000)

/* A subject that owns what it points to. */
struct history {
	struct subject subject;
	struct point points[POINTS];
	struct age_bin ages[BINS];
};

static const struct verdict_settings automatic = { .warmup_s = -1 };

/* Tracked for a minute before the first point. */
static void
history_init(struct history *history)
{
	memset(history, 0, sizeof(*history));
	history->subject = (struct subject){
		.points = history->points,
		.ages = history->ages,
		.alloc_bytes = -1,
		.alloc_objects = -1,
		.free_bytes = -1,
		.free_objects = -1,
		.sample_bytes = 1,
	};
}

static void
add_point(struct history *history, double seconds, int64_t objects,
	  int64_t bytes)
{
	history->points[history->subject.count++] =
		(struct point){ (uint64_t)(seconds * (double)SECOND), bytes,
				objects };
	history->subject.tracked_s = seconds + 60;
}

static void
add_age(struct history *history, double min_s, double max_s, int64_t objects,
	int64_t bytes)
{
	history->ages[history->subject.age_count++] =
		(struct age_bin){ min_s, max_s, bytes, objects };
}

/* `count` points 60 s apart, `step` objects of `size` more in each; what lives
 * at the end was born evenly meanwhile, but for the first. */
static void
make_leak(struct history *history, size_t count, int64_t step, int64_t size)
{
	size_t i;

	history_init(history);
	for (i = 0; i < count; i++)
		add_point(history, 60 * (double)i, step * (int64_t)(i + 1),
			  step * size * (int64_t)(i + 1));
	for (i = 0; i < count; i++)
		add_age(history, 60 * (double)i, 60 * (double)(i + 1), step,
			step * size);
}

static struct verdict
judge(const struct history *history)
{
	struct verdict verdict;

	verdict_of(&history->subject, &automatic, &verdict);
	return verdict;
}

static void
assert_kind(const struct verdict *verdict, enum verdict_kind kind)
{
	if (verdict->kind != kind)
		fail_msg("%s, not %s (confidence %.3f, p %.3g)",
			 verdict_name(verdict->kind), verdict_name(kind),
			 verdict->confidence, verdict->trend_p);
}

static void
steady_growth_of_objects_is_a_leak(void **state)
{
	struct history history;
	struct verdict verdict;

	(void)state;
	make_leak(&history, 20, 7, 100);
	verdict = judge(&history);
	assert_kind(&verdict, VERDICT_LEAK);
	assert_true(verdict.confidence > 0.95);
	assert_true(fabs(verdict.bytes_per_hour - 42000) < 1);
	assert_true(fabs(verdict.objects_per_hour - 420) < 0.01);
	assert_true(verdict.bytes_per_hour_low <= verdict.bytes_per_hour);
	assert_true(verdict.bytes_per_hour_high >= verdict.bytes_per_hour);
}

static void
five_snapshots_and_the_ages_tell_a_leak(void **state)
{
	struct history history;
	struct verdict verdict;

	(void)state;
	make_leak(&history, 5, 7, 100);
	verdict = judge(&history);
	assert_kind(&verdict, VERDICT_LEAK);
	assert_true(verdict.confidence > 0.9);
}

static void
two_points_are_never_enough(void **state)
{
	struct history history;
	struct verdict verdict;
	size_t count;

	(void)state;
	for (count = 0; count < 3; count++) {
		make_leak(&history, count, 100, 100);
		verdict = judge(&history);
		assert_kind(&verdict, VERDICT_INSUFFICIENT);
		assert_true(verdict.more_snapshots >= 3 - count);
		assert_true(verdict.spacing_s > 0);
		assert_true(verdict.eta_hours < 0);
	}
}

static void
three_points_ask_for_more(void **state)
{
	struct history history;
	struct verdict verdict;

	(void)state;
	make_leak(&history, 3, 7, 100);
	verdict = judge(&history);
	assert_kind(&verdict, VERDICT_INSUFFICIENT);
	assert_in_range(verdict.more_snapshots, 1, 10);
	assert_true(fabs(verdict.spacing_s - 60) < 1e-6);
}

/* What is asked for is enough: the same leak, seen so often, is told. */
static void
what_insufficient_asks_for_is_enough(void **state)
{
	struct history history;
	struct verdict verdict;

	(void)state;
	make_leak(&history, 3, 7, 100);
	verdict = judge(&history);
	make_leak(&history, 3 + verdict.more_snapshots, 7, 100);
	verdict = judge(&history);
	assert_kind(&verdict, VERDICT_LEAK);
}

static void
what_never_moves_is_steady(void **state)
{
	struct history history;
	struct verdict verdict;
	size_t i;

	(void)state;
	history_init(&history);
	for (i = 0; i < 10; i++)
		add_point(&history, 60 * (double)i, 5, 500);
	verdict = judge(&history);
	assert_kind(&verdict, VERDICT_STEADY);
	assert_true(verdict.bytes_per_hour == 0);
	assert_true(verdict.confidence >= 0.9);
}

static void
a_cache_that_is_full_is_no_leak(void **state)
{
	struct history history;
	struct verdict verdict;
	size_t i;

	(void)state;
	history_init(&history);
	for (i = 0; i < 20; i++)
		add_point(&history, 60 * (double)i, i < 9 ? 10 + 10 * i : 100,
			  i < 9 ? 1000 + 1000 * i : 10000);
	add_age(&history, 660, 1260, 100, 10000);
	verdict = judge(&history);
	assert_kind(&verdict, VERDICT_CACHE_FILL);
}

/* It rises all the time, but those of the beginning are gone: the load rose. */
static void
a_rise_without_survivors_is_no_leak(void **state)
{
	struct history history;
	struct verdict verdict;
	size_t i;

	(void)state;
	history_init(&history);
	for (i = 0; i < 20; i++)
		add_point(&history, 60 * (double)i, 100 + 10 * (int64_t)i,
			  10000 + 1000 * (int64_t)i);
	add_age(&history, 0, 30, 200, 20000);
	add_age(&history, 30, 60, 90, 9000);
	verdict = judge(&history);
	assert_true(verdict.kind < VERDICT_GROWING_BUFFER);
	/* Nor does it ever meet a limit. */
	verdict_of(&history.subject, &(struct verdict_settings){ -1, 84000 },
		   &verdict);
	assert_true(verdict.bytes_per_hour > 0 && verdict.eta_hours < 0);
	/* The same with survivors of all ages is one. */
	history.subject.age_count = 0;
	for (i = 0; i < 19; i++)
		add_age(&history, 60 * (double)i, 60 * (double)(i + 1), 10,
			1000);
	add_age(&history, 1140, 1200, 100, 10000);
	verdict = judge(&history);
	assert_kind(&verdict, VERDICT_LEAK);
}

static void
one_object_ever_larger_is_a_growing_buffer(void **state)
{
	struct history history;
	struct verdict verdict;
	size_t i;

	(void)state;
	history_init(&history);
	for (i = 0; i < 12; i++)
		add_point(&history, 60 * (double)i, 1, 4096 * (int64_t)(i + 1));
	add_age(&history, 0, 1, 1, 4096 * 12);
	verdict = judge(&history);
	assert_kind(&verdict, VERDICT_GROWING_BUFFER);
	assert_true(fabs(verdict.bytes_per_hour - 4096 * 60) < 1);
	assert_true(verdict.objects_per_hour == 0);
}

static void
a_buffer_that_doubled_early_has_stopped(void **state)
{
	struct history history;
	struct verdict verdict;
	size_t i;

	(void)state;
	history_init(&history);
	for (i = 0; i < 26; i++)
		add_point(&history, 60 * (double)i, 1,
			  4096 * (i < 1   ? 1
				  : i < 2 ? 2
				  : i < 4 ? 4
				  : i < 8 ? 8
					  : 16));
	add_age(&history, 960, 1020, 1, 65536);
	verdict = judge(&history);
	assert_kind(&verdict, VERDICT_CACHE_FILL);
	/* And goes on doubling: each time as long as all before. */
	history_init(&history);
	for (i = 0; i < 20; i++)
		add_point(&history, 60 * (double)i, 1,
			  4096 * (i < 1    ? 1
				  : i < 2  ? 2
				  : i < 4  ? 4
				  : i < 8  ? 8
				  : i < 16 ? 16
					   : 32));
	add_age(&history, 180, 240, 1, 131072);
	verdict = judge(&history);
	assert_kind(&verdict, VERDICT_GROWING_BUFFER);
}

/* A start of 5,000 objects, then 3 a minute. */
static void
the_warm_up_is_found_and_left_out(void **state)
{
	struct history history;
	struct verdict verdict;
	size_t i;

	(void)state;
	history_init(&history);
	for (i = 0; i < 30; i++) {
		int64_t objects = i < 5 ? 1000 * (int64_t)(i + 1)
					: 5000 + 3 * ((int64_t)i - 4);

		add_point(&history, 60 * (double)i, objects, objects * 10);
	}
	for (i = 0; i < 25; i++)
		add_age(&history, 60 * (double)i, 60 * (double)(i + 1), 3, 30);
	add_age(&history, 1500, 1800, 5000, 50000);
	verdict = judge(&history);
	assert_in_range(verdict.warmup_points, 4, 6);
	assert_true(fabs(verdict.objects_per_hour - 180) < 0.1);
	assert_true(fabs(verdict.bytes_per_hour - 1800) < 1);
	assert_kind(&verdict, VERDICT_LEAK);
	assert_true(verdict.warmup_s >= 240 && verdict.warmup_s <= 360);
}

static void
the_warm_up_can_be_set(void **state)
{
	struct history history;
	struct verdict verdict;

	(void)state;
	make_leak(&history, 20, 7, 100);
	verdict_of(&history.subject,
		   &(struct verdict_settings){ .warmup_s = 290 }, &verdict);
	assert_int_equal(verdict.warmup_points, 5);
	assert_kind(&verdict, VERDICT_LEAK);
	/* Longer than everything: neither a leak nor an acquittal. */
	verdict_of(&history.subject,
		   &(struct verdict_settings){ .warmup_s = 1e9 }, &verdict);
	assert_kind(&verdict, VERDICT_INSUFFICIENT);
	assert_true(verdict.more_snapshots > 0);
	verdict_of(&history.subject,
		   &(struct verdict_settings){ .warmup_s = 1050 }, &verdict);
	assert_kind(&verdict, VERDICT_INSUFFICIENT);
}

static void
time_to_the_limit_is_headroom_over_slope(void **state)
{
	struct history history;
	struct verdict verdict;

	(void)state;
	make_leak(&history, 20, 7, 100);
	verdict_of(&history.subject, &(struct verdict_settings){ -1, 84000 },
		   &verdict);
	assert_true(fabs(verdict.eta_hours - 2) < 1e-6);
	/* Nothing grows: never. */
	history_init(&history);
	add_point(&history, 0, 1, 1);
	add_point(&history, 60, 1, 1);
	add_point(&history, 120, 1, 1);
	verdict_of(&history.subject, &(struct verdict_settings){ -1, 84000 },
		   &verdict);
	assert_true(verdict.eta_hours < 0);
}

/* A line of the ledger has neither objects nor ages. */
static void
lines_of_the_ledger_are_judged_by_their_bytes(void **state)
{
	struct history history;
	struct verdict verdict;
	size_t i;

	(void)state;
	history_init(&history);
	for (i = 0; i < 20; i++)
		add_point(&history, 60 * (double)i, 0,
			  (int64_t)(1 << 20) * (int64_t)(100 + i) +
				  (int64_t)(i * 7919 % 5) * 65536);
	verdict = judge(&history);
	assert_kind(&verdict, VERDICT_LEAK);
	assert_true(verdict.objects_per_hour == 0);
	history.subject.is_retained = true;
	verdict = judge(&history);
	assert_kind(&verdict, VERDICT_RETENTION);
}

/* 64 KiB a minute in samples of 512 KiB: one or two a quarter of an hour. */
static void
noise_of_a_sample_is_no_leak(void **state)
{
	static const int sampled[] = { 9,  8,  10, 9,  11, 9,  10, 12,
				       11, 10, 12, 10, 13, 11, 12, 10 };
	struct history history;
	struct verdict exact, estimated;
	size_t i;

	(void)state;
	history_init(&history);
	history.subject.sample_bytes = 524288;
	for (i = 0; i < 16; i++)
		add_point(&history, 60 * (double)i, 5120 * sampled[i],
			  524288 * (int64_t)sampled[i]);
	for (i = 0; i < 10; i++)
		add_age(&history, 90 * (double)i, 90 * (double)(i + 1), 5120,
			524288);
	estimated = judge(&history);
	history.subject.sample_bytes = 1;
	exact = judge(&history);
	assert_kind(&exact, VERDICT_LEAK);
	assert_true(estimated.kind < VERDICT_GROWING_BUFFER);
}

static void
more_points_than_can_be_held_are_thinned(void **state)
{
	static struct point points[1000];
	struct history history;
	struct verdict verdict;
	size_t i;

	(void)state;
	history_init(&history);
	for (i = 0; i < 1000; i++)
		points[i] = (struct point){ i * SECOND, 100 * (int64_t)i,
					    (int64_t)i };
	history.subject.points = points;
	history.subject.count = 1000;
	history.subject.tracked_s = 999;
	for (i = 0; i < 10; i++)
		add_age(&history, 100 * (double)i, 100 * (double)(i + 1), 100,
			10000);
	verdict = judge(&history);
	assert_kind(&verdict, VERDICT_LEAK);
	assert_true(fabs(verdict.bytes_per_hour - 360000) < 1);
}

static void
wild_numbers_give_finite_verdicts(void **state)
{
	struct history history;
	struct verdict verdict;
	uint64_t random = 88172645463325252u;
	unsigned int round;
	size_t i;

	(void)state;
	for (round = 0; round < 3000; round++) {
		uint64_t t = 0;
		double age = 0;

		history_init(&history);
		history.subject.count = round % 20;
		for (i = 0; i < history.subject.count; i++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			t += random % 3 == 0 ? 1 : random >> 24;
			history.points[i] = (struct point){
				t,
				random % 5 == 0 ? INT64_MAX
						: (int64_t)(random % 1000) - 5,
				random % 7 == 0 ? INT64_MIN
						: (int64_t)(random % 50)
			};
		}
		for (i = 0; i < round % 70 && i < BINS; i++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			add_age(&history, age, age + (double)(random % 3),
				(int64_t)(random % 9) - 1,
				(int64_t)(random % 999));
			age += (double)(random % 4);
		}
		history.subject.tracked_s = round % 3 ? 1e6 : -1;
		history.subject.sample_bytes = round % 2 ? 1 : 1u << 19;
		history.subject.is_retained = round % 5 == 0;
		verdict = judge(&history);
		assert_true(verdict.kind > VERDICT_NONE &&
			    verdict.kind < VERDICT_KIND_COUNT);
		assert_true(verdict.confidence >= 0 && verdict.confidence <= 1);
		assert_true(isfinite(verdict.bytes_per_hour));
		assert_true(verdict.trend_p >= 0 && verdict.trend_p <= 1);
		assert_true(verdict_suspicion(&history.subject) >= 0 &&
			    verdict_suspicion(&history.subject) <= 1);
	}
}

static void
equal_subjects_get_equal_verdicts(void **state)
{
	struct history history;
	struct verdict a, b;

	(void)state;
	make_leak(&history, 9, 3, 33);
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	verdict_of(&history.subject, &automatic, &a);
	verdict_of(&history.subject, &automatic, &b);
	assert_memory_equal(&a, &b, sizeof(a));
}

static void
a_buffer_seen_growing_four_times_is_not_steady(void **state)
{
	struct history history;
	struct verdict verdict;
	size_t i;

	(void)state;
	history_init(&history);
	for (i = 0; i < 4; i++)
		add_point(&history, 60 * (double)i, 1, 4096 << i);
	add_age(&history, 0, 1, 1, 32768);
	verdict = judge(&history);
	assert_kind(&verdict, VERDICT_INSUFFICIENT);
	assert_true(verdict.more_snapshots > 0);
}

/* Twice something was set up, and kept. */
static void
two_steps_are_no_leak(void **state)
{
	struct history history;
	struct verdict verdict;
	size_t i;

	(void)state;
	history_init(&history);
	for (i = 0; i < 24; i++)
		add_point(&history, 60 * (double)i,
			  i < 6    ? 10
			  : i < 16 ? 110
				   : 210,
			  i < 6    ? 1000
			  : i < 16 ? 11000
				   : 21000);
	add_age(&history, 420, 480, 100, 10000);
	add_age(&history, 1020, 1080, 100, 10000);
	add_age(&history, 1400, 1440, 10, 1000);
	verdict = judge(&history);
	assert_kind(&verdict, VERDICT_CACHE_FILL);
	/* A verdict that it calls wrong itself would be none. */
	history.subject.age_count = 0;
	verdict = judge(&history);
	assert_kind(&verdict, VERDICT_CACHE_FILL);
	assert_true(verdict.confidence >= 0.5);
}

/* One snapshot of a process that ran for 800 s. */
static void
suspicion_ranks_leaks_over_caches_and_pools(void **state)
{
	struct history leak, cache, pool, few;
	size_t i;

	(void)state;
	make_leak(&leak, 0, 0, 0);
	add_point(&leak, 740, 100, 10000);
	for (i = 0; i < 10; i++)
		add_age(&leak, 80 * (double)i, 80 * (double)(i + 1), 10, 1000);
	assert_true(verdict_suspicion(&leak.subject) > 0.7);

	history_init(&cache);
	add_point(&cache, 740, 100, 10000);
	add_age(&cache, 0, 120, 100, 10000);
	assert_true(verdict_suspicion(&cache.subject) < 0.2);

	history_init(&pool);
	add_point(&pool, 740, 100, 10000);
	add_age(&pool, 760, 800, 100, 10000);
	assert_true(verdict_suspicion(&pool.subject) < 0.1);

	/* The same evenness in few blocks says less. */
	history_init(&few);
	add_point(&few, 740, 5, 10000);
	for (i = 0; i < 5; i++)
		add_age(&few, 160 * (double)i, 160 * (double)(i + 1), 1, 2000);
	assert_true(verdict_suspicion(&few.subject) <
		    verdict_suspicion(&leak.subject));
}

static void
the_worst_sorts_first(void **state)
{
	const struct verdict small = { .kind = VERDICT_LEAK,
				       .confidence = 0.9,
				       .bytes_per_hour_low = 100 };
	const struct verdict large = { .kind = VERDICT_GROWING_BUFFER,
				       .confidence = 0.9,
				       .bytes_per_hour_low = 1000 };
	const struct verdict doubtful = { .kind = VERDICT_LEAK,
					  .confidence = 0.1,
					  .bytes_per_hour_low = 1000 };
	const struct verdict cache = { .kind = VERDICT_CACHE_FILL,
				       .confidence = 1,
				       .bytes_per_hour_low = 1e9 };

	(void)state;
	assert_true(verdict_compare(&large, &small) < 0);
	assert_true(verdict_compare(&small, &doubtful) < 0);
	assert_true(verdict_compare(&doubtful, &cache) < 0);
	assert_true(verdict_compare(&cache, &small) > 0);
	assert_int_equal(verdict_compare(&small, &small), 0);
}

/* --- snapshots at odd times -------------------------------------------------- */

/* Live at a time, of blocks that nothing frees: evenly born until `full`. */
static int64_t
filled(double seconds, double full, int64_t objects)
{
	if (seconds <= 0)
		return 0;
	return (int64_t)((double)objects * fmin(1, seconds / full));
}

/* `objects` blocks of `size`, evenly born from the start of tracking until
 * `full` seconds, seen at these seconds since then. Bins as the shim's: three of
 * 1 s, three of 2 s ... */
static void
make_filling(struct history *history, const double *times, size_t count,
	     double full, int64_t objects, int64_t size, bool has_ages)
{
	double end = times[count - 1];
	double young = 0;
	double width = 1;
	size_t i;

	history_init(history);
	for (i = 0; i < count; i++) {
		int64_t live = filled(times[i], full, objects);

		add_point(history, times[i], live, live * size);
	}
	history->subject.tracked_s = end;
	for (i = 0; has_ages && young < end; i++) {
		double old = fmin(end, young + width);
		int64_t born = filled(end - young, full, objects) -
			       filled(end - old, full, objects);

		add_age(history, young, old, born, born * size);
		young = old;
		if (i % 3 == 2)
			width *= 2;
	}
}

/* As a page that nobody looked at has them: close together while a cache of 257
 * slabs filled in 6 min 24 s, one in five minutes since. */
static void
growth_that_stopped_is_no_leak_however_few_saw_it_stop(void **state)
{
	static const double times[] = { 5, 15, 35, 75, 155, 315, 635, 810 };
	struct history history;
	struct verdict verdict;
	int has_ages;
	size_t count;

	(void)state;
	for (has_ages = 0; has_ages < 2; has_ages++) {
		make_filling(&history, times, 8, 389, 257, 1 << 20, has_ages);
		verdict = judge(&history);
		assert_kind(&verdict, VERDICT_CACHE_FILL);
		/* What is counted on is the whole time. */
		assert_true(verdict.bytes_per_hour < 1.3 * 1073741824);
	}
	/* A minute after it was full the survivors tell, or it is too early. */
	make_filling(&history, times, 7, 389, 257, 1 << 20, true);
	verdict = judge(&history);
	assert_false(verdict_is_leak(&verdict));
	/* The same times, and no end to it. */
	for (has_ages = 0; has_ages < 2; has_ages++) {
		for (count = 7; count <= 8; count++) {
			make_filling(&history, times, count, 1e9, 257000000,
				     100, has_ages);
			verdict = judge(&history);
			assert_kind(&verdict, VERDICT_LEAK);
		}
	}
}

/* Two, and minutes later eight: between the two groups it went up in one step,
 * as far as the points tell. */
static void
a_leak_is_one_whenever_one_looked(void **state)
{
	static const double times[] = { 5,   9,   275, 278, 282,
					285, 289, 292, 295, 299 };
	struct history history;
	struct verdict verdict;
	int has_ages;

	(void)state;
	for (has_ages = 0; has_ages < 2; has_ages++) {
		make_filling(&history, times, 10, 1e6, 364000000, 300,
			     has_ages);
		verdict = judge(&history);
		assert_kind(&verdict, VERDICT_LEAK);
		assert_true(verdict.confidence > 0.95);
		assert_true(fabs(verdict.objects_per_hour / 364 / 3600 - 1) <
			    0.01);
	}
	/* All of it was there after a moment: a step. */
	for (has_ages = 0; has_ages < 2; has_ages++) {
		make_filling(&history, times, 10, 30, 364, 300, has_ages);
		verdict = judge(&history);
		assert_kind(&verdict, VERDICT_CACHE_FILL);
	}
}

/* The clock of births may tick before that of the snapshot: then the youngest
 * bin begins when the snapshot was taken, or after. */
static void
a_bin_of_no_time_takes_no_ages_away(void **state)
{
	struct history plain, ticked;
	struct verdict without, with;

	(void)state;
	make_leak(&plain, 20, 7, 100);
	make_leak(&ticked, 20, 7, 100);
	memmove(ticked.ages + 1, ticked.ages,
		plain.subject.age_count * sizeof(*ticked.ages));
	ticked.ages[0] = (struct age_bin){ 0, 0, 0, 0 };
	ticked.subject.age_count++;
	without = judge(&plain);
	with = judge(&ticked);
	assert_memory_equal(&with, &without, sizeof(with));
	/* What was born in it lives. */
	ticked.ages[0].objects = 7;
	ticked.ages[1].objects = 0;
	with = judge(&ticked);
	assert_kind(&with, VERDICT_LEAK);
	assert_true(with.confidence > 0.95);
}

/* Of a bin that is all the time nobody knows when its blocks were born. */
static void
a_single_bin_suspects_nothing(void **state)
{
	struct history history;

	(void)state;
	history_init(&history);
	add_point(&history, 1, 5000, 500000);
	history.subject.tracked_s = 1;
	add_age(&history, 0, 1, 5000, 500000);
	assert_true(verdict_suspicion(&history.subject) == 0);
}

static void
what_may_leak_is_above_what_has_stopped(void **state)
{
	const struct verdict may = { .kind = VERDICT_INSUFFICIENT,
				     .confidence = 0.1,
				     .bytes_per_hour_low = -5 };
	const struct verdict full = { .kind = VERDICT_CACHE_FILL,
				      .confidence = 1,
				      .bytes_per_hour_low = 1e9 };

	(void)state;
	assert_true(verdict_compare(&may, &full) < 0);
	assert_true(verdict_compare(&full, &may) > 0);
}

static void
names_are_those_of_machines(void **state)
{
	(void)state;
	assert_string_equal(verdict_name(VERDICT_LEAK), "leak");
	assert_string_equal(verdict_name(VERDICT_GROWING_BUFFER),
			    "growing-buffer");
	assert_string_equal(verdict_name(VERDICT_CACHE_FILL), "cache-fill");
	assert_string_equal(verdict_name(VERDICT_RETENTION), "retention");
	assert_string_equal(verdict_name(VERDICT_STEADY), "steady");
	assert_string_equal(verdict_name(VERDICT_INSUFFICIENT), "insufficient");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steady_growth_of_objects_is_a_leak),
		cmocka_unit_test(five_snapshots_and_the_ages_tell_a_leak),
		cmocka_unit_test(two_points_are_never_enough),
		cmocka_unit_test(three_points_ask_for_more),
		cmocka_unit_test(what_insufficient_asks_for_is_enough),
		cmocka_unit_test(what_never_moves_is_steady),
		cmocka_unit_test(a_cache_that_is_full_is_no_leak),
		cmocka_unit_test(a_rise_without_survivors_is_no_leak),
		cmocka_unit_test(one_object_ever_larger_is_a_growing_buffer),
		cmocka_unit_test(a_buffer_that_doubled_early_has_stopped),
		cmocka_unit_test(
			a_buffer_seen_growing_four_times_is_not_steady),
		cmocka_unit_test(two_steps_are_no_leak),
		cmocka_unit_test(the_warm_up_is_found_and_left_out),
		cmocka_unit_test(the_warm_up_can_be_set),
		cmocka_unit_test(time_to_the_limit_is_headroom_over_slope),
		cmocka_unit_test(lines_of_the_ledger_are_judged_by_their_bytes),
		cmocka_unit_test(noise_of_a_sample_is_no_leak),
		cmocka_unit_test(more_points_than_can_be_held_are_thinned),
		cmocka_unit_test(wild_numbers_give_finite_verdicts),
		cmocka_unit_test(equal_subjects_get_equal_verdicts),
		cmocka_unit_test(suspicion_ranks_leaks_over_caches_and_pools),
		cmocka_unit_test(the_worst_sorts_first),
		cmocka_unit_test(
			growth_that_stopped_is_no_leak_however_few_saw_it_stop),
		cmocka_unit_test(a_leak_is_one_whenever_one_looked),
		cmocka_unit_test(a_bin_of_no_time_takes_no_ages_away),
		cmocka_unit_test(a_single_bin_suspects_nothing),
		cmocka_unit_test(what_may_leak_is_above_what_has_stopped),
		cmocka_unit_test(names_are_those_of_machines),
	};

	return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
