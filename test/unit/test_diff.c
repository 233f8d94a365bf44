/* The arithmetic of rows, and their order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../analyzer/diff.h"
#include "../../analyzer/process.h"
#include "../../analyzer/reader.h"
#include "comparison.h"
#include "stories.h"

#define KIB (INT64_C(1) << 10)
#define MIB (INT64_C(1) << 20)

/* The story as it is when `cut` bytes of it are missing. */
static struct model *
load_cut(struct snapgen *gen, size_t cut)
{
	struct snapgen_buffer packed = snapgen_pack(gen, 1);
	struct snapgen_buffer zipped =
		snapgen_gzip(packed.data, packed.len - cut);
	struct err err;
	struct model *model =
		reader_load(snapgen_file(zipped.data, zipped.len), &err);

	free(packed.data);
	free(zipped.data);
	snapgen_free(gen);
	snapgen_clean();
	assert_non_null(model);
	assert_true(model->truncated);
	return model;
}

static void
assert_amount(struct amount amount, int64_t objects, int64_t bytes)
{
	assert_int_equal(amount.objects, objects);
	assert_int_equal(amount.bytes, bytes);
}

static void
growth_is_new_minus_old(void **state)
{
	struct model *old_model = comparison_load(story_server_old());
	struct model *new_model = comparison_load(story_server_new());
	struct comparison *made = comparison_of(old_model, new_model);
	const struct diff *diff = made->diff;
	const struct row *row = &diff->rows[diff->first[ROW_HEAP]];

	(void)state;
	assert_true(diff->same_process);
	assert_false(diff->estimated);
	assert_int_equal(diff->count[ROW_HEAP], 5);
	assert_amount(row->live_old, 1000, MIB);
	assert_amount(row->live_new, 10000, 10 * MIB);
	assert_amount(row->delta, 9000, 9 * MIB);
	assert_amount(row->alloc, 11000, 11 * MIB);
	assert_amount(row->release, 2000, 2 * MIB);
	assert_int_equal(row->stacks, 1);
	assert_int_equal(row->node.id,
			 atlas_stack(made->study.atlas, row->stack).node.id);
	/* Gone altogether. */
	row = &diff->rows[diff->first[ROW_HEAP] + 3];
	assert_amount(row->delta, -1, -4 * KIB);
	assert_amount(row->alloc, 0, 0);
	assert_amount(row->release, 1, 4 * KIB);
	assert_amount(diff->totals[ROW_HEAP].delta, 9983, 8 * MIB - 4 * KIB);
	comparison_free(made);
}

static void
rows_fall_by_delta(void **state)
{
	struct model *old_model = comparison_load(story_server_old());
	struct model *new_model = comparison_load(story_server_new());
	struct comparison *made = comparison_of(old_model, new_model);
	const struct diff *diff = made->diff;
	size_t i;

	(void)state;
	for (i = 1; i < diff->count[ROW_HEAP]; i++)
		assert_true(diff->rows[i - 1].delta.bytes >=
			    diff->rows[i].delta.bytes);
	comparison_free(made);
}

/* Sites in opposite order in the file; all alike but for their stacks. */
static struct model *
twins(bool reversed)
{
	struct snapgen *gen = snapgen_new();
	uint32_t module = snapgen_module(gen, "/bin/x", "id", 0x1000, 0x1000);
	uint32_t nodes[3];
	uint32_t i;

	for (i = 0; i < 3; i++)
		nodes[i] = snapgen_node(gen, 0,
					snapgen_pc(gen, module, 0x1100 + i));
	for (i = 0; i < 3; i++)
		snapgen_site(gen, &(struct snapgen_site){
					  nodes[reversed ? 2 - i : i], 0, 1, 8,
					  0, 0 });
	return comparison_load(gen);
}

static void
ties_are_broken_by_stack(void **state)
{
	unsigned int reversed;

	(void)state;
	for (reversed = 0; reversed < 2; reversed++) {
		struct model *model = twins(reversed);
		struct comparison *made = comparison_of(NULL, model);
		const struct diff *diff = made->diff;
		uint32_t i;

		assert_int_equal(diff->count[ROW_HEAP], 3);
		for (i = 0; i < 3; i++)
			assert_int_equal(diff->rows[i].node.id, i + 1);
		comparison_free(made);
	}
}

static void
equal_growth_falls_by_objects_then_live(void **state)
{
	/* Nodes 1, 2, 3: old live, then what came: bytes and objects. */
	static const uint64_t before[] = { 10, 30, 20 };
	static const uint64_t objects[] = { 1, 1, 2 };
	static const uint32_t expected[] = { 3, 2, 1 };
	struct snapgen *gens[2] = { snapgen_new(), snapgen_new() };
	struct model *models[2];
	const struct diff *diff;
	struct comparison *made;
	size_t side;
	uint32_t i;

	(void)state;
	for (side = 0; side < 2; side++) {
		uint32_t module = snapgen_module(gens[side], "/bin/x", "id",
						 0x1000, 0x1000);

		for (i = 0; i < 3; i++) {
			uint32_t node = snapgen_node(
				gens[side], 0,
				snapgen_pc(gens[side], module, 0x1100 + i));

			snapgen_site(gens[side],
				     &(struct snapgen_site){
					     node, 0, 1 + side * objects[i],
					     before[i] + side * 8, 0, 0 });
		}
		models[side] = comparison_load(gens[side]);
	}
	made = comparison_of(models[0], models[1]);
	diff = made->diff;
	assert_int_equal(diff->count[ROW_HEAP], 3);
	for (i = 0; i < 3; i++)
		assert_int_equal(diff->rows[i].node.id, expected[i]);
	comparison_free(made);
}

static void
one_snapshot_is_what_lives(void **state)
{
	struct model *model = comparison_load(story_server_new());
	struct comparison *made = comparison_of(NULL, model);
	const struct diff *diff = made->diff;
	const struct row *row = &diff->rows[0];

	(void)state;
	assert_true(diff->same_process);
	assert_amount(row->live_old, 0, 0);
	assert_amount(row->delta, 10000, 10 * MIB);
	assert_amount(row->alloc, 12000, 12 * MIB);
	assert_amount(diff->totals[ROW_HEAP].live_new, 11085,
		      13 * MIB + 64 * KIB);
	/* Freed altogether, but it has a history. */
	assert_int_equal(diff->count[ROW_HEAP], 5);
	comparison_free(made);
}

static void
threads_hold_resources_until_joined(void **state)
{
	struct model *old_model = comparison_load(story_server_old());
	struct model *new_model = comparison_load(story_server_new());
	struct comparison *made = comparison_of(old_model, new_model);
	const struct diff *diff = made->diff;
	const struct row *row = &diff->rows[diff->first[ROW_THREAD]];

	(void)state;
	assert_int_equal(diff->count[ROW_THREAD], 1);
	assert_int_equal(row->kind, ROW_THREAD);
	assert_amount(row->live_old, 2, 16 * MIB);
	assert_amount(row->live_new, 7, 56 * MIB);
	assert_amount(row->delta, 5, 40 * MIB);
	assert_amount(row->alloc, 7, 56 * MIB);
	assert_amount(row->release, 2, 16 * MIB);
	assert_int_equal(row->threads_new.running, 5);
	assert_int_equal(row->threads_new.unjoined, 2);
	assert_int_equal(row->threads_old.unjoined, 0);
	/* Never mixed with the heap. */
	assert_int_equal(diff->totals[ROW_HEAP].live_new.bytes,
			 13 * MIB + 64 * KIB);
	comparison_free(made);
}

static void
ledger_needs_both_snapshots(void **state)
{
	struct model *full = comparison_load(story_server_new());
	struct model *old_model = comparison_load(story_server_old());
	struct comparison *made = comparison_of(old_model, full);
	const struct diff *diff = made->diff;
	const struct row *rows = diff->rows + diff->first[ROW_LEDGER];

	(void)state;
	assert_int_equal(diff->count[ROW_LEDGER], LEDGER_LINE_COUNT);
	assert_int_equal(rows[LEDGER_live_heap].line, LEDGER_live_heap);
	assert_int_equal(rows[LEDGER_live_heap].delta.bytes, 8 * MIB - 4 * KIB);
	assert_int_equal(rows[LEDGER_unexplained].live_new.bytes, -4096);
	assert_int_equal(diff->totals[ROW_LEDGER].delta.bytes,
			 8 * MIB - 4 * KIB);
	comparison_free(made);
	made = comparison_of(comparison_load(story_idle()),
			     comparison_load(story_server_new()));
	diff = made->diff;
	assert_int_equal(diff->count[ROW_LEDGER], 0);
	comparison_free(made);
	made = comparison_of(NULL, comparison_load(story_server_new()));
	diff = made->diff;
	assert_int_equal(diff->count[ROW_LEDGER], LEDGER_LINE_COUNT);
	comparison_free(made);
}

static void
other_process_matches_across_addresses(void **state)
{
	struct model *old_model = comparison_load(story_server_old());
	struct model *new_model = comparison_load(story_server_other());
	struct comparison *made = comparison_of(old_model, new_model);
	const struct diff *diff = made->diff;

	(void)state;
	assert_false(diff->same_process);
	assert_int_equal(diff->count[ROW_HEAP], 5);
	assert_amount(diff->rows[0].delta, 9000, 9 * MIB);
	comparison_free(made);
	/* The other way round columns of history fall below zero. */
	made = comparison_of(comparison_load(story_server_other()),
			     comparison_load(story_server_old()));
	diff = made->diff;
	assert_amount(diff->rows[diff->count[ROW_HEAP] - 1].alloc, -11000,
		      -11 * MIB);
	comparison_free(made);
}

static void
missing_half_is_not_compared(void **state)
{
	struct model *whole = comparison_load(story_server_new());
	struct model *cut = load_cut(story_server_old(), 200);
	struct comparison *made = comparison_of(cut, whole);
	const struct diff *diff = made->diff;

	(void)state;
	assert_int_equal(cut->site_count, 0);
	assert_int_equal(diff->count[ROW_HEAP], 0);
	assert_int_equal(diff->not_compared[ROW_HEAP], 5);
	assert_amount(diff->totals[ROW_HEAP].delta, 0, 0);
	comparison_free(made);
	made = comparison_of(comparison_load(story_server_new()),
			     load_cut(story_server_old(), 200));
	diff = made->diff;
	assert_int_equal(diff->not_compared[ROW_HEAP], 5);
	assert_int_equal(diff->not_compared[ROW_THREAD], 1);
	comparison_free(made);
	/* Alone it shows what it has. */
	made = comparison_of(NULL, load_cut(story_server_old(), 200));
	diff = made->diff;
	assert_int_equal(diff->not_compared[ROW_HEAP], 0);
	comparison_free(made);
}

static void
sums_at_the_bound_do_not_overflow(void **state)
{
	struct snapgen *gen = snapgen_new();
	struct model *huge;
	struct model *idle = comparison_load(story_idle());
	const struct diff *diff;
	struct comparison *made;

	(void)state;
	snapgen_site(gen, &(struct snapgen_site){ 0, 0, INT64_MAX / 2,
						  INT64_MAX / 2, 0, 0 });
	snapgen_threads(gen, &(struct snapgen_threads){ 0, INT64_MAX / 2, 0,
							INT64_MAX / 2,
							INT64_MAX / 2, 0 });
	huge = comparison_load(gen);
	made = comparison_of(huge, idle);
	diff = made->diff;
	assert_int_equal(diff->totals[ROW_HEAP].delta.bytes, -(INT64_MAX / 2));
	assert_int_equal(diff->totals[ROW_THREAD].delta.objects,
			 -(INT64_MAX / 2) * 2);
	comparison_free(made);
}

static void
process_is_named_by_all_of_its_marks(void **state)
{
	const struct header a = { .boot_id = "b",
				  .host = "h",
				  .exe = "x",
				  .exe_build_id = "",
				  .counted = "",
				  .pid = 1 };
	struct header b = a;

	(void)state;
	assert_true(process_same(&a, &b));
	b.pid = 2;
	assert_false(process_same(&a, &b));
	b = a;
	b.boot_id = "c";
	assert_false(process_same(&a, &b));
	b = a;
	b.host = "i";
	assert_false(process_same(&a, &b));
	b = a;
	b.pid_namespace = 3;
	assert_false(process_same(&a, &b));
	b = a;
	b.start_ticks = 4;
	assert_false(process_same(&a, &b));
	b = a;
	b.start_monotonic_ns = 5; /* exec */
	assert_false(process_same(&a, &b));
	b = a;
	b.exe = "moved";
	b.sequence = 9;
	assert_true(process_same(&a, &b));
}

static void
profiles_are_of_one_process_if_of_one_program(void **state)
{
	const struct header a = { .boot_id = "",
				  .host = "",
				  .exe = "x",
				  .exe_build_id = "1",
				  .counted = "" };
	struct header b = a;

	(void)state;
	assert_true(process_same(&a, &b));
	b.exe = "y";
	assert_false(process_same(&a, &b));
	b = a;
	b.exe_build_id = "2";
	assert_false(process_same(&a, &b));
	b = a;
	b.counted = "goroutines";
	assert_false(process_same(&a, &b));
}

static void
ages_are_of_the_newest_snapshot(void **state)
{
	struct snapgen *gen = snapgen_new();
	Leakshim__V1__Header *header = snapgen_header(gen);
	Leakshim__V1__CohortBin bins[2], *list[2] = { &bins[0], &bins[1] };
	uint32_t module = snapgen_module(gen, "/bin/x", "id", 0x1000, 0x1000);
	struct age_bin ages[LKS_COHORTS];
	struct comparison *made;
	const struct row *rows;
	uint32_t i;

	(void)state;
	leakshim__v1__cohort_bin__init(&bins[0]);
	leakshim__v1__cohort_bin__init(&bins[1]);
	bins[0].to_s = bins[1].from_s = 60;
	bins[1].to_s = 100;
	header->cohort_bins = list;
	header->n_cohort_bins = 2;
	header->monotonic_ns =
		header->start_monotonic_ns + UINT64_C(100000000000);
	for (i = 0; i < 3; i++)
		snapgen_site(gen, &(struct snapgen_site){
					  snapgen_node(gen, 0,
						       snapgen_pc(gen, module,
								  0x1100 + i)),
					  0, 9 - i, 90 - 10 * i, 0, 0 });
	snapgen_cohort(gen, 1, 0, 4, 40);
	snapgen_cohort(gen, 1, 1, 5, 50);
	snapgen_cohort(gen, 3, 1, 7, 70);
	made = comparison_of(NULL, comparison_load(gen));
	rows = made->diff->rows;
	assert_int_equal(diff_ages(made->diff, &rows[0], ages), 2);
	assert_true(ages[0].min_s == 0 && ages[0].max_s == 40);
	assert_true(ages[1].min_s == 40 && ages[1].max_s == 100);
	assert_int_equal(ages[0].bytes, 50);
	assert_int_equal(ages[1].objects, 4);
	assert_int_equal(diff_ages(made->diff, &rows[1], ages), 0);
	assert_int_equal(diff_ages(made->diff, &rows[2], ages), 2);
	assert_int_equal(ages[0].bytes, 70);
	assert_int_equal(ages[1].bytes, 0);
	comparison_free(made);
}

/* Allocated and freed before the first snapshot: no row, but a past. */
static void
totals_know_of_what_has_no_row(void **state)
{
	struct model *models[2];
	struct comparison *made;
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct snapgen *gen = snapgen_new();
		uint32_t pcs[] = { snapgen_pc(gen, 0, 0x1234), 0 };

		snapgen_site(gen,
			     &(struct snapgen_site){ snapgen_stack(gen, pcs), 0,
						     5, 80, 5, 80 });
		snapgen_header(gen)->sequence = i + 1;
		models[i] = comparison_load(gen);
	}
	made = comparison_of(models[0], models[1]);
	assert_int_equal(made->diff->count[ROW_HEAP], 0);
	assert_amount(made->diff->totals[ROW_HEAP].alloc_ever, 5, 80);
	assert_amount(made->diff->totals[ROW_HEAP].release_ever, 5, 80);
	assert_amount(made->diff->totals[ROW_HEAP].alloc, 0, 0);
	comparison_free(made);
}

/* Profiles that were unpacked together have one time. */
static void
profiles_that_differ_are_not_one_snapshot(void **state)
{
	struct model *old_model = comparison_load(story_server_old());
	struct model *new_model = comparison_load(story_server_new());
	struct comparison *made;

	(void)state;
	new_model->header.monotonic_ns = old_model->header.monotonic_ns;
	new_model->header.sequence = old_model->header.sequence;
	old_model->origin = new_model->origin = ORIGIN_PROFILE;
	made = comparison_of(old_model, new_model);
	assert_false(made->diff->same_snapshot);
	comparison_free(made);
	made = comparison_of(comparison_load(story_server_old()),
			     comparison_load(story_server_old()));
	assert_true(made->diff->same_snapshot);
	comparison_free(made);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(growth_is_new_minus_old),
		cmocka_unit_test(rows_fall_by_delta),
		cmocka_unit_test(ties_are_broken_by_stack),
		cmocka_unit_test(equal_growth_falls_by_objects_then_live),
		cmocka_unit_test(one_snapshot_is_what_lives),
		cmocka_unit_test(threads_hold_resources_until_joined),
		cmocka_unit_test(ledger_needs_both_snapshots),
		cmocka_unit_test(other_process_matches_across_addresses),
		cmocka_unit_test(missing_half_is_not_compared),
		cmocka_unit_test(sums_at_the_bound_do_not_overflow),
		cmocka_unit_test(ages_are_of_the_newest_snapshot),
		cmocka_unit_test(process_is_named_by_all_of_its_marks),
		cmocka_unit_test(profiles_that_differ_are_not_one_snapshot),
		cmocka_unit_test(totals_know_of_what_has_no_row),
		cmocka_unit_test(profiles_are_of_one_process_if_of_one_program),
	};

	return cmocka_run_group_tests_name("diff", tests, NULL, NULL);
}
