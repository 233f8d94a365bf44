/* Which rows are listed, in which order, and what is told of the others. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../analyzer/err.h"
#include "../../analyzer/select.h"
#include "../../analyzer/symbolize.h"
#include "comparison.h"
#include "stories.h"

/* Rows of the story of two snapshots, by growth. */
enum { CREATE, PARSE, TABLE, BUFFER, CACHE, HEAP_ROWS };

struct scene {
	struct symbolizer *symbolizer;
	struct blame *blame;
	struct comparison *made;
	struct diff *diff;
	struct select *select;
};

/* Names are places, such as "server+0x2110". */
static struct scene
set_up(struct snapgen *old_story, struct snapgen *new_story)
{
	const struct symbolizer_options options = { .use_symbols = false };
	struct model *models[] = { comparison_load(old_story),
				   comparison_load(new_story) };
	struct scene scene = { .select = select_new() };
	struct err err;

	scene.symbolizer = symbolizer_open(&options, &err);
	assert_non_null(scene.symbolizer);
	scene.blame = blame_new();
	scene.made = comparison_new(models, 2, scene.symbolizer, scene.blame);
	scene.diff = scene.made->part.diff;
	return scene;
}

static void
tear_down(struct scene *scene)
{
	select_free(scene->select);
	comparison_free(scene->made);
	blame_free(scene->blame);
	symbolizer_close(scene->symbolizer);
}

static void
apply(struct scene *scene)
{
	select_apply(scene->select, scene->diff, scene->made->study.resolver);
}

static size_t
count_fate(const struct scene *scene, enum row_kind kind, enum row_fate fate)
{
	size_t count = 0;
	size_t i;

	for (i = 0; i < scene->diff->count[kind]; i++)
		count += scene->diff->rows[scene->diff->first[kind] + i].fate ==
			 fate;
	return count;
}

static void
focus(struct scene *scene, const char *regex)
{
	struct err err;

	assert_int_equal(select_focus(scene->select, regex, &err), 0);
}

static void
ignore(struct scene *scene, const char *regex)
{
	struct err err;

	assert_int_equal(select_ignore(scene->select, regex, &err), 0);
}

static void
focus_lists_what_it_finds_in_any_frame(void **state)
{
	struct scene scene = set_up(story_server_old(), story_server_new());

	(void)state;
	/* command(), which both create and parse are called by. */
	focus(&scene, "^server\\+0x3221$");
	apply(&scene);
	assert_int_equal(scene.diff->rows[CREATE].fate, FATE_LISTED);
	assert_int_equal(scene.diff->rows[PARSE].fate, FATE_LISTED);
	assert_int_equal(count_fate(&scene, ROW_HEAP, FATE_FILTERED), 3);
	/* The thread's stack does not go there. */
	assert_int_equal(count_fate(&scene, ROW_THREAD, FATE_FILTERED), 1);
	tear_down(&scene);
}

static void
focus_searches_module_paths_and_any_of_several_will_do(void **state)
{
	struct scene scene = set_up(story_server_old(), story_server_new());

	(void)state;
	focus(&scene, "/lib/libparse");
	focus(&scene, "server.0x6554");
	focus(&scene, "nowhere");
	apply(&scene);
	assert_int_equal(count_fate(&scene, ROW_HEAP, FATE_LISTED), 2);
	assert_int_equal(scene.diff->rows[PARSE].fate, FATE_LISTED);
	assert_int_equal(scene.diff->rows[CACHE].fate, FATE_LISTED);
	tear_down(&scene);
}

static void
frames_that_no_report_shows_are_not_searched(void **state)
{
	struct scene scene = set_up(story_server_old(), story_server_new());

	(void)state;
	/* Each stack begins in the shim's malloc. */
	ignore(&scene, "libleakshim");
	apply(&scene);
	assert_int_equal(count_fate(&scene, ROW_HEAP, FATE_LISTED), HEAP_ROWS);
	tear_down(&scene);
}

static void
ignore_wins_over_focus(void **state)
{
	struct scene scene = set_up(story_server_old(), story_server_new());

	(void)state;
	focus(&scene, "server");
	ignore(&scene, "libparse");
	apply(&scene);
	assert_int_equal(scene.diff->rows[PARSE].fate, FATE_FILTERED);
	assert_int_equal(count_fate(&scene, ROW_HEAP, FATE_LISTED), 4);
	tear_down(&scene);
}

static void
bad_expressions_are_errors(void **state)
{
	struct select *select = select_new();
	struct err err;

	(void)state;
	assert_int_equal(select_focus(select, "(", &err), -1);
	assert_int_equal(err.code, ERR_PATTERN);
	assert_non_null(strstr(err.text, "'('"));
	assert_int_equal(select_ignore(select, "[", &err), -1);
	assert_int_equal(err.code, ERR_PATTERN);
	select_free(select);
}

static void
small_changes_are_hidden_either_way_but_no_threads(void **state)
{
	struct scene scene = set_up(story_server_old(), story_server_new());

	(void)state;
	select_min_bytes(scene.select, 2 << 20);
	apply(&scene);
	/* +9 MiB and exactly -2 MiB stay. */
	assert_int_equal(scene.diff->rows[CREATE].fate, FATE_LISTED);
	assert_int_equal(scene.diff->rows[CACHE].fate, FATE_LISTED);
	assert_int_equal(count_fate(&scene, ROW_HEAP, FATE_SMALL), 3);
	tear_down(&scene);
	scene = set_up(story_server_old(), story_server_new());
	select_min_bytes(scene.select, INT64_MAX);
	apply(&scene);
	assert_int_equal(count_fate(&scene, ROW_HEAP, FATE_SMALL), HEAP_ROWS);
	assert_int_equal(count_fate(&scene, ROW_THREAD, FATE_LISTED), 1);
	tear_down(&scene);
}

static void
fates_that_were_set_before_stay(void **state)
{
	struct scene scene = set_up(story_server_old(), story_server_new());

	(void)state;
	scene.diff->rows[CREATE].fate = FATE_SUPPRESSED;
	scene.diff->rows[PARSE].fate = FATE_ACCEPTED;
	focus(&scene, "nowhere");
	apply(&scene);
	assert_int_equal(scene.diff->rows[CREATE].fate, FATE_SUPPRESSED);
	assert_int_equal(scene.diff->rows[PARSE].fate, FATE_ACCEPTED);
	assert_int_equal(count_fate(&scene, ROW_HEAP, FATE_FILTERED), 3);
	tear_down(&scene);
}

static void
hidden_and_listed_are_the_total(void **state)
{
	struct scene scene = set_up(story_server_old(), story_server_new());
	struct select_cursor cursor = { 0 };
	struct select_hidden hidden;
	const struct row *row;
	int64_t bytes = 0, live = 0, objects = 0;
	size_t sites = 0, listed = 0;
	unsigned int fate;

	(void)state;
	scene.diff->rows[PARSE].fate = FATE_SUPPRESSED;
	select_min_bytes(scene.select, 1024);
	apply(&scene);
	while ((row = select_next(scene.diff, ROW_HEAP, &cursor, 1))) {
		listed++;
		assert_ptr_equal(row, &scene.diff->rows[CREATE]);
	}
	assert_int_equal(listed, 1);
	select_hidden(scene.diff, ROW_HEAP, 1, &hidden);
	assert_int_equal(hidden.by_fate[FATE_LISTED].sites, 1);
	assert_int_equal(hidden.by_fate[FATE_LISTED].delta_bytes, 9 << 20);
	assert_int_equal(hidden.by_fate[FATE_SUPPRESSED].sites, 1);
	assert_int_equal(hidden.by_fate[FATE_SMALL].sites, 1);
	assert_int_equal(hidden.beyond_top.sites, 2);
	for (fate = 0; fate < FATE_COUNT; fate++) {
		sites += hidden.by_fate[fate].sites;
		bytes += hidden.by_fate[fate].delta_bytes;
		live += hidden.by_fate[fate].live_bytes;
		objects += hidden.by_fate[fate].delta_objects;
	}
	assert_int_equal(sites + hidden.beyond_top.sites, HEAP_ROWS);
	assert_int_equal(bytes + hidden.beyond_top.delta_bytes,
			 scene.diff->totals[ROW_HEAP].delta.bytes);
	assert_int_equal(live + hidden.beyond_top.live_bytes,
			 scene.diff->totals[ROW_HEAP].live_new.bytes);
	assert_int_equal(objects + hidden.beyond_top.delta_objects,
			 scene.diff->totals[ROW_HEAP].delta.objects);
	tear_down(&scene);
}

/* Live bytes of the rows in their order, in KiB. */
static void
assert_order(const struct scene *scene, const int64_t *kib, size_t count)
{
	struct select_cursor cursor = { 0 };
	const struct row *row;
	size_t i;

	for (i = 0; i < count; i++) {
		row = select_next(scene->diff, ROW_HEAP, &cursor, 0);
		assert_non_null(row);
		assert_int_equal(row->live_new.bytes >> 10, kib[i]);
	}
}

static void
rows_are_sorted_as_asked(void **state)
{
	static const struct {
		const char *key;
		int64_t kib[HEAP_ROWS];
	} cases[] = {
		{ "growth", { 10240, 1024, 64, 0, 2048 } },
		{ "live", { 10240, 2048, 1024, 64, 0 } },
		/* +9000, +1024, 0, -1, -40 */
		{ "objects", { 10240, 1024, 64, 0, 2048 } },
		/* 11000, 1024, 20, and two of none, by growth */
		{ "allocs", { 10240, 1024, 2048, 64, 0 } },
		/* Without verdicts it is by growth. */
		{ "rate", { 10240, 1024, 64, 0, 2048 } },
		{ "verdict", { 10240, 1024, 64, 0, 2048 } },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene scene =
			set_up(story_server_old(), story_server_new());
		enum row_order order;

		assert_true(select_order_of(cases[i].key, &order));
		select_order(scene.select, order);
		apply(&scene);
		assert_order(&scene, cases[i].kib, HEAP_ROWS);
		assert_int_equal(scene.diff->order[ROW_HEAP],
				 i < 4 ? (enum row_order)i : ORDER_GROWTH);
		tear_down(&scene);
	}
}

static void
there_are_no_other_orders(void **state)
{
	static const char *const wrong[] = { "",      "Growth",    "growth ",
					     "bytes", "suspicion", "default" };
	enum row_order order = ORDER_LIVE;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(select_order_of(wrong[i], &order));
	assert_int_equal(order, ORDER_LIVE);
}

static void
set_verdict(struct scene *scene, size_t row, enum verdict_kind kind,
	    double bytes_per_hour)
{
	scene->diff->rows[row].verdict.kind = kind;
	scene->diff->rows[row].verdict.bytes_per_hour = bytes_per_hour;
	scene->diff->rows[row].verdict.bytes_per_hour_low = bytes_per_hour;
	scene->diff->rows[row].verdict.confidence = 1;
	scene->diff->judged = true;
}

static struct scene
set_up_verdicts(void)
{
	struct scene scene = set_up(story_server_old(), story_server_new());

	set_verdict(&scene, CREATE, VERDICT_STEADY, 9e9);
	set_verdict(&scene, PARSE, VERDICT_LEAK, 10);
	set_verdict(&scene, TABLE, VERDICT_LEAK, 20);
	set_verdict(&scene, BUFFER, VERDICT_INSUFFICIENT, NAN);
	set_verdict(&scene, CACHE, VERDICT_CACHE_FILL, INFINITY);
	return scene;
}

static void
with_verdicts_the_worst_comes_first(void **state)
{
	static const int64_t by_verdict[] = { 64, 1024, 0, 2048, 10240 };
	static const int64_t by_rate[] = { 10240, 64, 1024 };
	struct scene scene = set_up_verdicts();

	(void)state;
	apply(&scene);
	assert_int_equal(scene.diff->order[ROW_HEAP], ORDER_VERDICT);
	assert_order(&scene, by_verdict, HEAP_ROWS);
	tear_down(&scene);
	scene = set_up_verdicts();
	select_order(scene.select, ORDER_RATE);
	apply(&scene);
	assert_order(&scene, by_rate, 3);
	tear_down(&scene);
}

static void
one_snapshot_is_by_suspicion_where_ages_say_anything(void **state)
{
	/* 1024 KiB at 1, 10240 KiB at 0.05; the rest by live bytes. */
	static const int64_t by_suspicion[] = { 1024, 10240, 2048, 64 };
	static const int64_t by_live[] = { 10240, 2048, 1024, 64 };
	struct scene scene = set_up(NULL, story_server_new());
	size_t i;

	(void)state;
	apply(&scene);
	assert_int_equal(scene.diff->order[ROW_HEAP], ORDER_LIVE);
	assert_order(&scene, by_live, 4);
	tear_down(&scene);
	scene = set_up(NULL, story_server_new());
	for (i = 0; i < scene.diff->count[ROW_HEAP]; i++) {
		if (scene.diff->rows[i].live_new.bytes >> 10 == 1024)
			scene.diff->rows[i].suspicion = 1;
		if (scene.diff->rows[i].live_new.bytes >> 10 == 10240)
			scene.diff->rows[i].suspicion = 0.05;
	}
	apply(&scene);
	assert_int_equal(scene.diff->order[ROW_HEAP], ORDER_SUSPICION);
	assert_int_equal(scene.diff->order[ROW_THREAD], ORDER_LIVE);
	assert_order(&scene, by_suspicion, 4);
	tear_down(&scene);
}

/* What is listed of a module is what goes through the focus, and nothing is
 * lost: the rest is a row of its own, filtered. */
static void
groups_are_divided_by_the_focus(void **state)
{
	struct scene scene = set_up(story_server_old(), story_server_new());
	struct study_part *part = &scene.made->part;
	struct study *study = &scene.made->study;
	struct diff *diff;
	struct classes *classes;
	int64_t sum = 0;
	size_t i;

	(void)state;
	classes = classes_new(study->atlas, study->resolver, GROUP_MODULE,
			      false, true);
	assert_int_equal(classes->count, 2);
	focus(&scene, "server.0x3221");
	select_divide(scene.select, study->atlas, study->resolver, ROW_HEAP,
		      classes);
	assert_int_equal(classes->count, 3);
	diff = diff_new(part->history, classes, part->threads);
	select_apply(scene.select, diff, study->resolver);
	assert_int_equal(diff->count[ROW_HEAP], 3);
	for (i = 0; i < 3; i++) {
		const struct row *row = &diff->rows[i];
		bool is_server = strcmp(row->label, "/opt/example/server") == 0;

		sum += row->delta.bytes;
		if (row->fate == FATE_FILTERED) {
			assert_true(is_server);
			assert_int_equal(row->delta.bytes,
					 -(2 << 20) - (4 << 10));
		} else if (is_server) {
			assert_int_equal(row->delta.bytes, 9 << 20);
			assert_int_equal(row->stacks, 1);
		}
	}
	assert_int_equal(sum, diff->totals[ROW_HEAP].delta.bytes);
	diff_free(diff);
	classes_free(classes);
	tear_down(&scene);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(focus_lists_what_it_finds_in_any_frame),
		cmocka_unit_test(
			focus_searches_module_paths_and_any_of_several_will_do),
		cmocka_unit_test(frames_that_no_report_shows_are_not_searched),
		cmocka_unit_test(ignore_wins_over_focus),
		cmocka_unit_test(bad_expressions_are_errors),
		cmocka_unit_test(
			small_changes_are_hidden_either_way_but_no_threads),
		cmocka_unit_test(fates_that_were_set_before_stay),
		cmocka_unit_test(hidden_and_listed_are_the_total),
		cmocka_unit_test(rows_are_sorted_as_asked),
		cmocka_unit_test(there_are_no_other_orders),
		cmocka_unit_test(with_verdicts_the_worst_comes_first),
		cmocka_unit_test(
			one_snapshot_is_by_suspicion_where_ages_say_anything),
		cmocka_unit_test(groups_are_divided_by_the_focus),
	};

	return cmocka_run_group_tests_name("select", tests, NULL, NULL);
}
