/* Which stacks of snapshots are the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../analyzer/atlas.h"
#include "comparison.h"
#include "stories.h"

/* A process with one module and one stack of two frames in it, each built
 * from where the module is and where in it the frames are. */
struct scene {
	uint32_t pid;
	const char *path;
	const char *build_id;
	uint64_t start;
	uint64_t inner; /* offset of the innermost frame */
	uint64_t outer;
};

static struct model *
play(const struct scene *scene)
{
	struct snapgen *gen = snapgen_new();
	uint32_t module;
	uint32_t pcs[3] = { 0 };

	snapgen_header(gen)->pid = scene->pid;
	module = snapgen_module(gen, scene->path, scene->build_id, scene->start,
				0x10000);
	pcs[0] = snapgen_pc(gen, module, scene->start + scene->inner);
	pcs[1] = snapgen_pc(gen, module, scene->start + scene->outer);
	snapgen_site(gen, &(struct snapgen_site){ snapgen_stack(gen, pcs), 0, 1,
						  8, 0, 0 });
	return comparison_load(gen);
}

/* Adds a model and frees it: what the atlas says must not need it. */
static uint32_t
number_of(struct atlas *atlas, struct model *take)
{
	struct atlas_numbers numbers;
	uint32_t number;

	atlas_add(atlas, take, &numbers);
	number = numbers.heap[1];
	atlas_numbers_release(&numbers);
	model_free(take);
	return number;
}

/* Do the scenes' stacks count as one? */
static bool
same(const struct scene *a, const struct scene *b)
{
	struct atlas *atlas = atlas_new();
	uint32_t first = number_of(atlas, play(a));
	uint32_t second = number_of(atlas, play(b));

	assert_int_equal(first, 1);
	assert_int_equal(atlas_compare(atlas, first, second) == 0,
			 first == second);
	atlas_free(atlas);
	return first == second;
}

static void
places_in_files_decide(void **state)
{
	const struct scene a = { 7, "/bin/x", "id", 0x10000, 0x10, 0x20 };
	struct scene b = a;

	(void)state;
	assert_true(same(&a, &b));
	b.inner = 0x11;
	assert_false(same(&a, &b));
	b = a;
	b.outer = 0x21;
	assert_false(same(&a, &b));
	/* Loaded again elsewhere, in this process or another. */
	b = a;
	b.start = 0x90000;
	assert_true(same(&a, &b));
	b.pid = 8;
	assert_true(same(&a, &b));
	/* A copy of the file is the file; one built anew is not. */
	b.path = "/opt/copy-of-x";
	assert_true(same(&a, &b));
	b.build_id = "rebuilt";
	assert_false(same(&a, &b));
}

static void
without_build_id_the_path_decides(void **state)
{
	const struct scene a = { 7, "/bin/x", NULL, 0x10000, 0x10, 0x20 };
	struct scene b = { 8, "/bin/x", NULL, 0x90000, 0x10, 0x20 };

	(void)state;
	assert_true(same(&a, &b));
	b.path = "/bin/y";
	assert_false(same(&a, &b));
	b.path = "/bin/x";
	b.build_id = "id";
	assert_false(same(&a, &b));
}

/* A process whose module has two segments, the second `gap` bytes after the
 * first in memory but always at the same place in the file; its one frame
 * returns to the first byte after the first segment. */
static struct model *
play_gap(uint64_t start, uint64_t gap)
{
	struct snapgen *gen = snapgen_new();
	Leakshim__V1__Module module;
	Leakshim__V1__Segment parts[2];
	Leakshim__V1__Segment *list[2] = { &parts[0], &parts[1] };
	uint8_t packed[256];
	size_t len;
	uint32_t node;

	leakshim__v1__module__init(&module);
	leakshim__v1__segment__init(&parts[0]);
	leakshim__v1__segment__init(&parts[1]);
	module.path = snapgen_bytes("/bin/x");
	module.n_segments = 2;
	module.segments = list;
	parts[0].start = start;
	parts[0].end = start + 0x1000;
	parts[1].start = start + 0x1000 + gap;
	parts[1].end = start + 0x2000 + gap;
	parts[1].vaddr = 0x5000;
	assert_true(leakshim__v1__module__get_packed_size(&module) <=
		    sizeof(packed));
	len = leakshim__v1__module__pack(&module, packed);
	snapgen_raw(gen, 2, packed, len);
	node = snapgen_node(gen, 0, snapgen_pc(gen, 1, start + 0x1000));
	snapgen_site(gen, &(struct snapgen_site){ node, 0, 1, 8, 0, 0 });
	return comparison_load(gen);
}

static void
return_address_at_the_segments_end_is_in_it(void **state)
{
	struct atlas *atlas = atlas_new();
	/* A call that never returns may be the last instruction. */
	const struct scene a = { 7, "/bin/x", "id", 0x10000, 0x10000, 0x20 };
	const struct scene b = { 8, "/bin/x", "id", 0x90000, 0x10000, 0x20 };

	(void)state;
	assert_true(same(&a, &b));
	assert_int_equal(number_of(atlas, play_gap(0x10000, 0)), 1);
	assert_int_equal(number_of(atlas, play_gap(0x90000, 0x3000)), 1);
	/* And the union says where it is in the copy met first. */
	assert_int_equal(atlas_place(atlas, (struct pc_id){ 1 }), 0x1000);
	assert_int_equal(atlas_model(atlas)->pcs[1].address, 0x11000);
	atlas_free(atlas);
}

static void
equal_stacks_of_one_snapshot_are_one(void **state)
{
	struct snapgen *gen = snapgen_new();
	uint32_t module = snapgen_module(gen, "/bin/x", "id", 0x1000, 0x1000);
	uint32_t first = snapgen_pc(gen, module, 0x1100);
	uint32_t again = snapgen_pc(gen, module, 0x1100);
	struct snapgen_site site = { 0, 0, 1, 8, 0, 0 };
	struct atlas *atlas = atlas_new();
	struct atlas_numbers numbers;
	struct model *model;
	uint32_t nodes[3];
	uint32_t i;

	(void)state;
	nodes[0] = snapgen_node(gen, 0, first);
	nodes[1] = snapgen_node(gen, 0, again);
	nodes[2] = snapgen_node(gen, nodes[1], first);
	for (i = 0; i < 3; i++) {
		site.node = nodes[i];
		snapgen_site(gen, &site);
	}
	/* No stack; and what the full depot had no room for. */
	site.node = 0;
	snapgen_site(gen, &site);
	site.flags = SITE_OVERFLOW;
	snapgen_site(gen, &site);
	model = comparison_load(gen);
	atlas_add(atlas, model, &numbers);
	assert_int_equal(numbers.heap[1], 1);
	assert_int_equal(numbers.heap[2], 1);
	assert_int_equal(numbers.heap[3], 2);
	assert_int_equal(numbers.heap[4], 3);
	assert_int_equal(numbers.heap[5], 4);
	assert_false(atlas_stack(atlas, 3).overflow);
	assert_true(atlas_stack(atlas, 4).overflow);
	/* A caller orders after what it calls alone. */
	assert_true(atlas_compare(atlas, 1, 2) < 0);
	assert_true(atlas_compare(atlas, 2, 1) > 0);
	assert_int_equal(atlas_compare(atlas, 2, 2), 0);
	atlas_numbers_release(&numbers);
	model_free(model);
	atlas_free(atlas);
}

enum { STACKS = 5000 };

/* A binary tree of frames, with a site at every node. */
static struct model *
tree(bool reversed)
{
	struct snapgen *gen = snapgen_new();
	uint32_t module =
		snapgen_module(gen, "/bin/x", "id", 0x10000, 0x100000);
	uint32_t nodes[STACKS + 1] = { 0 };
	uint32_t i;

	for (i = 1; i <= STACKS; i++)
		nodes[i] =
			snapgen_node(gen, nodes[i / 2],
				     snapgen_pc(gen, module, 0x10000 + i * 8));
	for (i = 1; i <= STACKS; i++)
		snapgen_site(gen, &(struct snapgen_site){
					  nodes[reversed ? STACKS + 1 - i : i],
					  0, 1, 8, 0, 0 });
	return comparison_load(gen);
}

static void
numbers_survive_growth_and_other_orders(void **state)
{
	struct atlas *atlas = atlas_new();
	uint32_t round, i;

	(void)state;
	for (round = 0; round < 3; round++) {
		bool reversed = round == 1;
		struct model *model = tree(reversed);
		struct atlas_numbers numbers;

		atlas_add(atlas, model, &numbers);
		for (i = 1; i <= STACKS; i++)
			assert_int_equal(numbers.heap[i],
					 reversed ? STACKS + 1 - i : i);
		assert_int_equal(atlas_count(atlas), STACKS);
		assert_int_equal(atlas_model(atlas)->node_count, STACKS);
		atlas_numbers_release(&numbers);
		model_free(model);
	}
	atlas_free(atlas);
}

/* The stem of a module of that path. */
static const char *
stem_of(struct atlas *atlas, const char *path)
{
	struct scene scene = { 7, path, NULL, 0x10000, 0x10, 0x20 };
	struct module_id module;

	number_of(atlas, play(&scene));
	module.id = atlas_model(atlas)->module_count;
	return atlas_stem_name(atlas, atlas_stem(atlas, module));
}

static void
stem_is_the_name_without_the_version(void **state)
{
	struct atlas *atlas = atlas_new();

	(void)state;
	assert_string_equal(stem_of(atlas, "/usr/bin/app-1.2"), "app-1.2");
	assert_string_equal(stem_of(atlas, "/lib/libfoo.so.1.2"), "libfoo.so");
	assert_string_equal(stem_of(atlas, "/lib/libc-2.36.so"), "libc.so");
	assert_string_equal(stem_of(atlas, "/lib/libm2.so.1"), "libm2.so");
	assert_string_equal(stem_of(atlas, "/lib/a.so.b/x"), "x");
	assert_string_equal(stem_of(atlas, "/lib/-1.so"), ".so");
	assert_string_equal(stem_of(atlas, "[vdso]"), "[vdso]");
	atlas_free(atlas);
}

static void
builds_that_never_meet_are_rebuilds(void **state)
{
	const struct scene a = { 7, "/a/x", "one", 0x10000, 0x10, 0x20 };
	const struct scene b = { 8, "/b/x", "two", 0x10000, 0x10, 0x20 };
	struct atlas *atlas = atlas_new();
	struct snapgen *both = snapgen_new();

	(void)state;
	number_of(atlas, play(&a));
	assert_false(atlas_is_rebuilt(atlas, 1));
	assert_false(atlas_is_rebuilt(atlas, 0));
	number_of(atlas, play(&b));
	assert_int_equal(atlas_stem_count(atlas), 1);
	assert_true(atlas_is_rebuilt(atlas, 1));
	/* Two files of one name in one process are two files. */
	snapgen_module(both, "/a/x", "one", 0x10000, 0x1000);
	snapgen_module(both, "/b/x", "two", 0x20000, 0x1000);
	snapgen_site(both, &(struct snapgen_site){ 0, 0, 1, 8, 0, 0 });
	number_of(atlas, comparison_load(both));
	assert_false(atlas_is_rebuilt(atlas, 1));
	atlas_free(atlas);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_in_files_decide),
		cmocka_unit_test(without_build_id_the_path_decides),
		cmocka_unit_test(return_address_at_the_segments_end_is_in_it),
		cmocka_unit_test(equal_stacks_of_one_snapshot_are_one),
		cmocka_unit_test(numbers_survive_growth_and_other_orders),
		cmocka_unit_test(stem_is_the_name_without_the_version),
		cmocka_unit_test(builds_that_never_meet_are_rebuilds),
	};

	return cmocka_run_group_tests_name("atlas", tests, NULL, NULL);
}
