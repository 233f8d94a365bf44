/* Folded stacks: lines that flamegraph.pl and the like can take apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../analyzer/blame.h"
#include "../../analyzer/report.h"
#include "../../analyzer/select.h"
#include "../../analyzer/symbolize.h"
#include "comparison.h"
#include "stories.h"

static struct report settings;
static int64_t min_bytes;

static char *
fold(struct model *old_model, struct model *new_model)
{
	struct symbolizer_options options = { .use_symbols = false };
	struct model *models[] = { old_model, new_model };
	struct blame *blame = blame_new();
	struct select *select = select_new();
	struct report report = settings;
	struct symbolizer *symbolizer;
	struct comparison *made;
	struct err err;
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	symbolizer = symbolizer_open(&options, &err);
	assert_non_null(symbolizer);
	made = comparison_new(models, 2, symbolizer, blame);
	select_min_bytes(select, min_bytes);
	select_apply(select, made->part.diff, made->study.resolver);
	select_free(select);
	report.study = &made->study;
	report.diff = made->diff;
	report.resolver = made->study.resolver;
	assert_int_equal(report_folded(&report, out, &err), 0);
	assert_int_equal(fclose(out), 0);
	comparison_free(made);
	symbolizer_close(symbolizer);
	blame_free(blame);
	return text;
}

static void
assert_folded(struct model *old_model, struct model *new_model,
	      const char *expected)
{
	char *text = fold(old_model, new_model);

	assert_string_equal(text, expected);
	free(text);
}

/* One site per name, with a frame named so below "main", of 8 bytes each in the
 * first, 16 in the second ... */
static struct model *
named(const char *const *names, size_t count, uint32_t flags)
{
	static struct symbol symbols[8];
	static struct symbols of[8];
	static const struct symbol main_symbol = { "main", "main", NULL, 0 };
	static const struct symbols of_main = { 1, true, &main_symbol };
	struct snapgen *gen = snapgen_new();
	uint32_t module = snapgen_module(gen, "/app", "id", 0x10000, 0x1000);
	uint32_t main_pc = snapgen_pc(gen, module, 0x10800);
	uint32_t pcs[8];
	struct model *model;
	size_t i;

	for (i = 0; i < count; i++) {
		uint32_t stack[3] = { 0 };

		pcs[i] = snapgen_pc(gen, module, 0x10010 + i);
		stack[0] = pcs[i];
		stack[1] = main_pc;
		snapgen_site(gen, &(struct snapgen_site){
					  .node = snapgen_stack(gen, stack),
					  .flags = flags,
					  .alloc_objects = 1,
					  .alloc_bytes = 8 * (i + 1),
				  });
	}
	model = comparison_load(gen);
	model->pcs[main_pc].symbols = &of_main;
	for (i = 0; i < count; i++) {
		symbols[i] = (struct symbol){ names[i], names[i], NULL, 0 };
		of[i] = (struct symbols){ 1, true, &symbols[i] };
		model->pcs[pcs[i]].symbols = &of[i];
	}
	return model;
}

static int
set_up(void **state)
{
	(void)state;
	settings = (struct report){ 0 };
	min_bytes = 0;
	return 0;
}

/* --- tests ------------------------------------------------------------------ */

static void
one_snapshot_is_its_live_bytes_outermost_first(void **state)
{
	(void)state;
	assert_folded(NULL, comparison_load(story_server_new()),
		      "[truncated];server+0x4332;server+0x3221;"
		      "libparse.so+0x1443 1048576\n"
		      "server+0x4332;server+0x3221;server+0x2110 10485760\n"
		      "server+0x4332;server+0x6554 2097152\n"
		      "server+0x4332;server+0x7665 65536\n");
}

static void
two_snapshots_are_old_and_new(void **state)
{
	(void)state;
	assert_folded(comparison_load(story_server_old()),
		      comparison_load(story_server_new()),
		      "[truncated];server+0x4332;server+0x3221;"
		      "libparse.so+0x1443 0 1048576\n"
		      "server+0x4332;server+0x3221;server+0x2110 1048576 "
		      "10485760\n"
		      "server+0x4332;server+0x6554 4194304 2097152\n"
		      "server+0x4332;server+0x7665 65536 65536\n"
		      "server+0x4332;server+0x8776 4096 0\n");
}

static void
growth_only_is_one_number_and_nothing_that_shrank(void **state)
{
	(void)state;
	settings.growth_only = true;
	assert_folded(comparison_load(story_server_old()),
		      comparison_load(story_server_new()),
		      "[truncated];server+0x4332;server+0x3221;"
		      "libparse.so+0x1443 1048576\n"
		      "server+0x4332;server+0x3221;server+0x2110 9437184\n");
}

static void
threads_are_counted(void **state)
{
	(void)state;
	settings.threads = true;
	assert_folded(comparison_load(story_server_old()),
		      comparison_load(story_server_new()),
		      "server+0x4332;server+0x9887 2 7\n");
}

static void
what_is_hidden_is_one_stack(void **state)
{
	(void)state;
	min_bytes = 1536 * 1024;
	settings.top = 1;
	assert_folded(comparison_load(story_server_old()),
		      comparison_load(story_server_new()),
		      "[below --min-bytes] 69632 1114112\n"
		      "[other call stacks] 4194304 2097152\n"
		      "server+0x4332;server+0x3221;server+0x2110 1048576 "
		      "10485760\n");
}

/* What separates frames, lines and numbers can't be in a name. */
static void
names_can_not_break_lines_apart(void **state)
{
	static const char *const names[] = {
		"take<[u8; 4]>", "two\nlines", "case 12",  "a b(int, char)",
		"bad\xff",       "",           "half 1.5",
	};

	(void)state;
	assert_folded(NULL, named(names, 7, 0),
		      "main;? 48\n"
		      "main;a b(int, char) 32\n"
		      "main;bad\\xff 40\n"
		      "main;case_12 24\n"
		      "main;half_1.5 56\n"
		      "main;take<[u8, 4]> 8\n"
		      "main;two\\nlines 16\n");
}

static void
stacks_of_the_same_names_are_one_line(void **state)
{
	static const char *const names[] = { "grow", "shrink", "grow" };

	(void)state;
	assert_folded(NULL, named(names, 3, 0),
		      "main;grow 32\n"
		      "main;shrink 16\n");
}

/* Allocators at the inner end are no frames of the report. */
static void
stacks_end_at_the_blamed_function(void **state)
{
	static const char *const names[] = { "operator new(unsigned long)" };

	(void)state;
	assert_folded(NULL, named(names, 1, 0), "main 8\n");
}

static void
nothing_live_is_nothing(void **state)
{
	(void)state;
	assert_folded(NULL, comparison_load(story_idle()), "");
}

#define TEST(function) cmocka_unit_test_setup(function, set_up)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_snapshot_is_its_live_bytes_outermost_first),
		TEST(two_snapshots_are_old_and_new),
		TEST(growth_only_is_one_number_and_nothing_that_shrank),
		TEST(threads_are_counted),
		TEST(what_is_hidden_is_one_stack),
		TEST(names_can_not_break_lines_apart),
		TEST(stacks_of_the_same_names_are_one_line),
		TEST(stacks_end_at_the_blamed_function),
		TEST(nothing_live_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
