/*
 * Call stacks out of copies: of functions of this program, which know where they
 * return to. It is built without frame pointers, as distributions build.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../analyzer/xalloc.h"
#include "../../companion/live.h"
#include "../../companion/procfs.h"
#include "../../companion/stack_walk.h"

#if !defined(__x86_64__)
int
main(void)
{
	print_message("skipped: nobody taught it this processor\n");
	return 0;
}
#else
#include <ucontext.h>

#define DEPTH_MAX 64
#define STACK_BYTES 16384

static struct procfs proc;
static struct stack_walk *walk;

/* The kernel's order of a ucontext's registers. */
static const int gregs[PERF_RING_REGISTERS] = {
	REG_RAX, REG_RBX, REG_RCX, REG_RDX, REG_RSI, REG_RDI,
	REG_RBP, REG_RSP, REG_RIP, REG_R8,  REG_R9,  REG_R10,
	REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
};

struct copy {
	struct perf_record record;
	unsigned char stack[STACK_BYTES];
};

static volatile int zero;
/* Where each of the functions that are left returns to, innermost first. */
static uint64_t returns[DEPTH_MAX];

#define RETURNS_TO() ((uint64_t)(uintptr_t)__builtin_return_address(0))

/* Not checked: it reads what lies above its own frame. */
static void __attribute__((noinline, no_sanitize("address", "undefined")))
copy_stack(struct copy *copy, uint64_t from, size_t bytes)
{
	const volatile unsigned char *at =
		(const volatile unsigned char *)(uintptr_t)from;
	size_t i;

	for (i = 0; i < bytes; i++)
		copy->stack[i] = at[i];
}

/* What there is above the frame, of what is wanted. */
static size_t
bytes_above(uint64_t sp, size_t wanted)
{
	pthread_attr_t attr;
	size_t size;
	void *low;

	assert_int_equal(pthread_getattr_np(pthread_self(), &attr), 0);
	assert_int_equal(pthread_attr_getstack(&attr, &low, &size), 0);
	pthread_attr_destroy(&attr);
	size -= sp - (uint64_t)(uintptr_t)low;
	return wanted < size ? wanted : size;
}

static void __attribute__((noinline))
take_copy(struct copy *copy, size_t wanted)
{
	ucontext_t context;
	size_t bytes;
	size_t i;

	returns[0] = RETURNS_TO();
	assert_int_equal(getcontext(&context), 0);
	memset(&copy->record, 0, sizeof(copy->record));
	copy->record.has_registers = true;
	for (i = 0; i < PERF_RING_REGISTERS; i++)
		copy->record.registers[i] =
			(uint64_t)context.uc_mcontext.gregs[gregs[i]];
	bytes = bytes_above(copy->record.registers[7], wanted);
	copy_stack(copy, copy->record.registers[7], bytes);
	copy->record.stack = copy->stack;
	copy->record.stack_bytes = bytes;
}

static void __attribute__((noinline))
outer_take_copy(struct copy *copy, size_t bytes, int depth)
{
	/* Frames of more than one size. */
	volatile char room[100];

	room[0] = (char)zero;
	returns[depth + 1] = RETURNS_TO();
	if (depth)
		outer_take_copy(copy, bytes, depth - 1);
	else
		take_copy(copy, bytes);
	room[1] = room[0];
}

static void
copied_stack_has_all_callers(void **state)
{
	struct copy *copy = xcalloc(1, sizeof(*copy));
	uint64_t code[DEPTH_MAX];
	size_t depth, i;
	bool cut;

	(void)state;
	outer_take_copy(copy, STACK_BYTES, 5);
	depth = stack_walk_sample(walk, &copy->record, code, DEPTH_MAX, &cut);
	/* take_copy, six of them, and the test's own callers. */
	assert_in_range(depth, 10, DEPTH_MAX - 1);
	assert_int_equal(code[0], copy->record.registers[8] + 1);
	for (i = 0; i <= 6; i++)
		assert_int_equal(code[1 + i], returns[i]);
	assert_false(cut);
	free(copy);
}

static void
stack_beyond_the_copy_is_cut_and_told(void **state)
{
	struct copy *copy = xcalloc(1, sizeof(*copy));
	uint64_t code[DEPTH_MAX], whole[DEPTH_MAX];
	size_t depth, all, i;
	bool cut;

	(void)state;
	outer_take_copy(copy, STACK_BYTES, 20);
	all = stack_walk_sample(walk, &copy->record, whole, DEPTH_MAX, &cut);
	assert_false(cut);
	/* take_copy has more than a kilobyte, each of the others over 100. */
	copy->record.stack_bytes = 2048;
	depth = stack_walk_sample(walk, &copy->record, code, DEPTH_MAX, &cut);
	assert_true(cut);
	assert_in_range(depth, 2, all - 1);
	/* What there is, is right. */
	for (i = 0; i < depth; i++)
		assert_int_equal(code[i], whole[i]);
	/* Nothing was copied: where it was is known all the same. */
	copy->record.stack_bytes = 0;
	depth = stack_walk_sample(walk, &copy->record, code, DEPTH_MAX, &cut);
	assert_int_equal(depth, 1);
	assert_true(cut);
	free(copy);
}

static void
more_frames_than_wanted_are_cut_and_told(void **state)
{
	struct copy *copy = xcalloc(1, sizeof(*copy));
	uint64_t code[8];
	bool cut;

	(void)state;
	outer_take_copy(copy, STACK_BYTES, 20);
	assert_int_equal(stack_walk_sample(walk, &copy->record, code, 8, &cut),
			 8);
	assert_true(cut);
	free(copy);
}

static void
sample_without_registers_has_no_stack(void **state)
{
	const struct perf_record record = { .pid = 1 };
	uint64_t code[8];
	bool cut;

	(void)state;
	assert_int_equal(stack_walk_sample(walk, &record, code, 8, &cut), 0);
	assert_false(cut);
}

/* As wild jumps leave them, or an attacker makes them. */
static void
senseless_registers_end_the_stack(void **state)
{
	struct copy *copy = xcalloc(1, sizeof(*copy));
	uint64_t code[DEPTH_MAX], seed = 1;
	size_t turn, i;
	bool cut;

	(void)state;
	for (turn = 0; turn < 2000; turn++) {
		outer_take_copy(copy, 2048, 3);
		for (i = 0; i < PERF_RING_REGISTERS; i++) {
			seed = seed * 6364136223846793005u +
			       1442695040888963407u;
			if (seed >> 62 == 0)
				copy->record.registers[i] = seed;
			if (seed >> 62 == 1)
				copy->record.registers[i] += seed >> 60;
		}
		for (i = 0; i < 40; i++) {
			seed = seed * 6364136223846793005u +
			       1442695040888963407u;
			copy->stack[seed >> 53] ^= (unsigned char)(seed >> 40);
		}
		assert_in_range(stack_walk_sample(walk, &copy->record, code,
						  DEPTH_MAX, &cut),
				0, DEPTH_MAX);
	}
	free(copy);
}

static void
walks_on_after_the_mappings_were_renewed(void **state)
{
	struct strbuf maps = { 0 };

	assert_int_equal(live_add_mappings(&maps, &proc), 0);
	stack_walk_renew(walk, strbuf_text(&maps));
	copied_stack_has_all_callers(state);
	/* Of another process, as it were: the one frame that needs none. */
	stack_walk_renew(walk, "1000-2000 r-xp 00000000 00:00 0 /none\n");
	{
		struct copy *copy = xcalloc(1, sizeof(*copy));
		uint64_t code[DEPTH_MAX];
		bool cut;

		outer_take_copy(copy, 4096, 1);
		assert_in_range(stack_walk_sample(walk, &copy->record, code,
						  DEPTH_MAX, &cut),
				1, DEPTH_MAX);
		free(copy);
	}
	stack_walk_renew(walk, strbuf_text(&maps));
	copied_stack_has_all_callers(state);
	strbuf_release(&maps);
}

/* The lowest descriptor that is free. */
static int
free_descriptor(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

static void
mapped_files_take_no_descriptors(void **state)
{
	struct strbuf maps = { 0 };
	int before = free_descriptor();
	struct stack_walk *other;
	struct err err;

	(void)state;
	assert_int_equal(live_add_mappings(&maps, &proc), 0);
	other = stack_walk_open(&proc, strbuf_text(&maps), &err);
	assert_non_null(other);
	assert_int_equal(free_descriptor(), before);
	stack_walk_close(other);
	strbuf_release(&maps);
}

static int
open_walk(void **state)
{
	struct strbuf maps = { 0 };
	struct err err;

	(void)state;
	assert_int_equal(procfs_open(&proc, getpid()), 0);
	assert_int_equal(live_add_mappings(&maps, &proc), 0);
	walk = stack_walk_open(&proc, strbuf_text(&maps), &err);
	assert_non_null(walk);
	strbuf_release(&maps);
	return 0;
}

static int
close_walk(void **state)
{
	(void)state;
	stack_walk_close(walk);
	procfs_close(&proc);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copied_stack_has_all_callers),
		cmocka_unit_test(stack_beyond_the_copy_is_cut_and_told),
		cmocka_unit_test(more_frames_than_wanted_are_cut_and_told),
		cmocka_unit_test(sample_without_registers_has_no_stack),
		cmocka_unit_test(senseless_registers_end_the_stack),
		cmocka_unit_test(walks_on_after_the_mappings_were_renewed),
		cmocka_unit_test(mapped_files_take_no_descriptors),
	};

	return cmocka_run_group_tests(tests, open_walk, close_walk);
}
#endif
