/* What of a diff is judged, and against which limit. How is test_verdict.c's. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../analyzer/judge.h"
#include "comparison.h"

#define KIB UINT64_C(1024)
#define SECOND UINT64_C(1000000000)
#define STEPS 20

/* --- headroom --------------------------------------------------------------- */

/* What a snapshot says of its memory; limit is that of its cgroup. */
struct memory {
	uint64_t rss;
	uint64_t cgroup;
	uint64_t limit;
};

static int64_t
headroom(struct memory memory, uint64_t limit_given)
{
	const struct judge_settings settings = { .limit_bytes = limit_given };
	struct model model = {
		.header.memory_limit_bytes = memory.limit,
		.ledger.present = memory.rss > 0,
		.ledger.bytes[LEDGER_rss] = (int64_t)memory.rss,
		.ledger.cgroup_bytes = memory.cgroup,
	};
	const struct diff diff = { .new_model = &model };

	return judge_headroom(&diff, &settings);
}

static void
cgroups_limit_is_held_against_its_charge(void **state)
{
	(void)state;
	assert_int_equal(headroom((struct memory){ 100, 0, 150 }, 0), 50);
	assert_int_equal(headroom((struct memory){ 100, 120, 150 }, 0), 30);
	/* A limit of one's own is of resident memory. */
	assert_int_equal(headroom((struct memory){ 100, 120, 150 }, 400), 300);
	/* The charge is known without a ledger too. */
	assert_int_equal(headroom((struct memory){ 0, 120, 150 }, 0), 30);
}

static void
headroom_is_unknown_or_gone(void **state)
{
	(void)state;
	assert_int_equal(headroom((struct memory){ 100, 0, 0 }, 0), 0);
	assert_int_equal(headroom((struct memory){ 0, 0, 150 }, 0), 0);
	assert_int_equal(headroom((struct memory){ 100, 0, UINT64_MAX }, 0), 0);
	assert_true(headroom((struct memory){ 100, 0, 100 }, 0) < 0);
	assert_true(headroom((struct memory){ 100, 0, 0 }, 99) < 0);
	assert_true(headroom((struct memory){ 100, 160, 150 }, 0) < 0);
	assert_int_equal(headroom((struct memory){ 100, 160, 150 }, 101), 1);
}

/* --- series ----------------------------------------------------------------- */

/* One site that gets `objects` more each minute, and lines of a ledger that
 * grow by so much. */
struct growth {
	uint64_t objects;
	uint64_t object_bytes;
	uint64_t freed; /* bytes, of another size */
	uint64_t threads;
	uint64_t retained;
	uint64_t shim;
	uint64_t mapped;
};

static struct model *
snapshot(const struct growth *growth, uint64_t step)
{
	struct snapgen *gen = snapgen_new();
	Leakshim__V1__Header *header = snapgen_header(gen);
	Leakshim__V1__Ledger *ledger = snapgen_ledger(gen);
	uint32_t leaks[] = { snapgen_pc(gen, 0, 0x1000), 0 };
	uint32_t starts[] = { snapgen_pc(gen, 0, 0x2000), 0 };
	uint64_t objects = growth->objects * step;

	header->sequence = step;
	header->monotonic_ns = header->start_monotonic_ns + 60 * step * SECOND;
	header->memory_limit_bytes = UINT64_C(1) << 40;
	snapgen_site(gen,
		     &(struct snapgen_site){
			     .node = snapgen_stack(gen, leaks),
			     .alloc_objects = objects,
			     .alloc_bytes = objects * growth->object_bytes +
					    growth->freed * step,
			     .free_bytes = growth->freed * step });
	if (growth->threads)
		snapgen_threads(gen,
				&(struct snapgen_threads){
					snapgen_stack(gen, starts),
					growth->threads * step, 0,
					growth->threads * step, 0, 8 * KIB });
	ledger->allocator_retained_bytes = 64 * KIB + growth->retained * step;
	ledger->shim_bytes = 64 * KIB + growth->shim * step;
	ledger->direct_mmap_bytes = 64 * KIB + growth->mapped * step;
	ledger->rss_bytes = ledger->allocator_retained_bytes +
			    ledger->shim_bytes + ledger->direct_mmap_bytes;
	return comparison_load(gen);
}

static struct comparison *
judged(struct model *const *take_models, size_t count)
{
	const struct judge_settings settings = { .warmup_s = -1 };
	struct comparison *made =
		comparison_new(take_models, count, NULL, NULL);

	judge(made->part.diff, &settings);
	return made;
}

static struct comparison *
series(const struct growth *growth)
{
	struct model *models[STEPS];
	uint64_t i;

	for (i = 0; i < STEPS; i++)
		models[i] = snapshot(growth, i + 1);
	return judged(models, STEPS);
}

static const struct row *
line_of(const struct comparison *made, enum ledger_line line)
{
	return &made->diff->rows[made->diff->first[ROW_LEDGER] + line];
}

static void
threads_meet_no_limit(void **state)
{
	static const struct growth growth = { .objects = 100,
					      .object_bytes = 64,
					      .threads = 2 };
	struct comparison *made = series(&growth);
	const struct diff *diff = made->diff;
	const struct row *thread = &diff->rows[diff->first[ROW_THREAD]];

	(void)state;
	assert_true(diff->judged);
	assert_int_equal(diff->rows[0].verdict.kind, VERDICT_LEAK);
	assert_true(diff->rows[0].verdict.eta_hours > 0);
	assert_int_equal(thread->verdict.kind, VERDICT_LEAK);
	assert_true(thread->verdict.bytes_per_hour > 0);
	assert_true(thread->verdict.eta_hours < 0);
	comparison_free(made);
}

/* Copies of profiles may have lost their times. */
static void
last_of_equal_times_counts(void **state)
{
	static const struct growth growth = { .objects = 100,
					      .object_bytes = 64 };
	static const struct growth other = { .objects = 7777,
					     .object_bytes = 64 };
	struct comparison *plain = series(&growth);
	struct comparison *doubled;
	struct model *models[STEPS + 2];
	size_t count = 0;
	uint64_t i;

	(void)state;
	for (i = 0; i < STEPS; i++) {
		if (i == 9 || i == STEPS - 1)
			models[count++] = snapshot(&other, i + 1);
		models[count++] = snapshot(&growth, i + 1);
	}
	doubled = judged(models, count);
	assert_int_equal(doubled->diff->point_count, STEPS + 2);
	assert_memory_equal(&doubled->diff->rows[0].verdict,
			    &plain->diff->rows[0].verdict,
			    sizeof(struct verdict));
	assert_int_equal(plain->diff->rows[0].verdict.kind, VERDICT_LEAK);
	comparison_free(doubled);
	comparison_free(plain);
}

static void
one_moment_alone_is_too_little(void **state)
{
	static const struct growth growth = { .objects = 100,
					      .object_bytes = 64 };
	struct model *models[STEPS];
	struct comparison *made;
	size_t i;

	(void)state;
	for (i = 0; i < STEPS; i++) {
		models[i] = snapshot(&growth, i + 1);
		models[i]->header.monotonic_ns = models[0]->header.monotonic_ns;
	}
	made = judged(models, STEPS);
	assert_int_equal(made->diff->rows[0].verdict.kind,
			 VERDICT_INSUFFICIENT);
	comparison_free(made);
}

/* --- rows of several call stacks --------------------------------------------- */

#define CALLERS 6
#define LEAKS 2

/* A wrapper with six callers, of which two keep what they get. */
static struct model *
wrapper_snapshot(uint64_t step)
{
	struct snapgen *gen = snapgen_new();
	Leakshim__V1__Header *header = snapgen_header(gen);
	uint32_t wrapper = snapgen_pc(gen, 0, 0x1000);
	uint32_t i;

	header->sequence = step;
	header->monotonic_ns = header->start_monotonic_ns + 60 * step * SECOND;
	for (i = 0; i < CALLERS; i++) {
		uint32_t stack[] = { wrapper, snapgen_pc(gen, 0, 0x2000 + i),
				     0 };
		uint64_t live = i < LEAKS ? 100 * step : 50 + (step == STEPS);

		snapgen_site(gen, &(struct snapgen_site){
					  snapgen_stack(gen, stack), 0,
					  1000 * step + live,
					  (1000 * step + live) * 64,
					  1000 * step, 1000 * step * 64 });
	}
	return comparison_load(gen);
}

static void
only_call_stacks_that_leak_are_guilty(void **state)
{
	const struct judge_settings settings = { .warmup_s = -1 };
	uint32_t of[CALLERS + 1] = { 0, 1, 1, 1, 1, 1, 1 };
	const char *labels[] = { NULL, "wrapper" };
	struct classes one = { .count = 1, .of = of, .labels = labels };
	struct model *models[STEPS];
	struct comparison *made;
	struct diff *diff;
	uint64_t i;

	(void)state;
	for (i = 0; i < STEPS; i++)
		models[i] = wrapper_snapshot(i + 1);
	made = judged(models, STEPS);
	for (i = 0; i < CALLERS; i++)
		assert_int_equal(made->diff->rows[i].guilty, 1);
	of[0] = 1;
	diff = diff_new(made->part.history, &one, made->part.threads);
	judge(diff, &settings);
	assert_int_equal(diff->count[ROW_HEAP], 1);
	assert_int_equal(diff->rows[0].stacks, CALLERS);
	assert_int_equal(diff->rows[0].verdict.kind, VERDICT_LEAK);
	assert_int_equal(diff->rows[0].guilty, LEAKS);
	diff_free(diff);
	comparison_free(made);
}

/* --- one snapshot ----------------------------------------------------------- */

static void
one_snapshot_is_suspected_by_its_ages(void **state)
{
	static Leakshim__V1__CohortBin bins[10];
	static Leakshim__V1__CohortBin *list[10];
	struct snapgen *gen = snapgen_new();
	Leakshim__V1__Header *header = snapgen_header(gen);
	uint32_t stacks[2][2] = { { snapgen_pc(gen, 0, 0x1000), 0 },
				  { snapgen_pc(gen, 0, 0x2000), 0 } };
	const struct row *rows;
	struct comparison *made;
	struct model *model;
	uint32_t i;

	(void)state;
	for (i = 0; i < 10; i++) {
		leakshim__v1__cohort_bin__init(&bins[i]);
		bins[i].from_s = 60 * i;
		bins[i].to_s = 60 * i + 60;
		list[i] = &bins[i];
	}
	header->cohort_bins = list;
	header->n_cohort_bins = 10;
	header->monotonic_ns = header->start_monotonic_ns + 600 * SECOND;
	/* Some of every age remain. */
	snapgen_site(gen, &(struct snapgen_site){ snapgen_stack(gen, stacks[0]),
						  0, 200, 12800, 100, 6400 });
	for (i = 0; i < 10; i++)
		snapgen_cohort(gen, 1, i, 10, 640);
	/* As many live, but briefly. */
	snapgen_site(gen,
		     &(struct snapgen_site){ snapgen_stack(gen, stacks[1]), 0,
					     20000, 1280000, 19900, 1273601 });
	snapgen_cohort(gen, 2, 9, 100, 6399);
	model = comparison_load(gen);
	made = judged(&model, 1);
	rows = made->diff->rows;
	assert_false(made->diff->judged);
	assert_int_equal(made->diff->count[ROW_HEAP], 2);
	assert_int_equal(rows[0].live_new.bytes, 6400);
	assert_true(rows[0].suspicion > 0.5 && rows[0].suspicion <= 1);
	assert_true(rows[1].suspicion < 0.1);
	assert_int_equal(rows[0].verdict.kind, VERDICT_NONE);
	comparison_free(made);
}

static void
two_snapshots_are_not_judged(void **state)
{
	static const struct growth growth = { .objects = 100,
					      .object_bytes = 64 };
	struct model *models[] = { snapshot(&growth, 1), snapshot(&growth, 2) };
	struct comparison *made = judged(models, 2);

	(void)state;
	assert_false(made->diff->judged);
	assert_int_equal(made->diff->rows[0].verdict.kind, VERDICT_NONE);
	assert_true(made->diff->rows[0].suspicion == 0);
	comparison_free(made);
}

/* A program that becomes slower, as one that leaks does: by the clock its
 * growth bends as a cache's, per unit of work it is as straight as can be. */
static void
growth_is_judged_by_the_work_where_that_is_known(void **state)
{
	static const struct growth leak = { .objects = 50,
					    .object_bytes = 100 };
	const struct judge_settings settings = { .warmup_s = -1 };
	struct comparison *made = series(&leak);
	struct diff *diff = made->part.diff;
	struct history *history = made->part.history;
	const struct work work = { .unit = "request" };
	uint64_t start = history->times_ns[0];
	uint32_t i;

	(void)state;
	for (i = 0; i < history->point_count; i++) {
		history->times_ns[i] = start + (SECOND << i);
		history->units[i] = 50. * i;
	}
	judge(diff, &settings);
	assert_int_not_equal(diff->rows[0].verdict.kind, VERDICT_LEAK);
	history->work = &work;
	judge(diff, &settings);
	assert_int_equal(diff->rows[0].verdict.kind, VERDICT_LEAK);
	/* Where one is not known, it is by the clock. */
	history->units[2] = NAN;
	judge(diff, &settings);
	assert_int_not_equal(diff->rows[0].verdict.kind, VERDICT_LEAK);
	comparison_free(made);
}

/* --- the ledger -------------------------------------------------------------- */

/* 100 blocks of 41 bytes have 2,300 bytes of headers and rounding: what is kept
 * on top of that is what the allocator fails to give back. */
static void
what_blocks_bring_along_is_no_retention(void **state)
{
	static const struct growth explained = { .objects = 100,
						 .object_bytes = 41,
						 .retained = 2300 };
	static const struct growth half = { .objects = 100,
					    .object_bytes = 41,
					    .freed = 1600,
					    .retained = 3200 };
	static const struct growth alone = { .freed = 1600, .retained = 1600 };
	static const struct growth unfreed = { .freed = 700, .retained = 1600 };
	struct comparison *made = series(&explained);
	const struct row *line = line_of(made, LEDGER_allocator_retained);

	(void)state;
	assert_int_equal(line->verdict.kind, VERDICT_NONE);
	comparison_free(made);
	made = series(&half);
	line = line_of(made, LEDGER_allocator_retained);
	assert_int_equal(line->verdict.kind, VERDICT_RETENTION);
	/* The whole is told, not the rest. */
	assert_int_equal((int64_t)(line->verdict.bytes_per_hour + 0.5),
			 3200 * 60);
	comparison_free(made);
	made = series(&alone);
	line = line_of(made, LEDGER_allocator_retained);
	assert_int_equal(line->verdict.kind, VERDICT_RETENTION);
	comparison_free(made);
	made = series(&unfreed);
	line = line_of(made, LEDGER_allocator_retained);
	assert_int_equal(line->verdict.kind, VERDICT_NONE);
	comparison_free(made);
}

/* A file may count more objects than can be multiplied: the sanitizers tell. */
static void
no_number_of_blocks_overflows(void **state)
{
	static const struct growth huge = { .objects = UINT64_C(1) << 57,
					    .object_bytes = 1,
					    .retained = 1600 };
	struct comparison *made = series(&huge);
	const struct row *line = line_of(made, LEDGER_allocator_retained);

	(void)state;
	assert_int_equal((int64_t)(line->verdict.bytes_per_hour + 0.5),
			 1600 * 60);
	comparison_free(made);
}

static void
our_own_tables_are_no_leak_of_the_program(void **state)
{
	static const struct growth growth = { .shim = 16 * 1024,
					      .mapped = 16 * 1024 };
	struct comparison *made = series(&growth);

	(void)state;
	assert_true(
		verdict_is_leak(&line_of(made, LEDGER_direct_mmap)->verdict));
	assert_int_equal(line_of(made, LEDGER_shim)->verdict.kind,
			 VERDICT_NONE);
	comparison_free(made);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cgroups_limit_is_held_against_its_charge),
		cmocka_unit_test(headroom_is_unknown_or_gone),
		cmocka_unit_test(threads_meet_no_limit),
		cmocka_unit_test(last_of_equal_times_counts),
		cmocka_unit_test(one_moment_alone_is_too_little),
		cmocka_unit_test(one_snapshot_is_suspected_by_its_ages),
		cmocka_unit_test(two_snapshots_are_not_judged),
		cmocka_unit_test(only_call_stacks_that_leak_are_guilty),
		cmocka_unit_test(
			growth_is_judged_by_the_work_where_that_is_known),
		cmocka_unit_test(what_blocks_bring_along_is_no_retention),
		cmocka_unit_test(no_number_of_blocks_overflows),
		cmocka_unit_test(our_own_tables_are_no_leak_of_the_program),
	};

	return cmocka_run_group_tests_name("judge", tests, NULL, NULL);
}
