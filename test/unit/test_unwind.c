/*
 * The backends on real stacks: cfi must see what libunwind sees, whatever
 * stands on the stack, and must not read outside the bounds, whatever lies
 * there.
 */
#include <alloca.h>
#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <zlib.h>

#include <cmocka.h>

#include "../../preload/arch.h"
#include "../../preload/modmap.h"
#include "../../preload/rules.h"
#include "../../preload/unwind.h"

#define CAP 128

/* What hook() saw last. */
static struct {
	struct lks_bounds bounds; /* set by the test */
	uint32_t cap;             /* set by the test */
	uint64_t cfi[LKS_DEPTH_MAX];
	uint64_t oracle[LKS_DEPTH_MAX];
	uint64_t fp[LKS_DEPTH_MAX];
	struct lks_walk cfi_walk;
	struct lks_walk oracle_walk;
	struct lks_walk fp_walk;
} seen;

static bool have_oracle;
static volatile unsigned sink; /* keeps calls from being in tail position */

/* Stands for an interposed function: it needs its frame pointer, and asking
 * for its frame's address makes the compiler set one up. */
static __attribute__((noinline)) void
hook(void)
{
	struct lks_regs regs = LKS_REGS_OF_CALLER();

	seen.cfi_walk = lks_unwind_cfi(&regs, &seen.bounds, seen.cfi, seen.cap);
	seen.fp_walk = lks_unwind_fp(&regs, &seen.bounds, seen.fp, seen.cap);
	if (have_oracle)
		seen.oracle_walk = lks_unwind_libunwind(&regs, &seen.bounds,
							seen.oracle, seen.cap);
	sink++;
}

static struct lks_bounds
own_bounds(void)
{
	struct lks_bounds bounds;
	pthread_attr_t attr;
	void *low;
	size_t bytes;

	assert_int_equal(pthread_getattr_np(pthread_self(), &attr), 0);
	assert_int_equal(pthread_attr_getstack(&attr, &low, &bytes), 0);
	pthread_attr_destroy(&attr);
	bounds.lo = (uintptr_t)low;
	bounds.hi = bounds.lo + bytes;
	return bounds;
}

static int
prepare(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof(seen));
	seen.bounds = own_bounds();
	seen.cap = CAP;
	return 0;
}

static void
check_walks_agree(void)
{
	assert_int_equal(seen.cfi_walk.end, LKS_WALK_COMPLETE);
	assert_true(seen.cfi_walk.count > 3);
	if (!have_oracle)
		return;
	assert_int_equal(seen.oracle_walk.end, LKS_WALK_COMPLETE);
	assert_int_equal(seen.cfi_walk.count, seen.oracle_walk.count);
	for (uint32_t i = 0; i < seen.cfi_walk.count; i++)
		assert_int_equal(seen.cfi[i], seen.oracle[i]);
}

/* True if frame i of the cfi walk lies in the function at `start`. */
static bool
is_in(uint32_t i, void *start, size_t bytes)
{
	uintptr_t pc = lks_code_pc(seen.cfi[i]) - 1;

	return pc >= (uintptr_t)start && pc < (uintptr_t)start + bytes;
}

static __attribute__((noinline)) unsigned
recurse(int n)
{
	if (n == 0)
		hook();
	else
		sink += recurse(n - 1);
	return sink;
}

static void
deep_recursion_agrees(void **state)
{
	(void)state;
	recurse(60);
	check_walks_agree();
	assert_true(seen.cfi_walk.count > 60);
	for (uint32_t i = 2; i < 58; i++)
		assert_int_equal(seen.cfi[i], seen.cfi[1]);
	assert_int_not_equal(lks_code_module(seen.cfi[0]), 0);
}

static void
depth_ends_the_walk(void **state)
{
	(void)state;
	seen.cap = 16;
	recurse(60);
	assert_int_equal(seen.cfi_walk.count, 16);
	assert_int_equal(seen.cfi_walk.end, LKS_WALK_DEPTH);
	if (have_oracle) {
		assert_int_equal(seen.oracle_walk.end, LKS_WALK_DEPTH);
		assert_memory_equal(seen.cfi, seen.oracle, 16 * 8);
	}
}

/* A walk that has just room is complete, not cut. */
static void
exact_depth_is_complete(void **state)
{
	uint32_t count;

	(void)state;
	recurse(10);
	count = seen.cfi_walk.count;
	seen.cap = count;
	recurse(10);
	assert_int_equal(seen.cfi_walk.end, LKS_WALK_COMPLETE);
	assert_int_equal(seen.cfi_walk.count, count);
	seen.cap = count - 1;
	recurse(10);
	assert_int_equal(seen.cfi_walk.end, LKS_WALK_DEPTH);
	assert_int_equal(seen.cfi_walk.count, count - 1);
}

static int
compare_hooked(const void *a, const void *b)
{
	hook();
	return *(const int *)a - *(const int *)b;
}

static void
qsort_callback_agrees(void **state)
{
	int numbers[] = { 3, 1, 2 };

	(void)state;
	qsort(numbers, 3, sizeof(numbers[0]), compare_hooked);
	check_walks_agree();
}

/* alloca needs a frame register; the callee that saves it is in between. */
static __attribute__((noinline)) int
with_alloca(size_t bytes)
{
	char *memory = alloca(bytes);

	memset(memory, (int)bytes, bytes);
	recurse(3);
	return memory[bytes / 2];
}

static void
alloca_frame_agrees(void **state)
{
	(void)state;
	for (size_t bytes = 8; bytes < 5000; bytes += 777) {
		sink += (unsigned)with_alloca(bytes);
		check_walks_agree();
	}
}

/* gcc keeps such a frame's CFA in memory: *(rbp - 8). */
static __attribute__((noinline)) int
with_realigned(int a, int b, int c, int d, int e, int f, size_t bytes)
{
	char *memory = alloca(bytes);
	_Alignas(128) char local[256];

	memset(memory, a + b + c, bytes);
	memset(local, d + e + f, sizeof(local));
	assert_int_equal((uintptr_t)local % 128, 0);
	recurse(3);
	return memory[0] + local[1];
}

static void
realigned_frame_agrees(void **state)
{
	(void)state;
	for (size_t bytes = 8; bytes < 200; bytes += 24) {
		sink += (unsigned)with_realigned(1, 2, 3, 4, 5, 6, bytes);
		check_walks_agree();
	}
}

static jmp_buf escape;

static __attribute__((noinline, noreturn)) void
never_returns(void)
{
	hook();
	longjmp(escape, 1);
}

/* Its call is its last instruction, so the return address is past its end. */
static __attribute__((noinline)) void
ends_in_noreturn(void)
{
	sink++;
	never_returns();
}

static void
noreturn_call_agrees(void **state)
{
	(void)state;
	if (setjmp(escape) == 0)
		ends_in_noreturn();
	check_walks_agree();
}

static void
on_signal(int sig)
{
	(void)sig;
	recurse(2);
}

static void
signal_frame_agrees(void **state)
{
	struct sigaction action = { .sa_handler = on_signal };

	(void)state;
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	signal(SIGUSR1, SIG_DFL);
	check_walks_agree();
}

/* The kernel's frame, and the interrupted pc, stored plus one. */
static void
fault_address_is_stored_plus_one(void **state)
{
	struct sigaction action = { .sa_handler = on_signal };
	uint32_t i;
	void *pc;

	(void)state;
	sigaction(SIGTRAP, &action, NULL);
	__asm__ volatile("leaq 1f(%%rip), %0\n\tint3\n1:"
			 : "=&r"(pc)
			 :
			 : "memory");
	signal(SIGTRAP, SIG_DFL);
	check_walks_agree();
	for (i = 0; i < seen.cfi_walk.count; i++)
		if (lks_code_pc(seen.cfi[i]) == (uintptr_t)pc + 1)
			break;
	assert_true(i > 2 && i < seen.cfi_walk.count);
}

static void
alternate_stack_is_lost_at_once(void **state)
{
	struct sigaction action = { .sa_handler = on_signal,
				    .sa_flags = SA_ONSTACK };
	stack_t stack = { .ss_size = 256 * 1024 };

	(void)state;
	stack.ss_sp = malloc(stack.ss_size);
	sigaltstack(&stack, NULL);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	signal(SIGUSR1, SIG_DFL);
	stack.ss_flags = SS_DISABLE;
	sigaltstack(&stack, NULL);
	free(stack.ss_sp);
	assert_int_equal(seen.cfi_walk.count, 1);
	assert_int_equal(seen.cfi_walk.end, LKS_WALK_LOST);
	assert_int_not_equal(lks_code_module(seen.cfi[0]), 0);
}

static void *
thread_main(void *bounded)
{
	seen.bounds = own_bounds();
	if (bounded != NULL)
		seen.bounds.hi = (uintptr_t)__builtin_frame_address(0) + 16;
	recurse(5);
	return NULL;
}

static void
thread_agrees(void **state)
{
	pthread_t thread;

	(void)state;
	pthread_create(&thread, NULL, thread_main, NULL);
	pthread_join(thread, NULL);
	check_walks_agree();
}

/* As the trampoline gives them: nothing above its own frame is read. */
static void
bounds_end_is_the_thread_start(void **state)
{
	pthread_t thread;

	(void)state;
	pthread_create(&thread, NULL, thread_main, &seen);
	pthread_join(thread, NULL);
	/* recurse x 6, thread_main, and whoever called it */
	assert_int_equal(seen.cfi_walk.end, LKS_WALK_COMPLETE);
	assert_int_equal(seen.cfi_walk.count, 8);
}

static voidpf
zlib_asks_for_memory(voidpf opaque, uInt items, uInt size)
{
	(void)opaque;
	hook();
	return calloc(items, size);
}

static void
zlib_gives_back(voidpf opaque, voidpf address)
{
	(void)opaque;
	free(address);
}

static void
opened_library_agrees(void **state)
{
	void *handle = dlopen("libz.so.1", RTLD_NOW | RTLD_LOCAL);
	z_stream stream = { .zalloc = zlib_asks_for_memory,
			    .zfree = zlib_gives_back };
	int (*init)(z_streamp, int, const char *, int);
	int (*end)(z_streamp);
	const struct lks_module *module;

	(void)state;
	assert_non_null(handle);
	*(void **)&init = dlsym(handle, "deflateInit_");
	*(void **)&end = dlsym(handle, "deflateEnd");
	assert_int_equal(init(&stream, 1, ZLIB_VERSION, sizeof(stream)), Z_OK);
	assert_int_equal(end(&stream), Z_OK);
	check_walks_agree();
	module = lks_modmap_get(lks_code_module(seen.cfi[1]));
	assert_non_null(strstr(module->path, "libz.so"));
	dlclose(handle);
	lks_modmap_refresh();
}

static __attribute__((noinline)) unsigned
with_frame_pointer(int n)
{
	sink += (unsigned)(uintptr_t)__builtin_frame_address(0);
	if (n == 0)
		hook();
	else
		sink += with_frame_pointer(n - 1);
	return sink;
}

static void
fp_agrees_where_there_are_frame_pointers(void **state)
{
	(void)state;
	with_frame_pointer(20);
	assert_true(seen.fp_walk.count > 20);
	assert_memory_equal(seen.fp, seen.cfi, 21 * sizeof(seen.cfi[0]));
}

static void
unknown_bounds_are_not_read(void **state)
{
	(void)state;
	seen.bounds = (struct lks_bounds){ 0, 0 };
	recurse(5);
	assert_int_equal(seen.cfi_walk.count, 1);
	assert_int_equal(seen.cfi_walk.end, LKS_WALK_LOST);
	assert_int_equal(seen.fp_walk.count, 1);
	assert_int_equal(seen.fp_walk.end, LKS_WALK_LOST);
}

static void
code_of_no_module_is_written_and_lost(void **state)
{
	uintptr_t stack[64] = { 0 };
	struct lks_bounds bounds = { (uintptr_t)stack,
				     (uintptr_t)(stack + 64) };
	struct lks_regs regs = { (uintptr_t)stack + 13, (uintptr_t)stack, 0 };
	uint64_t code[4];
	struct lks_walk walk = lks_unwind_cfi(&regs, &bounds, code, 4);

	(void)state;
	assert_int_equal(walk.count, 1);
	assert_int_equal(walk.end, LKS_WALK_LOST);
	assert_int_equal(code[0], lks_code(regs.pc, 0));
}

static uint64_t
next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

/* Stacks of plausible rubbish between two pages that can't be read: return
 * addresses from anywhere in our code, pointers into the stack, and noise. */
static void
rubbish_stacks_stay_inside_the_bounds(void **state)
{
	enum { WORDS = 512 };
	char *map = mmap(NULL, 3 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	uintptr_t *stack = (uintptr_t *)(map + 4096);
	struct lks_bounds bounds = { (uintptr_t)stack,
				     (uintptr_t)(stack + WORDS) };
	uintptr_t libc = (uintptr_t)&gnu_get_libc_version & ~0xffful;
	uintptr_t text = (uintptr_t)&hook & ~0xffful;
	uint64_t x = 88172645463325252u;
	uint64_t code[CAP];
	uint64_t deep = 0;

	(void)state;
	assert_ptr_not_equal(map, MAP_FAILED);
	mprotect(stack, 4096, PROT_READ | PROT_WRITE);
	for (int round = 0; round < 20000; round++) {
		struct lks_regs regs;
		struct lks_walk walk;

		for (int i = 0; i < WORDS; i++) {
			uint64_t r = next_random(&x);

			if ((r & 15) < 8)
				stack[i] = libc + (r >> 8) % 0x8000;
			else if ((r & 15) < 12)
				stack[i] = text + (r >> 8) % 0x1000;
			else if ((r & 15) < 15)
				stack[i] =
					(uintptr_t)(stack + (r >> 8) % WORDS);
			else
				stack[i] = r;
		}
		regs.pc = libc + next_random(&x) % 0x8000;
		regs.sp = (uintptr_t)(stack + next_random(&x) % (WORDS + 8));
		regs.bp = (uintptr_t)stack + next_random(&x) % 4100;
		walk = lks_unwind_cfi(&regs, &bounds, code, CAP);
		assert_in_range(walk.count, 1, CAP);
		deep += walk.count;
		walk = lks_unwind_fp(&regs, &bounds, code, CAP);
		assert_in_range(walk.count, 1, CAP);
	}
	/* The rubbish was plausible: many walks went on. */
	assert_true(deep > 40000);
	munmap(map, 3 * 4096);
}

/* One place to call from, whatever the compiler does to the loop. */
static __attribute__((noinline)) void
recurse_again(void)
{
	recurse(20);
	sink++;
}

static void
rules_are_the_same_after_a_flush(void **state)
{
	uint64_t before[CAP];
	uint32_t count = 0;

	(void)state;
	/* Past the round of salts, where the table is cleared. */
	for (int i = 0; i < 70000; i++) {
		lks_unwind_flush();
		if (i % 10000 != 0 && (i < 65500 || i > 65600))
			continue;
		recurse_again();
		if (i == 0) {
			count = seen.cfi_walk.count;
			memcpy(before, seen.cfi, sizeof(before));
		}
		assert_int_equal(seen.cfi_walk.count, count);
		assert_memory_equal(seen.cfi, before, 22 * sizeof(before[0]));
	}
}

/* More addresses than the table has room for: entries make way, and every
 * answer stays the one that is worked out anew. */
static void
crowded_table_gives_right_rules(void **state)
{
	uintptr_t start = (uintptr_t)&gnu_get_libc_version & ~0xfffful;
	uint64_t salt = lks_rules_salt();

	(void)state;
	for (uintptr_t pc = start; pc < start + 0x18000; pc++) {
		uint64_t rule = lks_rules_get(pc, salt);

		assert_int_equal(rule, lks_rules_get(pc, salt));
	}
	for (uintptr_t pc = start; pc < start + 0x18000; pc += 97)
		assert_int_equal(lks_rules_get(pc, salt),
				 lks_rules_make(pc, salt));
	lks_rules_doubt();
	for (uintptr_t pc = start; pc < start + 0x18000; pc += 97)
		assert_int_equal(lks_rules_get(pc, lks_rules_salt()),
				 lks_rules_get(pc, salt));
	lks_rules_trust();
}

static _Atomic bool race_over;

static void *
walk_and_walk(void *expected)
{
	struct lks_bounds bounds = own_bounds();
	uint64_t code[CAP];

	while (!race_over) {
		struct lks_regs regs = { (uintptr_t)expected, (uintptr_t)code,
					 0 };
		struct lks_walk walk =
			lks_unwind_cfi(&regs, &bounds, code, CAP);

		if (walk.count == 0 ||
		    lks_code_pc(code[0]) != (uintptr_t)expected ||
		    lks_code_module(code[0]) == 0)
			return &race_over;
	}
	return NULL;
}

static void
walks_survive_concurrent_flushes(void **state)
{
	pthread_t threads[3];

	(void)state;
	race_over = false;
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, walk_and_walk,
			       (char *)&gnu_get_libc_version + 64 + i);
	for (int i = 0; i < 20000; i++)
		lks_unwind_flush();
	race_over = true;
	for (int i = 0; i < 3; i++) {
		void *failed;

		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
}

static void
outermost_frame_is_written(void **state)
{
	uint32_t last;

	(void)state;
	recurse(1);
	last = seen.cfi_walk.count - 1;
	/* _start, of the program itself */
	assert_int_equal(lks_code_module(seen.cfi[last]),
			 lks_code_module(seen.cfi[0]));
	assert_false(is_in(last, (void *)&recurse, 4096));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(deep_recursion_agrees, prepare),
		cmocka_unit_test_setup(depth_ends_the_walk, prepare),
		cmocka_unit_test_setup(exact_depth_is_complete, prepare),
		cmocka_unit_test_setup(qsort_callback_agrees, prepare),
		cmocka_unit_test_setup(alloca_frame_agrees, prepare),
		cmocka_unit_test_setup(realigned_frame_agrees, prepare),
		cmocka_unit_test_setup(noreturn_call_agrees, prepare),
		cmocka_unit_test_setup(signal_frame_agrees, prepare),
		cmocka_unit_test_setup(fault_address_is_stored_plus_one,
				       prepare),
		cmocka_unit_test_setup(alternate_stack_is_lost_at_once,
				       prepare),
		cmocka_unit_test_setup(thread_agrees, prepare),
		cmocka_unit_test_setup(bounds_end_is_the_thread_start, prepare),
		cmocka_unit_test_setup(opened_library_agrees, prepare),
		cmocka_unit_test_setup(fp_agrees_where_there_are_frame_pointers,
				       prepare),
		cmocka_unit_test_setup(unknown_bounds_are_not_read, prepare),
		cmocka_unit_test_setup(code_of_no_module_is_written_and_lost,
				       prepare),
		cmocka_unit_test_setup(rubbish_stacks_stay_inside_the_bounds,
				       prepare),
		cmocka_unit_test_setup(rules_are_the_same_after_a_flush,
				       prepare),
		cmocka_unit_test_setup(crowded_table_gives_right_rules,
				       prepare),
		cmocka_unit_test_setup(walks_survive_concurrent_flushes,
				       prepare),
		cmocka_unit_test_setup(outermost_frame_is_written, prepare),
	};

	if (!lks_modmap_init() ||
	    lks_unwind_init(LKS_UNWIND_CFI) != LKS_UNWIND_CFI)
		return 1;
	have_oracle = lks_unwind_libunwind_open();
	if (!have_oracle)
		fputs("libunwind.so.8 is missing: no oracle\n", stderr);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
