/* What several processes have in common. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../analyzer/fleet.h"
#include "../../analyzer/report_fleet.h"
#include "../../analyzer/study.h"
#include "comparison.h"

/* A process: its build, and which of its three sites leak how fast. */
struct plan {
	const char *build_id;
	double bytes_per_hour[3]; /* 0 = no leak */
	const char *exe;          /* NULL = that of all */
};

struct scene {
	struct atlas *atlas;
	struct resolver *resolver;
	struct study_part parts[8];
	size_t count;
	struct classes *classes;
	enum grouping grouping;
	struct fleet fleet;
};

static struct model *
play(const char *exe)
{
	struct snapgen *gen = snapgen_new();
	uint32_t module = snapgen_module(gen, "/bin/x", "id", 0x1000, 0x1000);
	uint32_t i;

	if (exe)
		snapgen_header(gen)->exe = snapgen_bytes(exe);
	for (i = 0; i < 3; i++)
		snapgen_site(gen, &(struct snapgen_site){
					  snapgen_node(gen, 0,
						       snapgen_pc(gen, module,
								  0x1100 + i)),
					  0, 1, 100 - i, 0, 0 });
	return comparison_load(gen);
}

static void
add_part(struct scene *scene, const struct plan *plan)
{
	struct study_part *part = &scene->parts[scene->count++];
	size_t i;

	part->history = history_new(scene->atlas);
	history_add(part->history, play(plan->exe));
	part->heap = classes_new(scene->atlas, scene->resolver, GROUP_STACK,
				 false, true);
	part->threads = classes_new(scene->atlas, scene->resolver, GROUP_STACK,
				    true, true);
	part->diff = diff_new(part->history, part->heap, part->threads);
	part->build_id = strdup(plan->build_id);
	part->diff->judged = true;
	for (i = 0; i < 3; i++) {
		struct verdict *verdict = &part->diff->rows[i].verdict;

		verdict->kind = plan->bytes_per_hour[i] > 0 ? VERDICT_LEAK
							    : VERDICT_STEADY;
		verdict->bytes_per_hour = plan->bytes_per_hour[i];
	}
}

static void
build(struct scene *scene)
{
	struct fleet_part parts[8];
	size_t i;

	for (i = 0; i < scene->count; i++) {
		parts[i].diff = scene->parts[i].diff;
		parts[i].build_id = scene->parts[i].build_id;
	}
	scene->classes = classes_new(scene->atlas, scene->resolver,
				     scene->grouping, false, true);
	fleet_build(&scene->fleet, parts, scene->count, scene->classes);
}

static void
play_all(struct scene *scene, const struct plan *plans, size_t count)
{
	size_t i;

	*scene = (struct scene){ 0 };
	scene->atlas = atlas_new();
	scene->resolver = resolver_new(scene->atlas, NULL, NULL);
	for (i = 0; i < count; i++)
		add_part(scene, &plans[i]);
	build(scene);
}

static void
end(struct scene *scene)
{
	size_t i;

	fleet_release(&scene->fleet);
	classes_free(scene->classes);
	for (i = 0; i < scene->count; i++) {
		diff_free(scene->parts[i].diff);
		classes_free(scene->parts[i].heap);
		classes_free(scene->parts[i].threads);
		history_free(scene->parts[i].history);
		free(scene->parts[i].build_id);
	}
	resolver_free(scene->resolver);
	atlas_free(scene->atlas);
}

static void
rows_count_the_processes_that_leak(void **state)
{
	static const struct plan plans[] = { { "a", { 0, 5, 0 }, NULL },
					     { "a", { 9, 7, 0 }, NULL },
					     { "a", { 0, 6, 0 }, NULL } };
	struct scene scene;

	(void)state;
	play_all(&scene, plans, 3);
	assert_int_equal(scene.fleet.count, 2);
	assert_int_equal(scene.fleet.judged, 3);
	assert_int_equal(scene.fleet.rows[0].leaks, 3);
	assert_true(scene.fleet.rows[0].bytes_per_hour == 6);
	/* It stands for the process where it is worst. */
	assert_ptr_equal(scene.fleet.rows[0].row,
			 &scene.parts[1].diff->rows[1]);
	assert_int_equal(scene.fleet.rows[1].leaks, 1);
	end(&scene);
}

/* A small leak everywhere is less than a large one in the newest. */
static void
rows_fall_by_what_all_processes_lose(void **state)
{
	static const struct plan plans[] = { { "a", { 1, 0, 0 }, NULL },
					     { "a", { 1, 0, 0 }, NULL },
					     { "b", { 1, 99, 0 }, NULL } };
	struct scene scene;

	(void)state;
	play_all(&scene, plans, 3);
	assert_int_equal(scene.fleet.count, 2);
	assert_int_equal(scene.fleet.rows[0].leaks, 1);
	assert_true(scene.fleet.rows[0].total_per_hour == 99);
	assert_true(scene.fleet.rows[1].total_per_hour == 3);
	end(&scene);
}

/* Two sites of one process are one of its module; it is one process still. */
static void
sites_of_a_group_are_one_row(void **state)
{
	static const struct plan plans[] = { { "a", { 5, 5, 0 }, NULL },
					     { "a", { 0, 30, 0 }, NULL } };
	const struct symbolizer_options options = { .use_symbols = false };
	struct blame *blame = blame_new();
	struct symbolizer *symbolizer;
	struct scene scene;
	struct err err;

	(void)state;
	symbolizer = symbolizer_open(&options, &err);
	assert_non_null(symbolizer);
	play_all(&scene, plans, 2);
	fleet_release(&scene.fleet);
	classes_free(scene.classes);
	resolver_free(scene.resolver);
	scene.resolver = resolver_new(scene.atlas, symbolizer, blame);
	scene.grouping = GROUP_MODULE;
	build(&scene);
	assert_int_equal(scene.fleet.count, 1);
	assert_int_equal(scene.fleet.rows[0].leaks, 2);
	assert_string_equal(scene.fleet.rows[0].label, "/bin/x");
	/* The median of 10 and 30, not of 5, 5 and 30. */
	assert_true(scene.fleet.rows[0].bytes_per_hour == 20);
	end(&scene);
	symbolizer_close(symbolizer);
	blame_free(blame);
}

static void
first_build_that_leaks_is_named(void **state)
{
	static const struct plan plans[] = { { "old", { 0, 0, 1 }, NULL },
					     { "bad", { 1, 0, 1 }, NULL },
					     { "worse", { 1, 0, 1 }, NULL } };
	struct scene scene;
	size_t i;

	(void)state;
	play_all(&scene, plans, 3);
	assert_int_equal(scene.fleet.count, 2);
	for (i = 0; i < 2; i++) {
		const struct fleet_row *row = &scene.fleet.rows[i];

		if (row->leaks == 2) {
			assert_string_equal(row->first_build, "bad");
			assert_string_equal(row->build_before, "old");
		} else {
			/* It always leaked. */
			assert_string_equal(row->first_build, "old");
			assert_string_equal(row->build_before, "");
		}
	}
	end(&scene);
}

/* The build before leaks as well, in another process: it is not the build. */
static void
build_that_leaks_elsewhere_is_no_clean_one(void **state)
{
	static const struct plan plans[] = { { "one", { 0, 0, 0 }, NULL },
					     { "two", { 1, 0, 0 }, NULL },
					     { "one", { 1, 0, 0 }, NULL } };
	struct scene scene;

	(void)state;
	play_all(&scene, plans, 3);
	assert_int_equal(scene.fleet.count, 1);
	assert_string_equal(scene.fleet.rows[0].first_build, "two");
	assert_string_equal(scene.fleet.rows[0].build_before, "");
	end(&scene);
}

/* A wrapper in a shell script is no older build of what it starts. */
static void
build_of_another_program_is_not_the_one_before(void **state)
{
	static const struct plan plans[] = {
		{ "one", { 0, 0, 0 }, "/opt/1/server" },
		{ "sh", { 0, 0, 0 }, "/bin/sh" },
		{ "two", { 1, 0, 0 }, "/opt/2/server" },
	};
	struct scene scene;

	(void)state;
	play_all(&scene, plans, 3);
	assert_string_equal(scene.fleet.rows[0].first_build, "two");
	assert_string_equal(scene.fleet.rows[0].build_before, "one");
	end(&scene);
	play_all(&scene, &plans[1], 2);
	assert_string_equal(scene.fleet.rows[0].build_before, "");
	end(&scene);
}

static void
what_is_not_listed_is_not_counted(void **state)
{
	static const struct plan plans[] = { { "a", { 1, 0, 0 }, NULL },
					     { "a", { 1, 0, 0 }, NULL } };
	struct scene scene;

	(void)state;
	play_all(&scene, plans, 2);
	fleet_release(&scene.fleet);
	classes_free(scene.classes);
	scene.parts[0].diff->rows[0].fate = FATE_SUPPRESSED;
	build(&scene);
	assert_int_equal(scene.fleet.rows[0].leaks, 1);
	end(&scene);
}

static void
assert_sentence(struct scene *scene, const char *expected)
{
	struct study study = { .parts = scene->parts,
			       .count = scene->count,
			       .fleet = scene->fleet };
	const struct report report = { .study = &study };
	struct strbuf out = { 0 };

	report_fleet_sentence(&out, &report);
	assert_string_equal(strbuf_text(&out), expected);
	strbuf_release(&out);
}

/* As of call stacks that leak only together, of threads or of the ledger. */
static void
nothing_leaks_only_if_nothing_else_does(void **state)
{
	static const struct plan plans[] = { { "a", { 0, 0, 0 }, NULL },
					     { "a", { 0, 0, 0 }, NULL } };
	struct scene scene;

	(void)state;
	play_all(&scene, plans, 2);
	assert_sentence(&scene, "Nothing leaks in 2 processes.");
	scene.parts[1].diff->totals[ROW_HEAP].verdict.kind = VERDICT_LEAK;
	assert_sentence(&scene,
			"No listed call stack leaks in 2 processes, but "
			"something else grows without end in 1: see below.");
	end(&scene);
}

/* The report's sections; equal ones as the processes started. */
static void
worst_process_comes_first(void **state)
{
	static const struct plan plans[] = {
		{ "a", { 5, 0, 0 }, NULL },
		{ "a", { 9, 1, 0 }, NULL },
		{ "a", { 5, 2, 0 }, NULL },
		{ "a", { 0, 7, 0 }, NULL },
	};
	static const size_t expected[] = { 1, 3, 0, 2 };
	struct report_fleet_part *order;
	struct scene scene;
	struct study study;
	struct report report = { .study = &study };
	size_t i, k;

	(void)state;
	play_all(&scene, plans, 4);
	for (i = 0; i < 4; i++) {
		for (k = 0; k < 3; k++) {
			struct verdict *verdict =
				&scene.parts[i].diff->rows[k].verdict;

			verdict->bytes_per_hour_low = verdict->bytes_per_hour;
			verdict->confidence = 1;
		}
	}
	study = (struct study){ .parts = scene.parts, .count = scene.count };
	order = report_fleet_order(&report);
	for (i = 0; i < 4; i++) {
		assert_int_equal(order[i].part, expected[i]);
		assert_false(order[i].quiet);
	}
	free(order);
	end(&scene);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_count_the_processes_that_leak),
		cmocka_unit_test(rows_fall_by_what_all_processes_lose),
		cmocka_unit_test(sites_of_a_group_are_one_row),
		cmocka_unit_test(first_build_that_leaks_is_named),
		cmocka_unit_test(build_that_leaks_elsewhere_is_no_clean_one),
		cmocka_unit_test(
			build_of_another_program_is_not_the_one_before),
		cmocka_unit_test(what_is_not_listed_is_not_counted),
		cmocka_unit_test(nothing_leaks_only_if_nothing_else_does),
		cmocka_unit_test(worst_process_comes_first),
	};

	return cmocka_run_group_tests_name("fleet", tests, NULL, NULL);
}
