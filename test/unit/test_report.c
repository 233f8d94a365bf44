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

static const struct {
	uint64_t digits;
	struct symbols symbols;
} places[] = {
	{ 0x1234, SYMBOLS(malloc_names) },  { 0x1111, SYMBOLS(create_names) },
	{ 0x2222, SYMBOLS(command_names) }, { 0x3333, SYMBOLS(main_names) },
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
	char *text = write_report(report_text, story_server_new(),
				  story_server_new(), 10, NULL);

	(void)state;
	assert_has(text, "Live heap did not grow in 0.0 s.");
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
		cmocka_unit_test(text_says_when_processes_differ),
	};

	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
