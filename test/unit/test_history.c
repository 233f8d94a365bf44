/* Tracks over many snapshots, and how they become rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../analyzer/history.h"
#include "comparison.h"

#define SECOND UINT64_C(1000000000)

/*
 * Snapshot number `i`, `i` seconds after the start: site 1 grows by 100 bytes
 * each time, site 2 is there at odd numbers only, site 3 stays.
 */
static struct model *
moment(uint32_t i)
{
	struct snapgen *gen = snapgen_new();
	uint32_t module = snapgen_module(gen, "/bin/x", "id", 0x1000, 0x1000);
	uint64_t count = i + 1;
	uint32_t nodes[3];
	uint32_t k;

	snapgen_header(gen)->sequence = i + 1;
	snapgen_header(gen)->start_monotonic_ns = SECOND;
	snapgen_header(gen)->monotonic_ns = (i + 1) * SECOND;
	for (k = 0; k < 3; k++)
		nodes[k] = snapgen_node(gen, 0,
					snapgen_pc(gen, module, 0x1100 + k));
	snapgen_site(gen, &(struct snapgen_site){ nodes[0], 0, count,
						  100 * count, 0, 0 });
	if (i % 2)
		snapgen_site(gen, &(struct snapgen_site){ nodes[1], 0, 1, 50, 0,
							  0 });
	snapgen_site(gen, &(struct snapgen_site){ nodes[2], 0, 7, 70, 0, 0 });
	return comparison_load(gen);
}

static struct comparison *
moments(uint32_t count)
{
	struct model **models = calloc(count, sizeof(struct model *));
	struct comparison *made;
	uint32_t i;

	assert_non_null(models);
	for (i = 0; i < count; i++)
		models[i] = moment(i);
	made = comparison_new(models, count, NULL, NULL);
	free(models);
	return made;
}

static void
points_are_what_was_live_at_each_snapshot(void **state)
{
	struct comparison *made = moments(5);
	const struct diff *diff = made->diff;
	uint32_t i;

	(void)state;
	assert_int_equal(diff->snapshot_count, 5);
	assert_int_equal(diff->point_count, 5);
	assert_int_equal(diff->count[ROW_HEAP], 3);
	for (i = 0; i < 5; i++) {
		assert_int_equal(diff->history->times_ns[i], i * SECOND);
		assert_int_equal(diff->rows[0].points[i].bytes, 100 * (i + 1));
		assert_int_equal(diff->rows[0].points[i].objects, i + 1);
		assert_int_equal(diff->totals[ROW_HEAP].points[i].bytes,
				 100 * (i + 1) + 70 + (i % 2 ? 50 : 0));
	}
	assert_int_equal(diff->rows[0].delta.bytes, 400);
	assert_int_equal(diff->rows[0].live_old.bytes, 100);
	assert_int_equal(diff->rows[1].delta.bytes, 0);
	comparison_free(made);
}

/* Neither in the first nor in the last: the trend needs it all the same. */
static void
site_that_came_and_went_is_a_row(void **state)
{
	struct comparison *made = moments(5);
	const struct row *row = &made->diff->rows[2];

	(void)state;
	assert_false(row->in_old);
	assert_false(row->in_new);
	assert_int_equal(row->live_new.bytes, 0);
	assert_int_equal(row->points[0].bytes, 0);
	assert_int_equal(row->points[1].bytes, 50);
	assert_int_equal(row->points[2].bytes, 0);
	assert_int_equal(row->points[4].bytes, 0);
	comparison_free(made);
}

static void
two_snapshots_have_no_points(void **state)
{
	struct comparison *made = moments(2);

	(void)state;
	assert_int_equal(made->diff->point_count, 0);
	assert_null(made->diff->rows[0].points);
	assert_int_equal(made->diff->rows[0].delta.bytes, 100);
	comparison_free(made);
}

static void
points_are_thinned_at_their_bound(void **state)
{
	enum { MANY = 3 * HISTORY_POINTS_MAX };
	struct comparison *made = moments(MANY);
	const struct history *history = made->diff->history;
	const struct row *row = &made->diff->rows[0];
	uint32_t i;

	(void)state;
	assert_int_equal(made->diff->snapshot_count, MANY);
	assert_in_range(history->point_count, HISTORY_POINTS_MAX / 2,
			HISTORY_POINTS_MAX);
	assert_int_equal(history->times_ns[0], 0);
	assert_int_equal(history->times_ns[history->point_count - 1],
			 (MANY - 1) * SECOND);
	for (i = 0; i < history->point_count; i++) {
		if (i)
			assert_true(history->times_ns[i] >
				    history->times_ns[i - 1]);
		/* Still what was live then. */
		assert_int_equal(row->points[i].bytes,
				 100 * (history->times_ns[i] / SECOND + 1));
	}
	/* First and last are the whole's. */
	assert_int_equal(row->live_old.bytes, 100);
	assert_int_equal(row->live_new.bytes, 100 * MANY);
	comparison_free(made);
}

/* Uneven points would make of any leak one great step and an end. */
static void
thinned_points_are_as_evenly_apart_as_the_snapshots(void **state)
{
	enum { MANY = 5 * HISTORY_POINTS_MAX + 3 };
	struct comparison *made = moments(MANY);
	const struct history *history = made->diff->history;
	uint64_t apart = history->times_ns[1] - history->times_ns[0];
	uint32_t i;

	(void)state;
	for (i = 1; i + 1 < history->point_count; i++)
		assert_int_equal(
			history->times_ns[i] - history->times_ns[i - 1], apart);
	assert_in_range(history->times_ns[i] - history->times_ns[i - 1], 1,
			apart);
	comparison_free(made);
}

/* What memory is needed for goes with the next snapshot. */
static void
only_the_newest_keeps_its_tables(void **state)
{
	struct comparison *made = moments(3);
	const struct history *history = made->diff->history;

	(void)state;
	assert_int_equal(history->snapshots[0]->site_count, 0);
	assert_int_equal(history->snapshots[1]->node_count, 0);
	assert_int_equal(history->snapshots[2]->site_count, 2);
	assert_int_equal(history->snapshots[0]->header.sequence, 1);
	assert_string_equal(history->snapshots[0]->header.exe,
			    history->snapshots[2]->header.exe);
	comparison_free(made);
}

/* Of many processes. */
static void
points_that_matter_survive_the_tracks(void **state)
{
	struct comparison *made = moments(5);
	struct diff *diff = made->part.diff;

	(void)state;
	diff->rows[2].verdict.kind = VERDICT_LEAK;
	diff_keep_points(diff, 2);
	history_drop_tracks(made->part.history);
	assert_int_equal(diff->rows[0].points[4].bytes, 500);
	assert_null(diff->rows[1].points);
	assert_int_equal(diff->rows[2].points[3].bytes, 50);
	assert_int_equal(diff->totals[ROW_HEAP].points[0].bytes, 170);
	comparison_free(made);
}

/* However many were thinned out. */
static void
work_stays_with_its_points(void **state)
{
	static struct work_entry entries[300];
	const struct work work = { "request", entries, 300 };
	struct atlas *atlas = atlas_new();
	struct history *history = history_new(atlas);
	uint32_t i;

	(void)state;
	history->work = &work;
	for (i = 0; i < 300; i++) {
		struct model *model = moment(i);

		entries[i] = (struct work_entry){
			.pid = model->header.pid,
			.start_ticks = model->header.start_ticks,
			.sequence = i + 1,
			.units = 7.0 * i,
		};
		history_add(history, model);
	}
	assert_true(history->point_count < 129);
	for (i = 0; i < history->point_count; i++)
		assert_true(history->units[i] ==
			    7 * ((double)history->times_ns[i] / SECOND));
	history_free(history);
	atlas_free(atlas);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(work_stays_with_its_points),
		cmocka_unit_test(points_are_what_was_live_at_each_snapshot),
		cmocka_unit_test(site_that_came_and_went_is_a_row),
		cmocka_unit_test(two_snapshots_have_no_points),
		cmocka_unit_test(points_are_thinned_at_their_bound),
		cmocka_unit_test(
			thinned_points_are_as_evenly_apart_as_the_snapshots),
		cmocka_unit_test(only_the_newest_keeps_its_tables),
		cmocka_unit_test(points_that_matter_survive_the_tracks),
	};

	return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
