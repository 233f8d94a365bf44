/* Which stacks of two snapshots are the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../analyzer/match.h"
#include "../../analyzer/reader.h"
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
load(struct snapgen *gen)
{
	struct err err;
	struct model *model = reader_load(snapgen_write(gen), &err);

	snapgen_free(gen);
	snapgen_clean();
	assert_non_null(model);
	return model;
}

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
	snapgen_stack(gen, pcs);
	return load(gen);
}

/* Do the scenes' stacks count as one? */
static bool
same(const struct scene *a, const struct scene *b)
{
	struct model *models[2] = { play(a), play(b) };
	const struct node_id inner = { 2 };
	struct match *match = match_new(models[0], models[1]);
	uint32_t numbers[2];

	numbers[0] = match_stack(match, 0, inner, 0);
	numbers[1] = match_stack(match, 1, inner, 0);
	assert_int_equal(numbers[0], 1);
	assert_int_equal(match_compare(match, numbers[0], numbers[1]) == 0,
			 numbers[0] == numbers[1]);
	match_free(match);
	model_free(models[0]);
	model_free(models[1]);
	return numbers[0] == numbers[1];
}

static void
within_a_process_addresses_decide(void **state)
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
	/* Reloaded elsewhere, or another file at the same place. */
	b = a;
	b.start = 0x90000;
	assert_false(same(&a, &b));
	b = a;
	b.build_id = "other";
	assert_false(same(&a, &b));
	b = a;
	b.path = "/bin/y";
	assert_false(same(&a, &b));
}

static void
between_processes_places_in_files_decide(void **state)
{
	const struct scene a = { 7, "/bin/x", "id", 0x10000, 0x10, 0x20 };
	struct scene b = { 8, "/bin/x", "id", 0x90000, 0x10, 0x20 };

	(void)state;
	assert_true(same(&a, &b));
	/* A copy of the file is the file. */
	b.path = "/opt/copy-of-x";
	assert_true(same(&a, &b));
	b.inner = 0x11;
	assert_false(same(&a, &b));
	b.inner = 0x10;
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
play_gap(uint32_t pid, uint64_t start, uint64_t gap)
{
	struct snapgen *gen = snapgen_new();
	Leakshim__V1__Module module;
	Leakshim__V1__Segment parts[2];
	Leakshim__V1__Segment *list[2] = { &parts[0], &parts[1] };
	uint8_t packed[256];
	size_t len;

	snapgen_header(gen)->pid = pid;
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
	snapgen_node(gen, 0, snapgen_pc(gen, 1, start + 0x1000));
	return load(gen);
}

static void
return_address_at_the_segments_end_is_in_it(void **state)
{
	struct model *near = play_gap(7, 0x10000, 0);
	struct model *far = play_gap(8, 0x90000, 0x3000);
	struct match *match = match_new(near, far);
	/* A call that never returns may be the last instruction. */
	const struct scene a = { 7, "/bin/x", "id", 0x10000, 0x10000, 0x20 };
	const struct scene b = { 8, "/bin/x", "id", 0x90000, 0x10000, 0x20 };

	(void)state;
	assert_true(same(&a, &b));
	assert_int_equal(match_stack(match, 0, (struct node_id){ 1 }, 0), 1);
	assert_int_equal(match_stack(match, 1, (struct node_id){ 1 }, 0), 1);
	match_free(match);
	model_free(near);
	model_free(far);
}

static void
process_is_named_by_all_of_its_marks(void **state)
{
	const struct header a = { .boot_id = "b", .host = "h", .pid = 1 };
	struct header b = a;

	(void)state;
	assert_true(match_same_process(&a, &b));
	b.pid = 2;
	assert_false(match_same_process(&a, &b));
	b = a;
	b.boot_id = "c";
	assert_false(match_same_process(&a, &b));
	b = a;
	b.host = "i";
	assert_false(match_same_process(&a, &b));
	b = a;
	b.pid_namespace = 3;
	assert_false(match_same_process(&a, &b));
	b = a;
	b.start_ticks = 4;
	assert_false(match_same_process(&a, &b));
	b = a;
	b.start_monotonic_ns = 5; /* exec */
	assert_false(match_same_process(&a, &b));
	b = a;
	b.exe = "moved";
	b.sequence = 9;
	assert_true(match_same_process(&a, &b));
}

static void
equal_stacks_of_one_snapshot_are_one(void **state)
{
	struct snapgen *gen = snapgen_new();
	uint32_t module = snapgen_module(gen, "/bin/x", "id", 0x1000, 0x1000);
	uint32_t first = snapgen_pc(gen, module, 0x1100);
	uint32_t again = snapgen_pc(gen, module, 0x1100);
	struct node_id nodes[3];
	struct match *match;
	struct model *model;

	(void)state;
	nodes[0].id = snapgen_node(gen, 0, first);
	nodes[1].id = snapgen_node(gen, 0, again);
	nodes[2].id = snapgen_node(gen, nodes[1].id, first);
	model = load(gen);
	match = match_new(model, NULL);
	assert_int_equal(match_stack(match, 0, nodes[0], 0), 1);
	assert_int_equal(match_stack(match, 0, nodes[1], 0), 1);
	assert_int_equal(match_stack(match, 0, nodes[2], 0), 2);
	/* No stack; and what the full depot had no room for. */
	assert_int_equal(match_stack(match, 0, (struct node_id){ 0 }, 0), 3);
	assert_int_equal(
		match_stack(match, 0, (struct node_id){ 0 }, SITE_OVERFLOW), 4);
	assert_int_equal(match_stack(match, 0, nodes[0], SITE_TRUNCATED), 1);
	/* A caller orders after what it calls alone. */
	assert_true(match_compare(match, 1, 2) < 0);
	assert_true(match_compare(match, 2, 1) > 0);
	match_free(match);
	model_free(model);
}

static void
numbers_survive_growth(void **state)
{
	enum { STACKS = 5000 };
	struct snapgen *gen = snapgen_new();
	uint32_t module =
		snapgen_module(gen, "/bin/x", "id", 0x10000, 0x100000);
	struct match *match;
	struct model *model;
	uint32_t i;

	(void)state;
	for (i = 1; i <= STACKS; i++)
		snapgen_node(gen, i / 2,
			     snapgen_pc(gen, module, 0x10000 + i * 8));
	model = load(gen);
	match = match_new(model, NULL);
	for (i = 1; i <= STACKS; i++)
		assert_int_equal(
			match_stack(match, 0, (struct node_id){ i }, 0), i);
	for (i = STACKS; i >= 1; i--)
		assert_int_equal(
			match_stack(match, 0, (struct node_id){ i }, 0), i);
	match_free(match);
	model_free(model);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(within_a_process_addresses_decide),
		cmocka_unit_test(between_processes_places_in_files_decide),
		cmocka_unit_test(without_build_id_the_path_decides),
		cmocka_unit_test(return_address_at_the_segments_end_is_in_it),
		cmocka_unit_test(process_is_named_by_all_of_its_marks),
		cmocka_unit_test(equal_stacks_of_one_snapshot_are_one),
		cmocka_unit_test(numbers_survive_growth),
	};

	return cmocka_run_group_tests_name("match", tests, NULL, NULL);
}
