/* Which stacks are one row. The snapshots bring their names, as profiles do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../analyzer/classes.h"
#include "comparison.h"

#define SYMBOL(name, path)                                                     \
	{                                                                      \
		.function = (name), .linkage_name = (name), .file = (path),    \
		.line = 1                                                      \
	}

static const struct symbol alpha[] = { SYMBOL("inlined", "/i.h"),
				       SYMBOL("alpha", "/a.c") };
static const struct symbol beta[] = { SYMBOL("beta", "/a.c") };
static const struct symbol clones[] = { SYMBOL("parse.part.0", "/a.c"),
					SYMBOL("parse.part.1", "/a.c"),
					SYMBOL("parse.constprop.0", "/a.c"),
					SYMBOL("__GI_parse", "/a.c"),
					SYMBOL("parse2", "/a.c") };
static const struct symbol nothing[] = { SYMBOL("x+0x1", NULL) };

/* Functions by build: the first digit of the build-id says where they are. A
 * build-id that begins with 's' is stripped, one with 'c' brings clones. */
static const struct symbols *
names_at(const char *build_id, uint64_t offset)
{
	static const struct symbols a = { 2, true, alpha };
	static const struct symbols b = { 1, true, beta };
	/* Then the symbolizer is asked, which has no name either. */
	static const struct symbols none = { 1, false, nothing };
	static const struct symbols cloned[] = { { 1, true, clones },
						 { 1, true, clones + 1 },
						 { 1, true, clones + 2 },
						 { 1, true, clones + 3 },
						 { 1, true, clones + 4 } };

	if (build_id[0] == 'c')
		return offset >> 4 <= 5 ? &cloned[(offset >> 4) - 1] : &none;
	if (build_id[0] == 's')
		return &none;
	if (build_id[0] == '2')
		offset -= 0x100;
	if (offset >= 0x10 && offset < 0x20)
		return &a;
	return offset >= 0x20 && offset < 0x30 ? &b : &none;
}

/* A snapshot with stacks of two frames each, of one module. */
static struct model *
play(const char *build_id, const uint64_t (*stacks)[2], size_t count)
{
	struct snapgen *gen = snapgen_new();
	uint32_t module =
		snapgen_module(gen, "/bin/x", build_id, 0x10000, 0x10000);
	struct model *model;
	uint32_t k;
	size_t i;

	for (i = 0; i < count; i++) {
		uint32_t pcs[3] = { 0 };

		pcs[0] = snapgen_pc(gen, module, 0x10000 + stacks[i][0]);
		pcs[1] = snapgen_pc(gen, module, 0x10000 + stacks[i][1]);
		snapgen_site(gen,
			     &(struct snapgen_site){ snapgen_stack(gen, pcs), 0,
						     1, 8 * (i + 1), 0, 0 });
	}
	model = comparison_load(gen);
	for (k = 1; k <= model->pc_count; k++)
		model->pcs[k].symbols =
			names_at(build_id, model->pcs[k].address - 0x10000);
	return model;
}

struct scene {
	struct atlas *atlas;
	struct resolver *resolver;
	struct symbolizer *symbolizer;
	struct blame *blame;
	uint32_t numbers[2][8]; /* of the stacks, by snapshot */
};

static void
begin(struct scene *scene)
{
	const struct symbolizer_options options = { .use_symbols = false };
	struct err err;

	scene->atlas = atlas_new();
	scene->blame = blame_new();
	scene->symbolizer = symbolizer_open(&options, &err);
	assert_non_null(scene->symbolizer);
	scene->resolver =
		resolver_new(scene->atlas, scene->symbolizer, scene->blame);
}

static void
end(struct scene *scene)
{
	resolver_free(scene->resolver);
	symbolizer_close(scene->symbolizer);
	atlas_free(scene->atlas);
	blame_free(scene->blame);
}

static void
add(struct scene *scene, unsigned int side, struct model *take)
{
	struct atlas_numbers numbers;

	atlas_add(scene->atlas, take, &numbers);
	memcpy(scene->numbers[side], numbers.heap + 1,
	       take->site_count * sizeof(uint32_t));
	atlas_numbers_release(&numbers);
	model_free(take);
}

static void
rebuilt_file_is_matched_by_names(void **state)
{
	/* alpha called by beta, another line of the same, beta by alpha. */
	static const uint64_t one[][2] = { { 0x10, 0x20 },
					   { 0x11, 0x20 },
					   { 0x20, 0x10 } };
	static const uint64_t two[][2] = { { 0x118, 0x128 },
					   { 0x128, 0x118 },
					   { 0x128, 0x140 } };
	struct classes *classes;
	struct scene scene;

	(void)state;
	begin(&scene);
	add(&scene, 0, play("1", one, 3));
	add(&scene, 1, play("2", two, 3));
	classes = classes_new(scene.atlas, scene.resolver, GROUP_STACK, false,
			      true);
	assert_true(classes->by_names);
	assert_int_equal(classes->unmatched, 0);
	assert_int_equal(classes->of[scene.numbers[0][0]],
			 classes->of[scene.numbers[1][0]]);
	/* Another line of the same function is the same by name. */
	assert_int_equal(classes->of[scene.numbers[0][1]],
			 classes->of[scene.numbers[1][0]]);
	assert_int_equal(classes->of[scene.numbers[0][2]],
			 classes->of[scene.numbers[1][1]]);
	assert_int_not_equal(classes->of[scene.numbers[0][0]],
			     classes->of[scene.numbers[0][2]]);
	/* No name, but in that file: no other stack has such a frame. */
	assert_int_not_equal(classes->of[scene.numbers[1][2]],
			     classes->of[scene.numbers[1][1]]);
	assert_int_equal(classes->count, 3);
	classes_free(classes);
	end(&scene);
}

/* A site's id drops them too: what has one id has to be one row. */
static void
marks_of_clones_part_no_builds(void **state)
{
	static const uint64_t one[][2] = { { 0x10, 0x50 } };
	static const uint64_t two[][2] = {
		{ 0x20, 0x50 }, { 0x30, 0x50 }, { 0x40, 0x50 }, { 0x50, 0x50 }
	};
	struct classes *classes;
	struct scene scene;
	uint32_t first;
	size_t i;

	(void)state;
	begin(&scene);
	add(&scene, 0, play("c1", one, 1));
	add(&scene, 1, play("c2", two, 4));
	classes = classes_new(scene.atlas, scene.resolver, GROUP_STACK, false,
			      true);
	first = classes->of[scene.numbers[0][0]];
	for (i = 0; i < 3; i++)
		assert_int_equal(classes->of[scene.numbers[1][i]], first);
	assert_int_not_equal(classes->of[scene.numbers[1][3]], first);
	assert_int_equal(classes->count, 2);
	classes_free(classes);
	end(&scene);
}

static void
same_build_is_matched_by_place(void **state)
{
	static const uint64_t one[][2] = { { 0x10, 0x20 }, { 0x11, 0x20 } };
	struct classes *classes;
	struct scene scene;

	(void)state;
	begin(&scene);
	add(&scene, 0, play("1", one, 2));
	add(&scene, 1, play("1", one, 2));
	classes = classes_new(scene.atlas, scene.resolver, GROUP_STACK, false,
			      true);
	assert_false(classes->by_names);
	assert_int_equal(classes->count, 2);
	assert_null(classes->labels);
	classes_free(classes);
	end(&scene);
}

static void
stripped_rebuild_is_confessed(void **state)
{
	static const uint64_t one[][2] = { { 0x10, 0x20 }, { 0x20, 0x20 } };
	struct classes *classes;
	struct scene scene;

	(void)state;
	begin(&scene);
	add(&scene, 0, play("1", one, 2));
	add(&scene, 1, play("s", one, 2));
	classes = classes_new(scene.atlas, scene.resolver, GROUP_STACK, false,
			      true);
	assert_int_equal(classes->unmatched, 2);
	/* At the same addresses, but nobody knows what is there now. */
	assert_int_equal(classes->count, 4);
	classes_free(classes);
	end(&scene);
}

static void
groups_are_of_what_is_blamed(void **state)
{
	static const uint64_t one[][2] = { { 0x10, 0x20 },
					   { 0x20, 0x10 },
					   { 0x21, 0x20 } };
	struct classes *classes;
	struct scene scene;

	(void)state;
	begin(&scene);
	add(&scene, 0, play("1", one, 3));
	classes = classes_new(scene.atlas, scene.resolver, GROUP_FUNCTION,
			      false, true);
	assert_int_equal(classes->count, 2);
	assert_string_equal(classes->labels[classes->of[1]], "inlined");
	assert_string_equal(classes->labels[classes->of[2]], "beta");
	assert_int_equal(classes->of[2], classes->of[3]);
	classes_free(classes);
	classes = classes_new(scene.atlas, scene.resolver, GROUP_FILE, false,
			      true);
	assert_string_equal(classes->labels[classes->of[1]], "/i.h");
	assert_string_equal(classes->labels[classes->of[3]], "/a.c");
	classes_free(classes);
	classes = classes_new(scene.atlas, scene.resolver, GROUP_MODULE, false,
			      true);
	assert_int_equal(classes->count, 1);
	assert_string_equal(classes->labels[1], "/bin/x");
	classes_free(classes);
	end(&scene);
}

/* A row of a class adds up its stacks, and shows the one that grew most. */
static void
row_is_the_sum_of_its_class(void **state)
{
	static const uint64_t one[][2] = { { 0x10, 0x20 },
					   { 0x20, 0x10 },
					   { 0x21, 0x20 } };
	struct blame *blame = blame_new();
	struct model *model = play("1", one, 3);
	struct comparison *made = comparison_new(&model, 1, NULL, blame);
	struct study_part *part = &made->part;
	struct classes *classes = classes_new(made->study.atlas,
					      made->study.resolver,
					      GROUP_FUNCTION, false, true);
	struct diff *diff = diff_new(part->history, classes, part->threads);

	(void)state;
	assert_int_equal(diff->count[ROW_HEAP], 2);
	assert_string_equal(diff->rows[0].label, "beta");
	assert_int_equal(diff->rows[0].stacks, 2);
	assert_int_equal(diff->rows[0].live_new.bytes, 16 + 24);
	assert_int_equal(diff->rows[0].stack, 3);
	assert_int_equal(diff->rows[1].live_new.bytes, 8);
	diff_free(diff);
	classes_free(classes);
	comparison_free(made);
	blame_free(blame);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rebuilt_file_is_matched_by_names),
		cmocka_unit_test(marks_of_clones_part_no_builds),
		cmocka_unit_test(same_build_is_matched_by_place),
		cmocka_unit_test(stripped_rebuild_is_confessed),
		cmocka_unit_test(groups_are_of_what_is_blamed),
		cmocka_unit_test(row_is_the_sum_of_its_class),
	};

	return cmocka_run_group_tests_name("classes", tests, NULL, NULL);
}
