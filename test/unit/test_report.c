/*
 * The CSV and text reports on rows with real names. The names come from this
 * file's symbolizer_lookup, which takes the place of the real one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../analyzer/blame.h"
#include "../../analyzer/reader.h"
#include "../../analyzer/report.h"
#include "../../analyzer/symbolize.h"
#include "../../analyzer/unbias.h"
#include "stories.h"

#define SYMBOL(name, path, number)                                             \
	{                                                                      \
		.function = (name), .linkage_name = (name), .file = (path),    \
		.line = (number)                                               \
	}

/* What the places of stories.c are called, by their last digits. */
static const struct symbol malloc_names[] = { SYMBOL("malloc", NULL, 0) };
static const struct symbol strdup_names[] = { SYMBOL("strdup", NULL, 0) };
static const struct symbol place_names[] = { SYMBOL("app+0x1", NULL, 0) };
static const struct symbol create_names[] = {
	SYMBOL("make_object", "/src/object.h", 12),
	SYMBOL("create, \"fast\"", "/src/object.c", 45),
};
static const struct symbol command_names[] = { SYMBOL("command", NULL, 0) };
static const struct symbol main_names[] = { SYMBOL("main", "/src/m.c", 1) };
static const struct symbol parse_names[] = {
	SYMBOL("parse<[u8; 4]>", "/src/parse.rs", 0),
};
static const struct symbol other_names[] = { SYMBOL("other\x1b", NULL, 0) };
static const struct symbol spawn_names[] = { SYMBOL("spawn", "/s.c", 3) };

#define SYMBOLS(names)                                                         \
	{                                                                      \
		.count = sizeof(names) / sizeof((names)[0]), .named = true,    \
		.entries = (names)                                             \
	}

#define NAMELESS(names)                                                        \
	{                                                                      \
		.count = 1, .named = false, .entries = (names)                 \
	}

static const struct {
	uint64_t digits;
	struct symbols symbols;
} places[] = {
	{ 0x1234, SYMBOLS(malloc_names) },  { 0x1111, SYMBOLS(create_names) },
	{ 0x2222, SYMBOLS(command_names) }, { 0x3333, SYMBOLS(main_names) },
	{ 0xaaaa, SYMBOLS(strdup_names) },  { 0xbbbb, NAMELESS(place_names) },
	{ 0x444, SYMBOLS(parse_names) },    { 0x8888, SYMBOLS(spawn_names) },
};

const struct symbols *
symbolizer_lookup(struct symbolizer *symbolizer, const struct module *module,
		  uint64_t address)
{
	static const struct symbols other = SYMBOLS(other_names);
	uint64_t base = 0;
	size_t i;

	(void)symbolizer;
	if (module)
		base = module->segments[0].start;
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (places[i].digits == address - base)
			return &places[i].symbols;
	}
	return &other;
}

const struct symbolizer_options *
symbolizer_options(const struct symbolizer *symbolizer)
{
	static const struct symbolizer_options options = { .use_symbols =
								   true };

	(void)symbolizer;
	return &options;
}

typedef int writer(const struct report *report, FILE *out, struct err *err);

static struct model *
load(struct snapgen *gen)
{
	struct err err;
	struct model *model;

	if (!gen)
		return NULL;
	model = reader_load(snapgen_write(gen), &err);
	snapgen_free(gen);
	assert_non_null(model);
	unbias(model);
	return model;
}

/* The report of one or two stories; the caller frees it. */
static char *
write_report(writer *write, struct snapgen *old_story,
	     struct snapgen *new_story, size_t top, const char *skip)
{
	struct model *old_model = load(old_story);
	struct model *new_model = load(new_story);
	struct diff *diff = diff_new(old_model, new_model);
	struct blame *blame = blame_new();
	struct report report = { .diff = diff, .blame = blame, .top = top };
	struct err err;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	if (skip)
		assert_int_equal(blame_skip(blame, skip, &err), 0);
	assert_int_equal(write(&report, out, &err), 0);
	assert_int_equal(fclose(out), 0);
	blame_free(blame);
	diff_free(diff);
	model_free(old_model);
	model_free(new_model);
	snapgen_clean();
	return text;
}

static void
assert_has(const char *text, const char *words)
{
	if (!strstr(text, words))
		fail_msg("no '%s' in:\n%s", words, text);
}

static void
assert_has_not(const char *text, const char *words)
{
	if (strstr(text, words))
		fail_msg("'%s' in:\n%s", words, text);
}

static void
header_is_the_promised_one(void **state)
{
	char *csv = write_report(report_csv, NULL, story_idle(), 0, NULL);

	(void)state;
	assert_string_equal(
		csv,
		"kind,function,delta_bytes,delta_objects,live_bytes_old,"
		"live_bytes_new,live_objects_old,live_objects_new,alloc_bytes,"
		"alloc_objects,free_bytes,free_objects,file,line,module,"
		"stack\n");
	free(csv);
}

static void
fields_are_quoted_and_stacks_joined(void **state)
{
	char *csv = write_report(report_csv, story_server_old(),
				 story_server_new(), 0, NULL);

	(void)state;
	/* malloc, which is the shim's, is cut; inlines are frames. */
	assert_has(csv, "\nheap,make_object,9437184,9000,1048576,10485760,"
			"1000,10000,11534336,11000,2097152,2000,"
			"/src/object.h,12,/opt/example/server,"
			"\"make_object;create, \"\"fast\"\";command;main\"\n");
	/* A ';' in a name, an unknown line, a truncated stack. */
	assert_has(csv, "\nheap,parse<[u8; 4]>,1048576,1024,0,1048576,0,1024,"
			"1048576,1024,0,0,/src/parse.rs,,"
			"/opt/example/lib/libparse.so,"
			"\"parse<[u8, 4]>;command;main;[truncated]\"\n");
	assert_has(csv, "\nthread,spawn,41943040,5,16777216,58720256,2,7,"
			"58720256,7,16777216,2,/s.c,3,/opt/example/server,"
			"spawn;main\n");
	assert_has(csv, "\nledger,unexplained,0,0,-4096,-4096,"
			"0,0,0,0,0,0,,,,\n");
	assert_null(strchr(csv, '\r'));
	free(csv);
}

static void
all_rows_are_written_unless_top_is_given(void **state)
{
	char *csv = write_report(report_csv, story_server_old(),
				 story_server_new(), 1, NULL);

	(void)state;
	assert_has(csv, "\nheap,make_object,");
	assert_has_not(csv, "parse<");
	assert_has(csv, "\nledger,rss,");
	assert_has(csv, "\nledger,unexplained,");
	free(csv);
}

static void
skipped_functions_are_not_blamed(void **state)
{
	char *csv = write_report(report_csv, story_server_old(),
				 story_server_new(), 0, "^(make|create)");

	(void)state;
	/* The stack still has them. */
	assert_has(csv, "\nheap,command,9437184,");
	assert_has(csv, "\"make_object;create");
	free(csv);
}

static void
unknown_stacks_have_a_name(void **state)
{
	struct snapgen *gen = story_idle();
	char *csv;

	(void)state;
	snapgen_site(gen, &(struct snapgen_site){ 0, 0, 1, 64, 0, 0 });
	snapgen_site(gen, &(struct snapgen_site){ 0, 2, 1, 32, 0, 0 });
	csv = write_report(report_csv, NULL, gen, 0, NULL);
	assert_has(csv, "\nheap,[unknown call stack],64,1,");
	assert_has(csv, "\nheap,[call stacks beyond the memory cap],32,1,");
	free(csv);
}

static void
text_names_what_grew(void **state)
{
	char *text = write_report(report_text, story_server_old(),
				  story_server_new(), 10, NULL);

	(void)state;
	assert_has(text, "Live heap grew by 8.0 MiB in 34 s; the largest "
			 "growth (9.0 MiB, 9,000 objects) was allocated in "
			 "make_object (object.h:12).");
	assert_has(text, "\n5 more threads hold resources (2 exited but never "
			 "joined); 5 created in spawn (s.c:3).\n");
	assert_has(text, "\n      > make_object /src/object.h:12 (server) "
			 "[inlined]\n        create, \"fast\" /src/object.c:45 "
			 "(server)\n        command (server)\n");
	assert_has(text, "\n        ... outer frames are missing\n");
	assert_has(text, "\n  allocations not recorded: 1 (old: 0)\n");
	free(text);
}

static void
text_gives_the_share_of_one_snapshot(void **state)
{
	char *text = write_report(report_text, NULL, story_server_sampled(), 10,
				  NULL);

	(void)state;
	assert_has(text, "Live heap is an estimated 13.1 MiB in 11,085 "
			 "objects; 77% of it (10.0 MiB, 10,000 objects) was "
			 "allocated in make_object (object.h:12).");
	assert_has(text, "\n      > other\\x1b (server)\n");
	free(text);
}

static void
text_says_when_nothing_grew(void **state)
{
	struct snapgen *later = story_server_new();
	char *text;

	(void)state;
	snapgen_header(later)->sequence++;
	text = write_report(report_text, story_server_new(), later, 10, NULL);
	assert_has(text, "Live heap did not grow in 0.0 s.");
	assert_has(text, "\ntotal no change in threads that hold resources\n"
			 "      5 running, 2 exited but never joined\n");
	assert_has(text, "     no site grew\n");
	assert_has_not(text, "more thread");
	free(text);
}

static void
text_says_when_it_shrank(void **state)
{
	char *text = write_report(report_text, story_server_new(),
				  story_server_old(), 10, NULL);

	(void)state;
	/* Backwards: no time is claimed. */
	assert_has(text, "Live heap shrank by 8.0 MiB; the largest growth "
			 "(2.0 MiB, 41 objects) was allocated in other\\x1b.");
	assert_has(text, " ... and 2 sites that shrank (-10.0 MiB)\n");
	/* Where none grew, what shrank is listed. */
	assert_has(text, "     no site grew\n  1. -5 threads, -40.0 MiB");
	assert_has(text, "\nnote      NEW is older than OLD: ");
	free(text);
}

static void
text_says_when_both_are_one(void **state)
{
	char *text = write_report(report_text, story_server_new(),
				  story_server_new(), 10, NULL);

	(void)state;
	assert_has(text, "Both are the same snapshot: nothing can have "
			 "changed.");
	assert_has(text, "\nnote      both are the same snapshot\n");
	free(text);
}

static void
text_says_why_a_snapshot_was_taken(void **state)
{
	struct snapgen *gen = story_idle();
	char *text;

	(void)state;
	snapgen_header(gen)->trigger = LEAKSHIM__V1__TRIGGER__TRIGGER_INTERVAL;
	text = write_report(report_text, NULL, gen, 10, NULL);
	assert_has(text, ", number 1 (interval), 2023-");
	free(text);
	/* Of a newer shim. */
	gen = story_idle();
	snapgen_header(gen)->trigger = 99;
	text = write_report(report_text, NULL, gen, 10, NULL);
	assert_has(text, ", number 1, 2023-");
	free(text);
}

/* One site at `digits` of a module; `inward` frames of malloc's kind stand
 * before it. */
static void
add_site_at(struct snapgen *gen, const char *path, uint64_t digits,
	    size_t inward, uint64_t objects, uint64_t bytes)
{
	const uint64_t base = 0x600000000000;
	uint32_t module = snapgen_module(gen, path, NULL, base, 0x10000);
	uint32_t pcs[16] = { 0 };
	size_t i;

	for (i = 0; i < inward; i++)
		pcs[i] = snapgen_pc(gen, module, base + 0xaaaa);
	pcs[i] = snapgen_pc(gen, module, base + digits);
	snapgen_site(gen, &(struct snapgen_site){ snapgen_stack(gen, pcs), 0,
						  objects, bytes, 0, 0 });
}

static void
many_wrappers_are_one_line(void **state)
{
	static const char *const words[] = {
		"        strdup (app)\n        strdup (app)\n"
		"        strdup (app)\n      > main ",
		"        ... 4 frames of wrappers (--all-frames shows them)\n"
		"      > main ",
	};
	struct snapgen *gen;
	char *text;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		gen = story_idle();
		add_site_at(gen, "/usr/bin/app", 0x3333, 3 + i, 1, 64);
		text = write_report(report_text, NULL, gen, 10, NULL);
		assert_has(text, words[i]);
		free(text);
	}
}

static void
files_without_names_are_told(void **state)
{
	struct snapgen *gen = story_idle();
	char *text;

	(void)state;
	add_site_at(gen, "/usr/bin/memcached", 0xbbbb, 0, 1, 64);
	text = write_report(report_text, NULL, gen, 10, NULL);
	assert_has(text, "\nno function names for memcached: install debug "
			 "symbols (Debian: packages in -dbgsym), or point "
			 "--debug-dir at them\n");
	free(text);
	gen = story_idle();
	add_site_at(gen, "[vdso]", 0xbbbb, 0, 1, 64);
	text = write_report(report_text, NULL, gen, 10, NULL);
	assert_has_not(text, "no function names");
	free(text);
}

static void
buffer_that_grew_is_no_new_object(void **state)
{
	struct snapgen *before = story_idle(), *after = story_idle();
	char *text;

	(void)state;
	snapgen_header(after)->sequence++;
	add_site_at(before, "/usr/bin/app", 0x3333, 0, 5, 1024);
	add_site_at(after, "/usr/bin/app", 0x3333, 0, 5, 4096);
	text = write_report(report_text, before, after, 10, NULL);
	assert_has(text, "; 100% of it (3.0 KiB in the same number of objects) "
			 "was allocated in main");
	assert_has(text, "\n  1. +3.0 KiB in the same number of objects\n"
			 "      live 4.0 KiB in 5 objects (was 1.0 KiB in 5 "
			 "objects)\n");
	free(text);
}

static void
missed_blocks_of_either_snapshot_are_told(void **state)
{
	static const char doubt[] =
		" Some allocations or frees were missed: see the end.";
	static char reason[] = "no memory";
	struct snapgen *alone = story_server_old();
	char *text;
	int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		struct snapgen *gen = story_server_old();
		Leakshim__V1__Losses *losses = snapgen_losses(gen);

		losses->dropped_allocs = i == 1;
		losses->thinning_shift = i == 2 ? 3 : 0;
		snapgen_header(gen)->sequence += 7;
		if (i == 3)
			losses->disabled_because = reason;
		text = write_report(report_text, gen, story_server_old(), 10,
				    NULL);
		if (i == 0 || i == 2)
			assert_has_not(text, doubt);
		else
			assert_has(text, doubt);
		if (i == 1)
			assert_has(text, "\n  allocations not recorded: 0 "
					 "(old: 1)\n");
		if (i == 2)
			assert_has(text, ": 1 block of 8 since the memory cap "
					 "was met: estimates\n");
		if (i == 3)
			assert_has(text,
				   ": tracking stopped itself: no memory\n");
		free(text);
	}
	/* Where there is but one it needs no name. */
	snapgen_losses(alone)->thinning_shift = 3;
	text = write_report(report_text, NULL, alone, 10, NULL);
	assert_has(text, "Live heap is an estimated 5.1 MiB in ");
	assert_has(text, "\ncounted   1 block of 8 since the memory cap was "
			 "met: estimates\n");
	assert_has(text, "\n  1 block of 8 since the memory cap was met: ");
	free(text);
}

static void
text_says_when_processes_differ(void **state)
{
	char *text = write_report(report_text, story_server_old(),
				  story_server_other(), 1, NULL);

	(void)state;
	assert_has(text, "Live heap of the second process is 8.0 MiB larger "
			 "than that of the first; ");
	assert_has(text, "\n ... and 1 more site (+1.0 MiB)\n");
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_is_the_promised_one),
		cmocka_unit_test(fields_are_quoted_and_stacks_joined),
		cmocka_unit_test(all_rows_are_written_unless_top_is_given),
		cmocka_unit_test(skipped_functions_are_not_blamed),
		cmocka_unit_test(unknown_stacks_have_a_name),
		cmocka_unit_test(text_names_what_grew),
		cmocka_unit_test(text_gives_the_share_of_one_snapshot),
		cmocka_unit_test(text_says_when_nothing_grew),
		cmocka_unit_test(text_says_when_it_shrank),
		cmocka_unit_test(missed_blocks_of_either_snapshot_are_told),
		cmocka_unit_test(text_says_when_both_are_one),
		cmocka_unit_test(text_says_why_a_snapshot_was_taken),
		cmocka_unit_test(many_wrappers_are_one_line),
		cmocka_unit_test(files_without_names_are_told),
		cmocka_unit_test(buffer_that_grew_is_no_new_object),
		cmocka_unit_test(text_says_when_processes_differ),
	};

	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
