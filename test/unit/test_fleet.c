/* What several processes have in common. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../analyzer/fleet.h"
#include "comparison.h"

/* A process: its build, and which of its three sites leak how fast. */
struct plan {
	const char *build_id;
	double bytes_per_hour[3]; /* 0 = no leak */
};

struct scene {
	struct atlas *atlas;
	struct resolver *resolver;
	struct study_part parts[8];
	size_t count;
	struct fleet fleet;
};

static struct model *
play(void)
{
	struct snapgen *gen = snapgen_new();
	uint32_t module = snapgen_module(gen, "/bin/x", "id", 0x1000, 0x1000);
	uint32_t i;

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
	history_add(part->history, play());
	part->heap =
		classes_new(scene->atlas, scene->resolver, GROUP_STACK, false);
	part->threads =
		classes_new(scene->atlas, scene->resolver, GROUP_STACK, true);
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
play_all(struct scene *scene, const struct plan *plans, size_t count)
{
	size_t i;

	*scene = (struct scene){ 0 };
	scene->atlas = atlas_new();
	scene->resolver = resolver_new(scene->atlas, NULL, NULL);
	for (i = 0; i < count; i++)
		add_part(scene, &plans[i]);
	fleet_build(&scene->fleet, scene->parts, scene->count, scene->atlas,
		    scene->resolver);
}

static void
end(struct scene *scene)
{
	size_t i;

	fleet_release(&scene->fleet);
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
	static const struct plan plans[] = { { "a", { 0, 5, 0 } },
					     { "a", { 9, 7, 0 } },
					     { "a", { 0, 6, 0 } } };
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

static void
first_build_that_leaks_is_named(void **state)
{
	static const struct plan plans[] = { { "old", { 0, 0, 1 } },
					     { "bad", { 1, 0, 1 } },
					     { "worse", { 1, 0, 1 } } };
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
	static const struct plan plans[] = { { "one", { 0, 0, 0 } },
					     { "two", { 1, 0, 0 } },
					     { "one", { 1, 0, 0 } } };
	struct scene scene;

	(void)state;
	play_all(&scene, plans, 3);
	assert_int_equal(scene.fleet.count, 1);
	assert_string_equal(scene.fleet.rows[0].first_build, "two");
	assert_string_equal(scene.fleet.rows[0].build_before, "");
	end(&scene);
}

static void
what_is_not_listed_is_not_counted(void **state)
{
	static const struct plan plans[] = { { "a", { 1, 0, 0 } },
					     { "a", { 1, 0, 0 } } };
	struct scene scene;

	(void)state;
	play_all(&scene, plans, 2);
	fleet_release(&scene.fleet);
	scene.parts[0].diff->rows[0].fate = FATE_SUPPRESSED;
	fleet_build(&scene.fleet, scene.parts, scene.count, scene.atlas,
		    scene.resolver);
	assert_int_equal(scene.fleet.rows[0].leaks, 1);
	end(&scene);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_count_the_processes_that_leak),
		cmocka_unit_test(first_build_that_leaks_is_named),
		cmocka_unit_test(build_that_leaks_elsewhere_is_no_clean_one),
		cmocka_unit_test(what_is_not_listed_is_not_counted),
	};

	return cmocka_run_group_tests_name("fleet", tests, NULL, NULL);
}
