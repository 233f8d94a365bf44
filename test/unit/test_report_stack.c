/* Where the text report's call stacks begin and end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../analyzer/report_stack.h"

#define FRAMES_MAX 8

/* Functions, innermost first; those that begin with '?' have no name. */
static void
assert_lines(const char *const *functions, size_t blamed, bool all_frames,
	     const char *expected)
{
	static const struct module none = { .path = "" };
	struct symbol symbols[FRAMES_MAX] = { 0 };
	struct stack_frame frames[FRAMES_MAX];
	struct stack stack = { .frames = frames, .blamed = blamed };
	struct page page = { 0 };

	for (; functions[stack.count]; stack.count++) {
		size_t i = stack.count;

		symbols[i].function = functions[i];
		frames[i] = (struct stack_frame){
			.symbol = &symbols[i],
			.module = &none,
			.named = *functions[i] != '?',
		};
	}
	report_stack(&page, &stack, all_frames);
	assert_string_equal(strbuf_text(&page.text), expected);
	page_release(&page);
}

static void
what_runs_before_main_is_left_out(void **state)
{
	static const char *const program[] = {
		"create",
		"main",
		"__libc_start_call_main",
		"__libc_start_main@@GLIBC_2.34",
		"_start",
		NULL,
	};

	(void)state;
	assert_lines(program, 0, false,
		     "      > create\n        main\n        ...\n");
	assert_lines(program, 0, true,
		     "      > create\n        main\n"
		     "        __libc_start_call_main\n"
		     "        __libc_start_main@@GLIBC_2.34\n"
		     "        _start\n");
}

static void
what_runs_before_a_thread_is_left_out(void **state)
{
	static const char *const thread[] = {
		"create", "work", "start_thread", "clone3", NULL,
	};

	(void)state;
	assert_lines(thread, 0, false,
		     "      > create\n        work\n        ...\n");
}

/* A C library without symbols has the same frames; but without main nobody
 * knows that they are. */
static void
nameless_frames_are_left_out_beyond_main_alone(void **state)
{
	static const char *const program[] = {
		"create", "main", "?c+0x1", "__libc_start_main", "?app+1", NULL,
	};
	static const char *const stripped[] = {
		"?app+2", "?app+3", "?c+0x1", "__libc_start_main", NULL,
	};

	(void)state;
	assert_lines(program, 0, false,
		     "      > create\n        main\n        ...\n");
	assert_lines(stripped, 0, false,
		     "      > ?app+2\n        ?app+3\n        ?c+0x1\n"
		     "        ...\n");
}

static void
the_blamed_frame_always_stays(void **state)
{
	static const char *const start[] = { "_start", NULL };
	static const char *const called[] = {
		"start_thread", "helper", "clone", "main", NULL,
	};

	(void)state;
	assert_lines(start, 0, false, "      > _start\n");
	/* Nor is it the end if the program goes on. */
	assert_lines(called, 0, false,
		     "      > start_thread\n        helper\n        clone\n"
		     "        main\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_runs_before_main_is_left_out),
		cmocka_unit_test(what_runs_before_a_thread_is_left_out),
		cmocka_unit_test(
			nameless_frames_are_left_out_beyond_main_alone),
		cmocka_unit_test(the_blamed_frame_always_stays),
	};

	return cmocka_run_group_tests_name("report_stack", tests, NULL, NULL);
}
