/*
 * The memo: whatever it remembers, it must give what a plain walk gives, and
 * nothing it reads may lie outside of what a plain walk might read.
 */
#include <alloca.h>
#include <gnu/libc-version.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "../../preload/arena.h"
#include "../../preload/depot.h"
#include "../../preload/memo.h"
#include "../../preload/modmap.h"
#include "../../preload/rules.h"

#define DEPTH 24u
#define WORDS 2048u /* of a made stack */

static struct lks_memo memo;
static uint64_t code[LKS_DEPTH_MAX];

static struct lks_captured
plain(const struct lks_regs *regs, const struct lks_bounds *bounds)
{
	struct lks_walk walk = lks_unwind_cfi(regs, bounds, code, DEPTH);

	return (struct lks_captured){
		lks_depot_intern(code, walk.count,
				 walk.end != LKS_WALK_COMPLETE),
		walk.end,
	};
}

/* By the memo; fails if a plain walk gives another stack. */
static struct lks_stack
capture(const struct lks_regs *regs, const struct lks_bounds *bounds)
{
	struct lks_captured ours =
		lks_memo_capture(&memo, regs, bounds, code, DEPTH);
	struct lks_captured theirs = plain(regs, bounds);

	assert_int_equal(ours.stack.id, theirs.stack.id);
	assert_int_equal(ours.end, theirs.end);
	return ours.stack;
}

/* --- made stacks --------------------------------------------------------- */

/* Code addresses by the kind of their rule, from libc and this program. */
enum { PCS = 64 };
static struct {
	uintptr_t pc[PCS];
	uint64_t rule[PCS];
	uint32_t count;
} pcs[LKS_RULE_OUTERMOST + 1];

static void
collect(uintptr_t start, uintptr_t end)
{
	uint64_t salt = lks_rules_salt();

	for (uintptr_t pc = start; pc < end; pc++) {
		uint64_t rule = lks_rules_get(pc, salt);
		enum lks_rule_kind kind = lks_rule_kind(rule);
		uint32_t *n = &pcs[kind].count;

		if ((rule & LKS_RULE_HIDDEN) != 0 || *n == PCS ||
		    lks_rule_slot(rule) > 12 ||
		    (kind <= LKS_RULE_BP_LOST && (lks_rule_offset(rule) < 16 ||
						  lks_rule_offset(rule) > 128)))
			continue;
		/* Not all of one function. */
		if (*n > 0 &&
		    (pc - pcs[kind].pc[*n - 1] < 64 ||
		     (kind == LKS_RULE_SP && pcs[kind].rule[*n - 1] == rule)))
			continue;
		pcs[kind].pc[*n] = pc;
		pcs[kind].rule[*n] = rule;
		++*n;
	}
}

static __attribute__((noinline)) int
realigned(int a, int b, int c, int d, int e, int f, size_t bytes)
{
	volatile char *memory = alloca(bytes);
	volatile _Alignas(128) char local[256];

	memory[0] = (char)(a + b + c);
	local[1] = (char)(d + e + f);
	return memory[0] + local[1];
}

static uint64_t
next_random(void)
{
	static uint64_t x = 88172645463325252u;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x >> 8;
}

/* A stack that grows down from the end of an array between two pages that
 * can't be touched. top[n - 1] is the innermost frame. */
static struct {
	uintptr_t *words;
	struct lks_bounds bounds;
	struct lks_regs top[128];
	uint32_t n;
} made;

static uintptr_t *
word(uintptr_t at)
{
	assert_in_range(at, made.bounds.lo, made.bounds.hi - 8);
	return (uintptr_t *)at;
}

static void
make_empty(void)
{
	made.n = 1;
	/* The outermost frame returns to nowhere. */
	made.top[0] = (struct lks_regs){ 0, made.bounds.hi, 0 };
}

/* Calls a function whose return address has this rule. */
static void
push(enum lks_rule_kind kind, uint32_t which, uintptr_t bp)
{
	const struct lks_regs caller = made.top[made.n - 1];
	const uintptr_t cfa = caller.sp;
	uint64_t rule;
	struct lks_regs callee;

	assert_true(pcs[kind].count > 0);
	which %= pcs[kind].count;
	rule = pcs[kind].rule[which];
	callee.pc = pcs[kind].pc[which];
	*word(cfa - 8) = caller.pc;
	callee.bp = bp;
	switch (kind) {
	case LKS_RULE_SP:
	case LKS_RULE_SP_LOST:
		callee.sp = cfa - (uintptr_t)lks_rule_offset(rule);
		break;
	case LKS_RULE_BP:
	case LKS_RULE_BP_LOST:
		callee.bp = cfa - (uintptr_t)lks_rule_offset(rule);
		callee.sp = callee.bp - 8 * (12 + bp % 8);
		break;
	case LKS_RULE_REALIGNED:
		callee.bp = cfa - 32 - 8 * (bp % 4);
		callee.sp = callee.bp - 64;
		*word(callee.bp) = caller.bp;
		*word(callee.bp + (uintptr_t)lks_rule_near(rule)) =
			cfa - (uintptr_t)lks_rule_add(rule);
		break;
	case LKS_RULE_NONE:
	case LKS_RULE_SP_DEREF:
	case LKS_RULE_BP_DEREF:
	case LKS_RULE_SIGNAL:
	case LKS_RULE_OUTERMOST:
		fail();
	}
	if (lks_rule_slot(rule) != 0)
		*word(cfa - 8 * lks_rule_slot(rule)) = caller.bp;
	else if (kind == LKS_RULE_SP)
		callee.bp = caller.bp;
	made.top[made.n++] = callee;
}

/* The first rule of this kind that saves the frame register, or doesn't. */
static uint32_t
which_saves(bool saves)
{
	uint32_t i = 0;

	while (i < pcs[LKS_RULE_SP].count &&
	       (lks_rule_slot(pcs[LKS_RULE_SP].rule[i]) > 1) != saves)
		i++;
	assert_true(i < pcs[LKS_RULE_SP].count);
	return i;
}

/* Three frames that leave the frame register alone: they are what a walk is
 * looked up by, so what lies farther out is for verification alone. */
static void
push_key(void)
{
	for (int i = 0; i < 3; i++)
		push(LKS_RULE_SP, which_saves(false), 0);
}

static struct lks_stack
capture_made(void)
{
	return capture(&made.top[made.n - 1], &made.bounds);
}

static void
random_push(void)
{
	static const enum lks_rule_kind kinds[] = {
		LKS_RULE_SP, LKS_RULE_SP, LKS_RULE_SP,        LKS_RULE_SP,
		LKS_RULE_BP, LKS_RULE_BP, LKS_RULE_REALIGNED,
	};
	uint64_t r = next_random();
	enum lks_rule_kind kind = kinds[r % 7];

	if (pcs[kind].count == 0)
		kind = LKS_RULE_BP;

	/* Few of each, so that stacks come again. */
	push(kind, (uint32_t)(r >> 8 & 3) * 7, r >> 12 & 1);
}

/*
 * A program's life: returns, calls, and words that change under frames that
 * stay. Most walks begin where one of the last did.
 */
static void
changing_stacks_are_walked_right(void **state)
{
	uint64_t kept = 0;
	uint64_t incomplete = 0;

	(void)state;
	make_empty();
	random_push();
	for (int round = 0; round < 400000; round++) {
		uint64_t r = next_random();
		struct lks_regs regs;
		uint64_t before;
		uint32_t down = r % 4;

		if (r % 61 == 0)
			down = made.n;
		while (down-- > 0 && made.n > 2)
			made.n--;
		for (uint32_t up = r >> 8 & 3; up > 0 && made.n < 40; up--)
			random_push();
		regs = made.top[made.n - 1];
		if (r % 7 == 0)
			regs.bp = made.top[next_random() % made.n].bp;
		if (r % 11 == 0) {
			/* A word of the stack becomes another of its words,
			 * or a return address. */
			uintptr_t hi = made.bounds.hi;
			uintptr_t span = hi - regs.sp;
			uintptr_t at = regs.sp + next_random() % span / 8 * 8;

			*word(at) =
				next_random() % 2 == 0
					? *word(regs.sp +
						next_random() % span / 8 * 8)
					: pcs[LKS_RULE_SP].pc[r >> 16 & 3];
		}
		before = memo.write;
		incomplete += lks_memo_capture(&memo, &regs, &made.bounds, code,
					       DEPTH)
				      .end != LKS_WALK_COMPLETE;
		kept += memo.write == before;
		capture(&regs, &made.bounds);
		if (r % 11 == 0)
			make_empty(), random_push();
	}
	/* All of it happened. */
	assert_in_range(kept, 40000, 390000);
	assert_in_range(incomplete, 10000, 390000);
}

/* A remembered walk reads the stack, and needs nothing else. */
static void
stack_seen_again_is_not_walked(void **state)
{
	struct lks_stack first;
	uint64_t write;

	(void)state;
	make_empty();
	for (uint32_t i = 0; i < 10; i++)
		push(LKS_RULE_SP, i, 0);
	first = capture_made();
	write = memo.write;
	assert_int_equal(capture_made().id, first.id);
	assert_int_equal(memo.write, write);
}

/* Walks that begin the same, `inner` frames further in, and part further out, at
 * more than one frame. True: once each was seen, none was walked again, in
 * whichever order they came. */
static bool
each_is_found(uint32_t inner)
{
	static const uint8_t outer[][3] = {
		{ 1, 2, 3 }, { 1, 3, 2 }, { 2, 1, 3 },
		{ 2, 3, 1 }, { 3, 1, 2 }, { 3, 2, 1 },
	};
	const uint32_t walks = sizeof(outer) / sizeof(outer[0]);
	uint64_t write = 0;

	for (uint32_t i = 0; i < 30 * walks; i++) {
		const uint32_t k = i < walks ? i : next_random() % walks;

		if (i == walks)
			write = memo.write;
		make_empty();
		for (uint32_t n = 0; n < inner; n++)
			push(LKS_RULE_SP, 4, 0);
		for (uint32_t n = 0; n < 3; n++)
			push(LKS_RULE_SP, outer[k][n], 0);
		for (uint32_t n = 0; n < 6; n++)
			push(LKS_RULE_SP, 5, 0);
		capture_made();
	}
	return memo.write == write;
}

/* Where they are found is a matter of addresses, which may be unlucky: not four
 * times. */
static void
walks_that_part_further_out_are_each_found(void **state)
{
	bool found = false;

	(void)state;
	for (uint32_t attempt = 0; attempt < 4 && !found; attempt++)
		found = each_is_found(attempt);
	assert_true(found);
}

/* After 2^48 bytes of entries, whose places have no more bits. */
static void
walks_are_found_after_days_of_new_ones(void **state)
{
	bool found = false;

	(void)state;
	make_empty();
	push(LKS_RULE_SP, 1, 0);
	capture_made();
	for (uint32_t attempt = 0; attempt < 4 && !found; attempt++) {
		memo.write |= 1ull << 48;
		memo.start = memo.write;
		memo.last = 0;
		found = each_is_found(attempt);
		assert_in_range(memo.write, 0, (1ull << 48) - 1);
	}
	assert_true(found);
}

/* A call that nobody came back to may have left anything in it but the space.
 * That stays, or a host that jumps out of calls would lose one each time. */
static void
memo_left_half_changed_is_forgotten_but_for_its_memory(void **state)
{
	const struct lks_memo_space *space;
	uint64_t bytes, write;

	(void)state;
	lks_memo_release(&memo);
	make_empty();
	for (uint32_t i = 0; i < 6; i++)
		push(LKS_RULE_SP, i, 0);
	capture_made();
	space = memo.space;
	bytes = lks_memo_bytes();
	/* In the middle of a ring that has just been written. */
	memset(memo.ring, 0x5a, memo.ring_bytes);
	memo.last = memo.write - 64;
	lks_memo_forget(&memo);
	write = memo.write;
	capture_made();
	assert_int_not_equal(memo.write, write);
	assert_ptr_equal(memo.space, space);
	assert_int_equal(lks_memo_bytes(), bytes);
	write = memo.write;
	capture_made();
	assert_int_equal(memo.write, write);
}

/* What lies where may change meanwhile: nothing is kept, nothing taken. */
static void
walks_during_a_closing_are_plain(void **state)
{
	struct lks_stack first;
	uint64_t write;

	(void)state;
	make_empty();
	for (uint32_t i = 0; i < 11; i++)
		push(LKS_RULE_SP, i, 0);
	write = memo.write;
	lks_rules_doubt();
	first = capture_made();
	assert_int_equal(capture_made().id, first.id);
	assert_int_equal(memo.write, write);
	lks_rules_trust();
	assert_int_equal(capture_made().id, first.id);
	assert_int_not_equal(memo.write, write);
}

/* One return address far out is another: nothing near the top tells. */
static void
change_of_an_outer_frame_is_seen(void **state)
{
	struct lks_stack first;
	uintptr_t *slot;

	(void)state;
	make_empty();
	for (uint32_t i = 0; i < 10; i++)
		push(LKS_RULE_SP, 1, 0);
	first = capture_made();
	slot = word(made.top[2].sp - 8);
	assert_int_equal(*slot, pcs[LKS_RULE_SP].pc[1]);
	for (uint32_t i = 0; i < pcs[LKS_RULE_SP].count; i++)
		if (i != 1 && lks_rule_offset(pcs[LKS_RULE_SP].rule[i]) ==
				      lks_rule_offset(pcs[LKS_RULE_SP].rule[1]))
			*slot = pcs[LKS_RULE_SP].pc[i];
	assert_int_not_equal(*slot, pcs[LKS_RULE_SP].pc[1]);
	assert_int_not_equal(capture_made().id, first.id);
}

/* The same of each frame in turn, where only the innermost was walked anew, and
 * the rest is the last walk's as far as it still holds. */
static void
change_of_a_frame_is_seen_where_walks_join(void **state)
{
	(void)state;
	for (uint32_t n = 4; n < 16; n++)
		for (uint32_t changed = 0; changed < n; changed++) {
			make_empty();
			for (uint32_t i = 0; i < n; i++)
				push(LKS_RULE_SP, i, 0);
			capture_made();
			made.n--;
			push(LKS_RULE_SP, n + 1, 0);
			/* No code at all: the walk ends there now. */
			*word(made.top[changed].sp - 8) = 8;
			capture_made();
		}
}

/*
 * alloca: the frame is found by its frame register, of which the stack tells
 * nothing. With another value, the same pc and sp and the very same words are
 * another stack: the words of a former call still lie there.
 */
static void
entry_frame_register_is_part_of_the_walk(void **state)
{
	struct lks_regs regs;
	struct lks_stack near;
	struct lks_stack far;
	uintptr_t far_bp;

	(void)state;
	make_empty();
	push(LKS_RULE_SP, 0, 0);
	push(LKS_RULE_SP, 1, 0);
	push(LKS_RULE_BP, 0, 0);
	far_bp = made.top[made.n - 1].bp;
	made.n--;
	push(LKS_RULE_SP, 2, far_bp);
	push(LKS_RULE_SP, 3, far_bp);
	push(LKS_RULE_BP, 0, 0);
	push_key();
	regs = made.top[made.n - 1];
	near = capture(&regs, &made.bounds);
	regs.bp = far_bp;
	far = capture(&regs, &made.bounds);
	assert_int_not_equal(near.id, far.id);
	regs.bp = made.top[made.n - 1].bp;
	assert_int_equal(capture(&regs, &made.bounds).id, near.id);
}

/* The same where a callee saved it: the saved word is part of the walk. */
static void
saved_frame_register_is_part_of_the_walk(void **state)
{
	struct lks_stack near;
	uintptr_t far_bp;
	uint32_t saver = which_saves(true);
	uintptr_t *saved;

	(void)state;
	make_empty();
	push(LKS_RULE_SP, 0, 0);
	push(LKS_RULE_SP, 1, 0);
	push(LKS_RULE_BP, 0, 0);
	far_bp = made.top[made.n - 1].bp;
	made.n--;
	push(LKS_RULE_SP, 2, far_bp);
	push(LKS_RULE_BP, 0, 0);
	push(LKS_RULE_SP, saver, 77);
	saved = word(made.top[made.n - 2].sp -
		     8 * lks_rule_slot(pcs[LKS_RULE_SP].rule[saver]));
	push_key();
	near = capture_made();
	/* What it has in the register itself is nobody's business. */
	made.top[made.n - 1].bp = 78;
	assert_int_equal(capture_made().id, near.id);
	*saved = far_bp;
	assert_int_not_equal(capture_made().id, near.id);
}

/* A realigned frame keeps its CFA in memory. */
static void
cfa_in_memory_is_part_of_the_walk(void **state)
{
	struct lks_stack near;
	uintptr_t *kept;
	uintptr_t far_cfa;

	(void)state;
	if (pcs[LKS_RULE_REALIGNED].count == 0) {
		puts("this compiler finds realigned frames by rbp alone");
		skip();
	}
	make_empty();
	push(LKS_RULE_SP, 0, 0);
	push(LKS_RULE_SP, 1, 0);
	far_cfa = made.top[made.n - 1].sp;
	push(LKS_RULE_SP, 2, 0);
	push(LKS_RULE_SP, 3, 0);
	push(LKS_RULE_REALIGNED, 0, 0);
	kept = word(made.top[made.n - 1].bp +
		    (uintptr_t)lks_rule_near(pcs[LKS_RULE_REALIGNED].rule[0]));
	push_key();
	near = capture_made();
	*kept = far_cfa -
		(uintptr_t)lks_rule_add(pcs[LKS_RULE_REALIGNED].rule[0]);
	assert_int_not_equal(capture_made().id, near.id);
}

/* Another module at an address is another frame, whatever lies on the stack:
 * a remembered walk tells of the old one. */
static void
change_of_modules_forgets_all(void **state)
{
	uint64_t write;

	(void)state;
	make_empty();
	for (uint32_t i = 0; i < 10; i++)
		push(LKS_RULE_SP, i, 0);
	capture_made();
	write = memo.write;
	lks_rules_flush();
	capture_made();
	/* Nothing from before can be found; it was walked again, and kept. */
	assert_true(memo.write > write + 2 * memo.ring_bytes);
}

/* What lies below the stack pointer may be no memory at all. */
static void
nothing_below_the_stack_pointer_is_read(void **state)
{
	char *map = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const struct lks_bounds usual = made.bounds;
	uint32_t large = 0;

	(void)state;
	assert_ptr_not_equal(map, MAP_FAILED);
	for (uint32_t i = 0; i < pcs[LKS_RULE_SP].count; i++)
		if (lks_rule_offset(pcs[LKS_RULE_SP].rule[i]) >
		    lks_rule_offset(pcs[LKS_RULE_SP].rule[large]))
			large = i;
	made.bounds.lo = (uintptr_t)map;
	made.bounds.hi = (uintptr_t)map + 2 * 4096;
	make_empty();
	/* The outer frames of a remembered walk that is not cut short lie on
	 * the upper page, the inner ones on the lower. */
	made.top[0].sp = made.bounds.lo + 4096 + 512;
	for (uint32_t i = 0; i < 10; i++)
		push(LKS_RULE_SP, large, 0);
	assert_true(made.top[made.n - 1].sp < made.bounds.lo + 4096);
	capture_made();
	/* Back in an outer function. The words of what it called are still
	 * what they were. */
	made.n = 3;
	munmap(map, 4096);
	capture_made();
	munmap(map + 4096, 4096);
	made.bounds = usual;
}

/* The same of a saved frame register, in a frame that lies on both pages. */
static void
no_saved_register_below_the_stack_pointer_is_read(void **state)
{
	char *map = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const struct lks_bounds usual = made.bounds;
	const uintptr_t middle = (uintptr_t)map + 4096;
	struct lks_regs regs;
	uint32_t small = 0;

	(void)state;
	assert_ptr_not_equal(map, MAP_FAILED);
	made.bounds.lo = (uintptr_t)map;
	made.bounds.hi = (uintptr_t)map + 2 * 4096;
	make_empty();
	/* So that the second's return address is the upper page's first word,
	 * and what it saved lies below. */
	made.top[0].sp = middle + 8 + 8 * 12 +
			 (uintptr_t)lks_rule_offset(pcs[LKS_RULE_BP].rule[0]);
	push(LKS_RULE_BP, 0, 0);
	push(LKS_RULE_SP, which_saves(true), 0);
	assert_true(made.top[2].sp < middle);
	assert_int_equal(*word(middle), pcs[LKS_RULE_BP].pc[0]);
	capture_made();
	/* Some frames, so that the last walk is looked at before the end. */
	for (uint32_t i = 0; i < pcs[LKS_RULE_SP].count; i++)
		if (lks_rule_offset(pcs[LKS_RULE_SP].rule[i]) <
		    lks_rule_offset(pcs[LKS_RULE_SP].rule[small]))
			small = i;
	regs.pc = pcs[LKS_RULE_SP].pc[small];
	regs.sp = middle;
	regs.bp = 0;
	for (uintptr_t at = middle + 8; at < middle + 8 * 12; at += 8)
		*word(at) = regs.pc;
	munmap(map, 4096);
	capture(&regs, &made.bounds);
	munmap(map + 4096, 4096);
	made.bounds = usual;
}

/* A walk that is cut short and one that has just room. */
static void
depth_cuts_remembered_walks_too(void **state)
{
	(void)state;
	for (uint32_t n = DEPTH - 4; n < DEPTH + 6; n++) {
		make_empty();
		for (uint32_t i = 0; i < n; i++) {
			push(LKS_RULE_SP, i, 0);
			capture_made();
		}
		while (made.n > 2) {
			capture_made();
			made.n--;
		}
	}
}

/* More stacks than the ring has room for, twice over. */
static void
ring_wraps_and_stays_right(void **state)
{
	bool grew = false;

	(void)state;
	lks_memo_release(&memo);
	for (uint32_t k = 0; k < 30000; k++) {
		make_empty();
		for (uint32_t i = 0; i < 6; i++)
			push(LKS_RULE_SP, k >> 2 * i, 0);
		capture_made();
		grew |= memo.ring_bytes == LKS_MEMO_LARGE_BYTES;
	}
	assert_true(grew);
}

static void
without_memory_walks_are_plain(void **state)
{
	struct lks_stack first;

	(void)state;
	make_empty();
	for (uint32_t i = 0; i < 6; i++)
		push(LKS_RULE_SP, i, 0);
	first = capture_made();
	lks_memo_release(&memo);
	assert_int_equal(lks_memo_bytes(), 0);
	lks_arena_init(1); /* a cap below all */
	assert_int_equal(capture_made().id, first.id);
	assert_null(memo.space);
	lks_arena_init(UINT64_MAX);
	/* It doesn't ask at each call. */
	assert_int_equal(capture_made().id, first.id);
	assert_null(memo.space);
	lks_memo_release(&memo);
	assert_int_equal(capture_made().id, first.id);
	assert_non_null(memo.space);
}

static int
start(void **state)
{
	uintptr_t libc = (uintptr_t)&gnu_get_libc_version & ~0xffful;
	char *map = mmap(NULL, WORDS * 8 + 2 * 4096, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	if (map == MAP_FAILED || !lks_depot_init() || !lks_modmap_init() ||
	    lks_unwind_init(LKS_UNWIND_CFI) != LKS_UNWIND_CFI)
		return -1;
	made.words = (uintptr_t *)(map + 4096);
	mprotect(made.words, WORDS * 8, PROT_READ | PROT_WRITE);
	made.bounds.lo = (uintptr_t)made.words;
	made.bounds.hi = (uintptr_t)(made.words + WORDS);
	collect((uintptr_t)&realigned, (uintptr_t)&realigned + 256);
	collect(libc, libc + 0x40000);
	collect((uintptr_t)&collect & ~0xffful, (uintptr_t)&start);
	return pcs[LKS_RULE_SP].count > 30 && pcs[LKS_RULE_BP].count > 3 ? 0
									 : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stack_seen_again_is_not_walked),
		cmocka_unit_test(walks_that_part_further_out_are_each_found),
		cmocka_unit_test(walks_are_found_after_days_of_new_ones),
		cmocka_unit_test(
			memo_left_half_changed_is_forgotten_but_for_its_memory),
		cmocka_unit_test(walks_during_a_closing_are_plain),
		cmocka_unit_test(change_of_an_outer_frame_is_seen),
		cmocka_unit_test(change_of_a_frame_is_seen_where_walks_join),
		cmocka_unit_test(entry_frame_register_is_part_of_the_walk),
		cmocka_unit_test(saved_frame_register_is_part_of_the_walk),
		cmocka_unit_test(cfa_in_memory_is_part_of_the_walk),
		cmocka_unit_test(change_of_modules_forgets_all),
		cmocka_unit_test(nothing_below_the_stack_pointer_is_read),
		cmocka_unit_test(
			no_saved_register_below_the_stack_pointer_is_read),
		cmocka_unit_test(depth_cuts_remembered_walks_too),
		cmocka_unit_test(changing_stacks_are_walked_right),
		cmocka_unit_test(ring_wraps_and_stays_right),
		cmocka_unit_test(without_memory_walks_are_plain),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
