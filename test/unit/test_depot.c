/* The depot: same stack, same number; and never more than its bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h>

#include "../../preload/arena.h"
#include "../../preload/depot.h"

static void
same_stack_has_same_number(void **state)
{
	uint64_t code[] = { 0x1000, 0x2000, 0x3000 };
	struct lks_stack a = lks_depot_intern(code, 3, false);

	(void)state;
	assert_int_not_equal(a.id, 0);
	assert_int_equal(lks_depot_intern(code, 3, false).id, a.id);
}

static void
length_order_module_and_truncation_tell_stacks_apart(void **state)
{
	uint64_t code[] = { 0x1000, 0x2000, 0x3000 };
	uint64_t turned[] = { 0x1000, 0x3000, 0x2000 };
	uint64_t moved[] = { lks_code(0x1000, 7), 0x2000, 0x3000 };
	uint32_t id = lks_depot_intern(code, 3, false).id;

	(void)state;
	assert_int_not_equal(lks_depot_intern(code, 2, false).id, id);
	assert_int_not_equal(lks_depot_intern(turned, 3, false).id, id);
	assert_int_not_equal(lks_depot_intern(moved, 3, false).id, id);
	assert_int_not_equal(lks_depot_intern(code, 3, true).id, id);
}

static void
nodes_spell_the_stack_innermost_first(void **state)
{
	uint64_t code[] = { 0xa0, 0xb0, 0xc0, 0xd0 };
	struct lks_depot_stack stack;
	struct lks_depot_node node;
	uint32_t at;

	(void)state;
	assert_true(
		lks_depot_get_stack(lks_depot_intern(code, 4, true), &stack));
	assert_true(stack.truncated);
	at = stack.node;
	for (int i = 0; i < 4; i++) {
		assert_true(lks_depot_get_node(at, &node));
		assert_int_equal(node.code, code[i]);
		assert_true(node.parent < at);
		at = node.parent;
	}
	assert_int_equal(at, 0);
}

static void
common_outer_frames_are_stored_once(void **state)
{
	uint64_t code[30];
	uint32_t before;

	(void)state;
	for (uint32_t i = 0; i < 30; i++)
		code[i] = 0x9000 + i;
	lks_depot_intern(code, 30, false);
	before = lks_depot_node_count();
	code[0] = 0x8000;
	lks_depot_intern(code, 30, false);
	assert_int_equal(lks_depot_node_count(), before + 1);
}

static void *
intern_many(void *argument)
{
	uint32_t *ids = argument;

	for (uint32_t i = 0; i < 20000; i++) {
		uint64_t code[] = { 0x100000 + i, 0x200000 + i % 100,
				    0x300000 };

		ids[i] = lks_depot_intern(code, 3, false).id;
	}
	return NULL;
}

static void
racing_threads_agree_on_numbers(void **state)
{
	static uint32_t ids[4][20000];
	pthread_t threads[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, intern_many, ids[i]);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (int i = 1; i < 4; i++)
		assert_memory_equal(ids[0], ids[i], sizeof(ids[0]));
}

/* Last: the depot stays full. */
static void
without_memory_new_stacks_overflow_and_old_ones_hold(void **state)
{
	uint64_t code[] = { 0x1000, 0x2000, 0x3000 };
	uint32_t known = lks_depot_intern(code, 3, false).id;
	struct lks_stack last = { 0 };

	(void)state;
	lks_arena_init(0);
	for (uint64_t i = 0; i < 20000; i++) {
		uint64_t fresh[] = { 0x5000000 + i };

		last = lks_depot_intern(fresh, 1, false);
	}
	assert_int_equal(last.id, lks_depot_overflow().id);
	assert_int_equal(lks_depot_intern(code, 3, false).id, known);
	lks_arena_init(UINT64_MAX);
}

static int
start(void **state)
{
	(void)state;
	return lks_depot_init() ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_stack_has_same_number),
		cmocka_unit_test(
			length_order_module_and_truncation_tell_stacks_apart),
		cmocka_unit_test(nodes_spell_the_stack_innermost_first),
		cmocka_unit_test(common_outer_frames_are_stored_once),
		cmocka_unit_test(racing_threads_agree_on_numbers),
		cmocka_unit_test(
			without_memory_new_stacks_overflow_and_old_ones_hold),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
