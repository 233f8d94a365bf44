/* Ids of call stacks: what changes them, and what must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../analyzer/blame.h"
#include "../../analyzer/site_id.h"
#include "../../analyzer/symbolize.h"
#include "comparison.h"

struct frame {
	const char *path; /* NULL: in no file */
	uint64_t start;
	uint64_t offset;
	struct symbols symbols; /* count 0: no name */
};

#define NAMES(entries)                                                         \
	{                                                                      \
		sizeof(entries) / sizeof((entries)[0]), true, entries          \
	}

/* The id of a stack of one or two frames, innermost first. */
static uint64_t
id_of(const struct frame *frames, size_t count)
{
	struct symbolizer_options options = { .use_symbols = false };
	struct snapgen *gen = snapgen_new();
	struct blame *blame = blame_new();
	struct stack stack = { 0 };
	struct symbolizer *symbolizer;
	struct comparison *made;
	struct model *model;
	uint32_t pcs[3] = { 0 };
	struct err err;
	uint64_t id;
	size_t i;

	for (i = 0; i < count; i++) {
		uint32_t module = 0;

		if (frames[i].path)
			module = snapgen_module(gen, frames[i].path, NULL,
						frames[i].start, 0x10000);
		pcs[i] = snapgen_pc(gen, module,
				    frames[i].start + frames[i].offset);
	}
	snapgen_site(gen, &(struct snapgen_site){
				  .node = snapgen_stack(gen, pcs),
				  .alloc_objects = 1,
				  .alloc_bytes = 8,
			  });
	model = comparison_load(gen);
	for (i = 0; i < count; i++) {
		if (frames[i].symbols.count)
			model->pcs[pcs[i]].symbols = &frames[i].symbols;
	}
	symbolizer = symbolizer_open(&options, &err);
	assert_non_null(symbolizer);
	made = comparison_new(&model, 1, symbolizer, blame);
	assert_int_equal(made->diff->count[ROW_HEAP], 1);
	id = site_id_of_row(made->study.atlas, made->study.resolver,
			    &made->diff->rows[0], &stack);
	stack_release(&stack);
	comparison_free(made);
	symbolizer_close(symbolizer);
	blame_free(blame);
	return id;
}

static const struct symbol outer[] = { { "run()", "_Z3runv", "run.cc", 7 } };
static const struct symbol inlined[] = {
	{ "push(int)", "_Z4pushi", "push.h", 3 },
	{ "fill()", "_Z4fillv.constprop.2", "fill.cc", 9 },
};

static const struct frame named[] = {
	{ "/opt/libfill.so.1", 0x10000, 0x123, NAMES(inlined) },
	{ "/usr/bin/run", 0x400000, 0x77, NAMES(outer) },
};

/* Files hold ids: this one, worked out by another program, must never change.
 *
 * FNV-1a of "libfill.so\0_Z4pushi\0libfill.so\0_Z4fillv\0run\0_Z3runv\0"
 */
static void
id_is_the_documented_hash(void **state)
{
	(void)state;
	assert_int_equal(id_of(named, 2), UINT64_C(0x9c0e339c8b827025));
}

/* FNV-1a of "libfill.so\0+0x1122\0": the call in the file */
static void
nameless_code_is_its_place_in_the_file(void **state)
{
	const struct frame frame = { "/lib/libfill.so", 0x10000, 0x123, { 0 } };

	(void)state;
	assert_int_equal(id_of(&frame, 1), UINT64_C(0xc4468d278175f5f8));
}

static void
address_version_directory_line_and_clone_are_not_in_it(void **state)
{
	static const struct symbol moved[] = {
		{ "push(int)", "_Z4pushi", "/new/push.h", 30 },
		{ "fill()", "_Z4fillv.part.0", NULL, 0 },
	};
	struct frame other[] = { named[0], named[1] };

	(void)state;
	other[0].path = "/home/x/libfill.so.2.5";
	other[0].start = 0x7f0000000000;
	other[0].offset = 0x456;
	other[0].symbols = (struct symbols)NAMES(moved);
	assert_int_equal(id_of(other, 2), id_of(named, 2));
}

static void
inlining_is_not_in_it(void **state)
{
	/* As two frames of their own. */
	static const struct symbol push[] = {
		{ "push(int)", "_Z4pushi", "push.h", 3 },
	};
	static const struct symbol fill[] = {
		{ "fill()", "_Z4fillv", "fill.cc", 9 },
	};
	const struct frame apart[] = {
		{ "/opt/libfill.so.1", 0x10000, 0x900, NAMES(push) },
		{ "/opt/libfill.so.1", 0x10000, 0x123, NAMES(fill) },
	};

	(void)state;
	assert_int_equal(id_of(apart, 2), id_of(named, 1));
}

static void
file_name_and_order_of_frames_are_in_it(void **state)
{
	const struct frame turned[] = { named[1], named[0] };
	struct frame other[] = { named[0], named[1] };

	(void)state;
	assert_int_not_equal(id_of(turned, 2), id_of(named, 2));
	assert_int_not_equal(id_of(named, 1), id_of(named, 2));
	other[1].path = "/usr/bin/walk";
	assert_int_not_equal(id_of(other, 2), id_of(named, 2));
}

/* Where the loader or a JIT put it says nothing in another process. */
static void
nameless_code_in_no_file_is_one_place(void **state)
{
	const struct frame here[] = { { NULL, 0x5000, 0x10, { 0 } }, named[1] };
	const struct frame there[] = { { NULL, 0x9000, 0x20, { 0 } },
				       named[1] };

	(void)state;
	assert_int_equal(id_of(here, 2), id_of(there, 2));
	assert_int_not_equal(id_of(here, 2), id_of(named + 1, 1));
}

static void
text_has_sixteen_digits(void **state)
{
	char text[SITE_ID_BYTES];

	(void)state;
	site_id_format(text, 0xab);
	assert_string_equal(text, "00000000000000ab");
	site_id_format(text, UINT64_MAX);
	assert_string_equal(text, "ffffffffffffffff");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(id_is_the_documented_hash),
		cmocka_unit_test(nameless_code_is_its_place_in_the_file),
		cmocka_unit_test(
			address_version_directory_line_and_clone_are_not_in_it),
		cmocka_unit_test(inlining_is_not_in_it),
		cmocka_unit_test(file_name_and_order_of_frames_are_in_it),
		cmocka_unit_test(nameless_code_in_no_file_is_one_place),
		cmocka_unit_test(text_has_sixteen_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
