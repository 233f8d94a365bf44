/* What each verdict tells to do next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../analyzer/advice.h"
#include "../../analyzer/culprit.h"

static const struct symbol create = {
	.function = "create\x1b",
	.linkage_name = "create",
	.file = "/src/object.c",
	.line = 45,
};
static struct stack_frame frames[] = { { .symbol = &create, .named = true } };
static const struct stack stack = { .frames = frames, .count = 1 };

static void
assert_advice(const struct row *row, const char *expected)
{
	struct strbuf out = { 0 };
	bool is_any =
		advice(&out, row, row->kind == ROW_LEDGER ? NULL : &stack);

	assert_int_equal(is_any, expected != NULL);
	assert_string_equal(strbuf_text(&out), expected ? expected : "");
	strbuf_release(&out);
}

static void
leaks_name_the_function_to_read(void **state)
{
	struct row row = { .kind = ROW_HEAP,
			   .verdict = { .kind = VERDICT_LEAK } };

	(void)state;
	assert_advice(&row, "read create\\x1b (object.c:45): who has to free "
			    "what it allocates, and on which way is that left "
			    "out?");
}

/* Nobody can read what has no name; but who wanted none is not told to install
 * some, and code made at run time has none. */
static void
functions_without_names_ask_for_symbols(void **state)
{
	static const struct symbol symbol = {
		.function = "libsqlite3.so.0+0xa7503",
		.linkage_name = "",
	};
	struct module module = { .path = "/usr/lib/libsqlite3.so.0" };
	struct stack_frame frame = { .symbol = &symbol, .module = &module };
	struct stack nameless = { .frames = &frame, .count = 1 };
	struct row row = { .kind = ROW_HEAP,
			   .verdict = { .kind = VERDICT_LEAK } };
	struct strbuf out = { 0 };

	(void)state;
	assert_true(advice(&out, &row, &nameless));
	assert_string_equal(
		strbuf_text(&out),
		"install the debug symbols of libsqlite3.so.0 (its functions "
		"have no names here), or name wrappers by --skip");
	strbuf_clear(&out);
	nameless.unasked = true;
	assert_true(advice(&out, &row, &nameless));
	assert_non_null(strstr(strbuf_text(&out), "read libsqlite3.so.0+0x"));
	strbuf_clear(&out);
	nameless.unasked = false;
	module.path = "[anon]";
	assert_true(advice(&out, &row, &nameless));
	assert_non_null(strstr(strbuf_text(&out), "read libsqlite3.so.0+0x"));
	strbuf_release(&out);
}

static void
threads_that_exited_are_to_be_joined(void **state)
{
	struct row row = { .kind = ROW_THREAD,
			   .verdict = { .kind = VERDICT_LEAK },
			   .threads_new = { .running = 9, .unjoined = 1 } };

	(void)state;
	assert_advice(&row, "read create\\x1b (object.c:45): join the threads "
			    "that it starts, or detach them");
	row.threads_new.unjoined = 0;
	assert_advice(&row, "read create\\x1b (object.c:45): the threads that "
			    "it starts don't end; bound their number, or let "
			    "them end");
}

static void
buffers_and_caches_name_their_bound(void **state)
{
	struct row row = { .kind = ROW_HEAP,
			   .live_new = { .objects = 1, .bytes = 2048 },
			   .verdict = { .kind = VERDICT_GROWING_BUFFER } };

	(void)state;
	assert_advice(&row, "find what fills the buffer of create\\x1b "
			    "(object.c:45), and where it should be emptied");
	row.live_new.objects = 2;
	assert_advice(&row, "find what fills the buffers of create\\x1b "
			    "(object.c:45), and where they should be emptied");
	row.verdict.kind = VERDICT_CACHE_FILL;
	assert_advice(&row, "if create\\x1b (object.c:45) fills a cache, check "
			    "its bound: growth slows down and should end not "
			    "far above 2.0 KiB");
}

static void
retention_names_what_the_allocator_offers(void **state)
{
	struct row row = { .kind = ROW_LEDGER,
			   .line = LEDGER_allocator_retained,
			   .verdict = { .kind = VERDICT_RETENTION } };
	struct strbuf out = { 0 };

	(void)state;
	assert_true(advice(&out, &row, NULL));
	assert_non_null(strstr(strbuf_text(&out), "MALLOC_ARENA_MAX"));
	assert_non_null(strstr(strbuf_text(&out), "malloc_trim"));
	strbuf_release(&out);
}

static void
too_few_snapshots_ask_for_more(void **state)
{
	struct row row = { .kind = ROW_HEAP,
			   .verdict = { .kind = VERDICT_INSUFFICIENT,
					.more_snapshots = 5,
					.spacing_s = 600 } };

	(void)state;
	assert_advice(&row, "take 5 more snapshots, one every 10 min");
	row.verdict.more_snapshots = 1;
	assert_advice(&row, "take 1 more snapshot, in 10 min");
	row.verdict.spacing_s = 0;
	assert_advice(&row, "take 1 more snapshot");
	row.verdict.more_snapshots = 0;
	assert_advice(&row, "take more snapshots, over a longer time");
}

/* Every line of the ledger that grows without end has something to do. */
static void
each_line_of_the_ledger_has_advice(void **state)
{
	unsigned int line;

	(void)state;
	for (line = 0; line < LEDGER_LINE_COUNT; line++) {
		struct row row = { .kind = ROW_LEDGER,
				   .line = (enum ledger_line)line,
				   .verdict = { .kind = VERDICT_LEAK } };
		struct strbuf out = { 0 };

		assert_true(advice(&out, &row, NULL));
		assert_true(out.len > 10);
		strbuf_release(&out);
	}
}

static void
what_is_steady_needs_nothing(void **state)
{
	struct row row = { .kind = ROW_HEAP };

	(void)state;
	assert_advice(&row, NULL);
	row.verdict.kind = VERDICT_STEADY;
	assert_advice(&row, NULL);
}

/* A demangled name may be longer than all else that is said. */
static void
sentences_have_names_of_bounded_length(void **state)
{
	char name[5000];
	struct symbol symbol = { .function = name, .file = "a.cc", .line = 1 };
	const struct stack_frame frame = { .symbol = &symbol, .named = true };
	struct strbuf out = { 0 };

	(void)state;
	memset(name, 'x', sizeof(name));
	memcpy(name, "ns::fill<", 9);
	memcpy(name + sizeof(name) - 7, ">(int)", 7);
	culprit_add_frame(&out, &frame);
	assert_string_equal(strbuf_text(&out), "ns::fill<...>(int) (a.cc:1)");
	strbuf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaks_name_the_function_to_read),
		cmocka_unit_test(functions_without_names_ask_for_symbols),
		cmocka_unit_test(threads_that_exited_are_to_be_joined),
		cmocka_unit_test(buffers_and_caches_name_their_bound),
		cmocka_unit_test(retention_names_what_the_allocator_offers),
		cmocka_unit_test(too_few_snapshots_ask_for_more),
		cmocka_unit_test(each_line_of_the_ledger_has_advice),
		cmocka_unit_test(what_is_steady_needs_nothing),
		cmocka_unit_test(sentences_have_names_of_bounded_length),
	};

	return cmocka_run_group_tests_name("advice", tests, NULL, NULL);
}
