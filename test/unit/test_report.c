/*
 * The CSV and text reports on rows with real names. The names come from
 * this file: the models bring them.
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
#include "../../analyzer/headline.h"
#include "../../analyzer/headline_trend.h"
#include "../../analyzer/reader.h"
#include "../../analyzer/report.h"
#include "../../analyzer/report_amounts.h"
#include "../../analyzer/select.h"
#include "../../analyzer/symbolize.h"
#include "../../analyzer/unbias.h"
#include "../../analyzer/xalloc.h"
#include "comparison.h"
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

/* Names come with the pcs, as a profile's do: no file is looked for. */
static struct model *
load(struct snapgen *take_gen)
{
	static const struct symbols other = SYMBOLS(other_names);
	struct model *model = comparison_load(take_gen);
	uint32_t i;
	size_t k;

	for (i = 1; model && i <= model->pc_count; i++) {
		struct pc *pc = &model->pcs[i];
		const struct module *module = model_module(model, pc->module);

		pc->symbols = &other;
		for (k = 0; k < sizeof(places) / sizeof(places[0]); k++) {
			if (places[k].digits ==
			    pc->address - module->segments[0].start)
				pc->symbols = &places[k].symbols;
		}
	}
	return model;
}

static struct symbolizer *symbolizer;

static int
open_symbolizer(void **state)
{
	const struct symbolizer_options options = { .use_symbols = true };
	struct err err;

	(void)state;
	symbolizer = symbolizer_open(&options, &err);
	return symbolizer ? 0 : -1;
}

static int
close_symbolizer(void **state)
{
	(void)state;
	symbolizer_close(symbolizer);
	return 0;
}

typedef int writer(const struct report *report, FILE *out, struct err *err);

/* The report of one or two stories; the caller frees it. */
static char *
write_report(writer *write, struct snapgen *old_story,
	     struct snapgen *new_story, size_t top, const char *skip)
{
	struct model *models[] = { load(old_story), load(new_story) };
	struct blame *blame = blame_new();
	struct comparison *made = comparison_new(models, 2, symbolizer, blame);
	struct report report = {
		.study = &made->study,
		.diff = made->diff,
		.resolver = made->study.resolver,
		.top = top,
	};
	struct err err;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	if (skip)
		assert_int_equal(blame_skip(blame, skip, &err), 0);
	assert_int_equal(write(&report, out, &err), 0);
	assert_int_equal(fclose(out), 0);
	comparison_free(made);
	blame_free(blame);
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

/* A hostile file may count what it likes; what was lost is told all the same. */
static void
csv_tells_losses_that_no_column_holds(void **state)
{
	struct snapgen *gen = story_server_old();
	char *csv;

	(void)state;
	snapgen_losses(gen)->dropped_allocs = UINT64_C(1) << 63;
	snapgen_losses(gen)->dropped_frees = 1;
	csv = write_report(report_csv, NULL, gen, 0, NULL);
	assert_has(csv, "\nloss,dropped_allocs,0,9223372036854775807,");
	assert_has(csv, "\nloss,dropped_frees,0,1,");
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

static char *
details_of(const struct diff *diff, const struct row *row)
{
	struct page page = { 0 };
	char *text;

	report_details(&page, diff, row);
	text = xstrdup(strbuf_text(&page.text));
	strbuf_release(&page.text);
	return text;
}

static void
growth_beyond_what_was_allocated_is_explained(void **state)
{
	static const char words[] =
		"freed in 0 objects (counters and blocks are read a moment "
		"apart)";
	struct model *before = load(story_idle());
	struct model *after = load(story_idle());
	const struct diff diff = { .old_model = before,
				   .new_model = after,
				   .same_process = true };
	struct row row = { .kind = ROW_HEAP,
			   .delta = { .bytes = 320, .objects = 10 },
			   .alloc = { .bytes = 288, .objects = 9 } };
	char *text;

	(void)state;
	before->header.sample_bytes = after->header.sample_bytes = 1;
	text = details_of(&diff, &row);
	assert_has(text, words);
	free(text);
	/* Nothing to explain; or an estimate, which says so itself. */
	row.alloc = row.delta;
	text = details_of(&diff, &row);
	assert_has_not(text, words);
	free(text);
	row.alloc.bytes--;
	after->header.sample_bytes = 2;
	text = details_of(&diff, &row);
	assert_has_not(text, words);
	free(text);
	model_free(before);
	model_free(after);
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
what_lay_between_the_first_and_the_last_is_no_loss(void **state)
{
	static char key[] = "keep", two[] = "2", nine[] = "9";
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct snapgen *gen = story_server_old();
		Leakshim__V1__Header *header = snapgen_header(gen);
		Leakshim__V1__Option keep;
		Leakshim__V1__Option *options[] = { &keep };
		char *text;

		leakshim__v1__option__init(&keep);
		keep.key = key;
		keep.value.data = (uint8_t *)(i ? nine : two);
		keep.value.len = 1;
		header->options = options;
		header->n_options = 1;
		header->sequence += 7;
		snapgen_losses(gen)->snapshots_removed = 4;
		text = write_report(report_text, story_server_old(), gen, 10,
				    NULL);
		if (i)
			assert_has(text, "\n  older snapshots removed so far "
					 "(keep=): 4 (old: 0)\n");
		else
			assert_has_not(text, "snapshots removed");
		free(text);
	}
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

/* --- with verdicts ---------------------------------------------------------- */

/* The first, fourth and last of the trend; rows by growth. */
enum { CREATE, CACHE, BUFFER, TABLE, PARSE };

struct trend {
	struct blame *blame;
	struct comparison *made;
	struct diff *diff;
	struct select *select;
	struct report report;
};

static struct trend
set_up_trend(void)
{
	struct model *models[] = { load(story_trend(1)), load(story_trend(4)),
				   load(story_trend(8)) };
	struct trend trend = { .blame = blame_new(), .select = select_new() };
	size_t i;

	trend.made = comparison_new(models, 3, symbolizer, trend.blame);
	trend.diff = trend.made->part.diff;
	trend.diff->judged = true;
	for (i = 0; i < trend.diff->count[ROW_HEAP]; i++)
		trend.diff->rows[i].verdict.kind = VERDICT_STEADY;
	trend.report = (struct report){
		.study = &trend.made->study,
		.diff = trend.diff,
		.resolver = trend.made->study.resolver,
	};
	return trend;
}

/* The report as text, which the caller frees. The scene is gone after it. */
static char *
tell_trend(struct trend *trend)
{
	char *text = NULL;
	struct err err;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	select_apply(trend->select, trend->diff, trend->report.resolver);
	assert_int_equal(report_text(&trend->report, out, &err), 0);
	assert_int_equal(fclose(out), 0);
	select_free(trend->select);
	comparison_free(trend->made);
	blame_free(trend->blame);
	return text;
}

static void
set_verdict(struct trend *trend, size_t row, enum verdict_kind kind, double low,
	    double rate, double high)
{
	trend->diff->rows[row].verdict = (struct verdict){
		.kind = kind,
		.confidence = 0.98,
		.bytes_per_hour = rate,
		.bytes_per_hour_low = low,
		.bytes_per_hour_high = high,
		.objects_per_hour = 4100,
		.eta_hours = -1,
	};
}

static void
leaks_come_first_with_rate_interval_and_limit(void **state)
{
	struct trend trend = set_up_trend();
	char *text;

	(void)state;
	set_verdict(&trend, CREATE, VERDICT_LEAK, 11 << 20, 12 << 20, 13 << 20);
	text = tell_trend(&trend);
	/* 256 MiB less 29.2 MiB of RSS, at 12 MiB an hour. */
	assert_int_equal(
		strncmp(text,
			"make_object (object.h:12) leaks 12.0 MiB/h (95% sure: "
			"11.0 MiB/h to 13.0 MiB/h), 4,100 objects/h: at this "
			"rate the limit of 256.0 MiB is met in 18 h 54 min.\n",
			150),
		0);
	assert_has(text, "\nsnapshots 3 over 70 min\n");
	assert_has(text, "\nHeap sites by verdict\n  1. leak (98% sure), "
			 "+12.0 MiB/h (95%: +11.0 MiB/h to +13.0 MiB/h), "
			 "objects +4,100/h\n      +6.8 MiB in +7,000 objects  "
			 "[_-#]\n");
	assert_has(text, "\n      born: 25% in the last 20 min, 25% 20 min to "
			 "40 min ago, 25% 40 min to 60 min ago, 25% more than "
			 "60 min ago\n      next: read make_object "
			 "(object.h:12): who has to free");
	assert_has(text, "\n ... and 3 sites that hold their level (+7.4 MiB)\n"
			 " ... and 1 site that shrank (-15.0 KiB)\n");
	free(text);
}

static void
several_leaks_are_counted(void **state)
{
	struct trend trend = set_up_trend();
	char *text;

	(void)state;
	set_verdict(&trend, CREATE, VERDICT_LEAK, 1024, 1024, 1024);
	set_verdict(&trend, PARSE, VERDICT_LEAK, 2048, 2048, 2048);
	set_verdict(&trend, TABLE, VERDICT_GROWING_BUFFER, 512, 512, 512);
	text = tell_trend(&trend);
	assert_has(text, "parse<[u8; 4]> (parse.rs) leaks 2.0 KiB/h, 4,100 "
			 "objects/h. 2 more call stacks grow without end, "
			 "3.5 KiB/h in all.");
	free(text);
	/* A buffer that grows faster than all of them is the worst. */
	trend = set_up_trend();
	set_verdict(&trend, CREATE, VERDICT_LEAK, 1024, 1024, 1024);
	set_verdict(&trend, TABLE, VERDICT_GROWING_BUFFER, 9e9, 9e9, 9e9);
	text = tell_trend(&trend);
	assert_has(text,
		   "keeps a buffer that grows by 8.4 GiB/h. 1 more call "
		   "stack leaks, 8.4 GiB/h in all: at this rate the limit");
	free(text);
}

/* Rows of functions: of the stacks of an allocator most hold their level. */
static void
only_call_stacks_that_leak_are_counted(void **state)
{
	struct trend trend = set_up_trend();
	char *text;

	(void)state;
	set_verdict(&trend, CREATE, VERDICT_LEAK, 4095, 4096, 4097);
	trend.diff->rows[CREATE].stacks = 185;
	trend.diff->rows[CREATE].guilty = 5;
	set_verdict(&trend, PARSE, VERDICT_LEAK, 1024, 1024, 1024);
	trend.diff->rows[PARSE].stacks = 429;
	trend.diff->rows[PARSE].guilty = 3;
	text = tell_trend(&trend);
	/* The interval is that of the row. */
	assert_has(text, "make_object (object.h:12) leaks 4.0 KiB/h (95% sure: "
			 "4.0 KiB/h to 4.0 KiB/h) in 5 call stacks, 4,100 "
			 "objects/h. 3 more call stacks leak, 5.0 KiB/h in "
			 "all");
	free(text);
}

static void
buffers_are_no_lost_objects(void **state)
{
	struct trend trend = set_up_trend();
	char *text;

	(void)state;
	set_verdict(&trend, BUFFER, VERDICT_GROWING_BUFFER, 1024, 1024, 1024);
	text = tell_trend(&trend);
	assert_has(text,
		   "other\\x1b keeps a buffer that grows by 1.0 KiB/h.\n");
	assert_has(text, "  1. growing-buffer (98% sure), +1.0 KiB/h\n"
			 "      +3.5 MiB in the same object  ");
	free(text);
}

/* Of times that a hostile file made up. */
static void
rates_beyond_measure_are_bounded(void **state)
{
	struct trend trend = set_up_trend();
	struct model *last;
	char *text;

	(void)state;
	set_verdict(&trend, CREATE, VERDICT_LEAK, 1e30, 1e30, 1e30);
	trend.diff->rows[CREATE].verdict.objects_per_hour = 1e30;
	text = tell_trend(&trend);
	assert_has(text, "4.0 EiB/h, 4,611,686,018,427,387,904 objects/h");
	free(text);
	trend = set_up_trend();
	set_verdict(&trend, CREATE, VERDICT_LEAK, 1024, 1024, 1024);
	last = trend.diff->history
		       ->snapshots[trend.diff->history->snapshot_count - 1];
	last->header.memory_limit_bytes = UINT64_MAX - 1;
	last->ledger.cgroup_bytes = UINT64_MAX;
	text = tell_trend(&trend);
	assert_has(text, "the limit of 8.0 EiB is ");
	free(text);
}

static void
limit_that_is_reached_is_said(void **state)
{
	struct trend trend = set_up_trend();
	char *text;

	(void)state;
	set_verdict(&trend, CREATE, VERDICT_LEAK, 1024, 1024, 1024);
	trend.report.limit_bytes = 1 << 20;
	text = tell_trend(&trend);
	assert_has(text, "; the limit of 1.0 MiB is reached already.\n");
	free(text);
}

static void
nothing_leaks_is_said(void **state)
{
	struct trend trend = set_up_trend();
	char *text = tell_trend(&trend);

	(void)state;
	assert_int_equal(strncmp(text,
				 "Nothing leaks: no site grows without end (3 "
				 "snapshots over 70 min).\n",
				 67),
			 0);
	assert_has(text, "\n     none grows\n");
	free(text);
}

static void
too_few_snapshots_are_no_acquittal(void **state)
{
	struct trend trend = set_up_trend();
	char *text;

	(void)state;
	set_verdict(&trend, CREATE, VERDICT_INSUFFICIENT, 0, 0, 0);
	/* It shrank: more snapshots would tell nothing about it. */
	set_verdict(&trend, PARSE, VERDICT_INSUFFICIENT, 0, 0, 0);
	trend.diff->rows[CREATE].verdict.more_snapshots = 5;
	trend.diff->rows[CREATE].verdict.spacing_s = 60;
	text = tell_trend(&trend);
	assert_has(text, "Too early to say whether anything leaks: 1 call "
			 "stack grew, in make_object (object.h:12) by 6.8 MiB; "
			 "take 5 more snapshots, one every 60 s.\n");
	assert_has(text, "\n  1. insufficient, ");
	free(text);
}

static void
caches_are_told_from_leaks(void **state)
{
	struct trend trend = set_up_trend();
	char *text;

	(void)state;
	set_verdict(&trend, CREATE, VERDICT_CACHE_FILL, 0, 1024, 2048);
	text = tell_trend(&trend);
	assert_has(text, "Nothing leaks, as far as 3 snapshots over 70 min "
			 "tell; make_object (object.h:12) grows by 1.0 KiB/h "
			 "and slows down, as a cache does that fills.\n");
	free(text);
}

static void
a_verdict_against_the_odds_is_no_acquittal(void **state)
{
	struct trend trend = set_up_trend();
	char *text;

	(void)state;
	set_verdict(&trend, CREATE, VERDICT_CACHE_FILL, 0, 1024, 2048);
	trend.diff->rows[CREATE].verdict.confidence = 0.5;
	assert_false(headline_is_quiet(&trend.report));
	text = tell_trend(&trend);
	assert_has(text,
		   "Nothing leaks for certain, as far as 3 snapshots over 70 "
		   "min tell, but make_object (object.h:12) grows by 1.0 KiB/h "
		   "and may go on: take more snapshots, evenly apart.\n");
	free(text);
}

/* Whatever the mean rate of the whole time is. */
static void
caches_that_were_full_long_ago_grow_no_more(void **state)
{
	struct trend trend = set_up_trend();
	char *text;

	(void)state;
	set_verdict(&trend, CACHE, VERDICT_CACHE_FILL, 0, 1024, 2048);
	text = tell_trend(&trend);
	assert_has(text, " and stopped, as a cache does that is full.\n");
	free(text);
}

/* A level that was reached in one step has no rate. */
static void
caches_that_are_full_have_no_rate(void **state)
{
	struct trend trend = set_up_trend();
	char *text;

	(void)state;
	set_verdict(&trend, CREATE, VERDICT_CACHE_FILL, 0, 0, 0);
	text = tell_trend(&trend);
	assert_has(text, "tell; make_object (object.h:12) grew by 6.8 MiB and "
			 "stopped, as a cache does that is full.\n");
	free(text);
}

/* Recursion, or code made at run time: each has one object and no trend. */
static void
call_stacks_that_leak_only_together_are_no_acquittal(void **state)
{
	struct trend trend = set_up_trend();
	struct verdict *total = &trend.diff->totals[ROW_HEAP].verdict;
	char *text;

	(void)state;
	*total = (struct verdict){ .kind = VERDICT_LEAK,
				   .confidence = 0.98,
				   .bytes_per_hour = 2048,
				   .objects_per_hour = 300,
				   .eta_hours = -1 };
	text = tell_trend(&trend);
	assert_has(text, "No single call stack leaks, but all of them together "
			 "grow without end (98% sure): +2.0 KiB/h, objects "
			 "+300/h. See what they share: --by function.\n");
	free(text);
}

static void
nothing_else_leaks_if_only_threads_do(void **state)
{
	struct trend trend = set_up_trend();
	char *text;

	(void)state;
	set_verdict(&trend, trend.diff->first[ROW_THREAD], VERDICT_LEAK, 0,
		    1024, 60);
	assert_false(headline_trend_is_clean(trend.diff));
	text = tell_trend(&trend);
	assert_int_equal(strncmp(text, "Nothing leaks in the heap: ", 27), 0);
	free(text);
}

static void
leaks_that_are_not_listed_are_counted(void **state)
{
	struct trend trend = set_up_trend();
	char *text;

	(void)state;
	set_verdict(&trend, CREATE, VERDICT_LEAK, 1024, 1024, 1024);
	trend.diff->rows[CREATE].fate = FATE_SUPPRESSED;
	trend.diff->rows[CACHE].fate = FATE_ACCEPTED;
	text = tell_trend(&trend);
	assert_has(text, "No call stack that is listed leaks (3 snapshots over "
			 "70 min). 1 leak is suppressed.\n");
	assert_has(text, "\n not listed: 1 site (+6.8 MiB) suppressed "
			 "(--show-suppressions)\n not listed: 1 "
			 "site (+3.9 MiB) accepted by the baseline\n");
	free(text);
}

static void
the_allocator_and_other_lines_of_the_ledger_are_told(void **state)
{
	struct trend trend = set_up_trend();
	size_t ledger = trend.diff->first[ROW_LEDGER];
	char *text;

	(void)state;
	set_verdict(&trend, ledger + LEDGER_allocator_retained,
		    VERDICT_RETENTION, 0, 2048, 0);
	set_verdict(&trend, ledger + LEDGER_direct_mmap, VERDICT_LEAK, 0, 1024,
		    0);
	trend.diff->rows[ledger + LEDGER_direct_mmap].delta.bytes = 1 << 20;
	text = tell_trend(&trend);
	assert_has(text, " The allocator keeps ever more, +2.0 KiB/h. Outside "
			 "the heap grows: mapped directly, +1.0 KiB/h.\n");
	assert_has(text, "   +2.0 KiB/h  retention\n");
	assert_has(text, "\n  next, kept by the allocator: the allocator keeps "
			 "freed memory: set MALLOC_ARENA_MAX=2");
	free(text);
}

/* Some pages come and go in any program. */
static void
less_than_a_hundredth_of_steady_memory_is_no_news(void **state)
{
	struct trend trend = set_up_trend();
	char *text;

	(void)state;
	set_verdict(&trend, trend.diff->first[ROW_LEDGER] + LEDGER_direct_mmap,
		    VERDICT_LEAK, 0, 1024, 0);
	text = tell_trend(&trend);
	assert_null(strstr(text, "Outside the heap grows"));
	free(text);
}

static void
threads_have_verdicts(void **state)
{
	struct trend trend = set_up_trend();
	char *text;

	(void)state;
	set_verdict(&trend, trend.diff->first[ROW_THREAD], VERDICT_LEAK, 0, 1,
		    2);
	text = tell_trend(&trend);
	assert_has(text, "\nspawn (s.c:3) starts threads that stay: +4,100/h; "
			 "14 more have exited but were never joined.\n");
	assert_has(text, "\n  1. leak (98% sure), threads +4,100/h\n");
	free(text);
}

/* Nobody wrote that rule, and nobody misses what it hides. */
static void
what_libraries_keep_is_no_hidden_leak(void **state)
{
	struct trend trend = set_up_trend();
	char *text;

	(void)state;
	set_verdict(&trend, CREATE, VERDICT_LEAK, 1024, 1024, 1024);
	set_verdict(&trend, PARSE, VERDICT_LEAK, 1024, 1024, 1024);
	trend.diff->rows[CREATE].fate = FATE_SUPPRESSED;
	trend.diff->rows[CREATE].is_builtin = true;
	trend.diff->rows[PARSE].fate = FATE_ACCEPTED;
	text = tell_trend(&trend);
	assert_has(text, " 1 leak is accepted by the baseline.\n");
	assert_has_not(text, "leak is suppressed");
	free(text);
	trend = set_up_trend();
	set_verdict(&trend, CREATE, VERDICT_LEAK, 1024, 1024, 1024);
	trend.diff->rows[CREATE].fate = FATE_SUPPRESSED;
	trend.diff->rows[CREATE].is_builtin = true;
	text = tell_trend(&trend);
	assert_int_equal(strncmp(text, "Nothing leaks: ", 15), 0);
	free(text);
}

/* A tenth of what RSS grows by is a reason; less is noise beside it. */
static void
lines_of_the_ledger_are_told_if_they_matter(void **state)
{
	static const char said[] = " The allocator keeps ever more, +10 B/h.";
	static const char next[] = "next, kept by the allocator: ";
	int64_t rss;
	char *text;

	(void)state;
	for (rss = 100; rss <= 101; rss++) {
		struct trend trend = set_up_trend();
		size_t first = trend.diff->first[ROW_LEDGER];

		set_verdict(&trend, CREATE, VERDICT_LEAK, 1024, 1024, 1024);
		set_verdict(&trend, first + LEDGER_allocator_retained,
			    VERDICT_RETENTION, 10, 10, 10);
		trend.diff->totals[ROW_LEDGER].verdict.bytes_per_hour =
			(double)rss;
		text = tell_trend(&trend);
		(rss == 100 ? assert_has : assert_has_not)(text, said);
		(rss == 100 ? assert_has : assert_has_not)(text, next);
		free(text);
	}
}

static void
focus_searches_source_files(void **state)
{
	struct trend trend = set_up_trend();
	struct err err;
	char *text;

	(void)state;
	set_verdict(&trend, CREATE, VERDICT_LEAK, 1024, 1024, 1024);
	set_verdict(&trend, PARSE, VERDICT_LEAK, 2048, 2048, 2048);
	assert_int_equal(select_focus(trend.select, "src/object\\.c", &err), 0);
	text = tell_trend(&trend);
	assert_has(text, "make_object (object.h:12) leaks 1.0 KiB/h");
	assert_has(text, " 1 leak is hidden by --focus or --ignore.");
	assert_has_not(text, "> parse");
	free(text);
}

static void
the_first_suspect_of_one_snapshot_is_a_suspicion(void **state)
{
	struct model *models[] = { load(story_trend(8)) };
	struct trend trend = { .blame = blame_new(), .select = select_new() };
	char *text;

	(void)state;
	trend.made = comparison_new(models, 1, symbolizer, trend.blame);
	trend.diff = trend.made->part.diff;
	trend.report = (struct report){
		.study = &trend.made->study,
		.diff = trend.diff,
		.resolver = trend.made->study.resolver,
	};
	trend.diff->rows[0].suspicion = 0.9;
	text = tell_trend(&trend);
	assert_has(text, "\nThe first to suspect is make_object (object.h:12): "
			 "of what it allocated at any time since the start "
			 "some remained (7.8 MiB). One snapshot can't prove a "
			 "leak: ");
	assert_has(text, "\nHeap sites by suspicion");
	assert_has_not(text, " leaks ");
	free(text);
}

static void
frames_fit_the_width(void **state)
{
	struct trend trend = set_up_trend();
	const char *line, *end;
	char *text;

	(void)state;
	set_verdict(&trend, CREATE, VERDICT_LEAK, 1024, 1024, 1024);
	trend.report.width = 44;
	text = tell_trend(&trend);
	assert_has(text, "\n      > make_object object.h:12\n");
	/* Not the files' names, which can't be broken, nor the table. */
	line = strstr(text, "Heap sites");
	assert_non_null(line);
	for (; (end = strchr(line, '\n')); line = end + 1) {
		if (strncmp(line, "Memory ledger", 13) == 0)
			break;
		if (end - line > 44)
			fail_msg("'%.*s'", (int)(end - line), line);
	}
	free(text);
}

static void
colours_say_what_is_bad(void **state)
{
	struct trend trend = set_up_trend();
	char *text;

	(void)state;
	set_verdict(&trend, CREATE, VERDICT_LEAK, 1024, 1024, 1024);
	trend.report.color = true;
	text = tell_trend(&trend);
	assert_int_equal(strncmp(text, "\033[31mmake_object", 16), 0);
	assert_has(text, "\n  1. \033[31mleak\033[0m (98% sure)");
	assert_has(text, "\n      > \033[1mmake_object /src/object.h:12");
	free(text);
}

static void
marks_of_the_newest_snapshot_are_in_the_head(void **state)
{
	struct trend trend = set_up_trend();
	struct mark *marks = xcalloc(7, sizeof(*marks));
	struct model *last = trend.made->part.history->snapshots[2];
	char *text;
	size_t i;

	(void)state;
	for (i = 0; i < 7; i++)
		marks[i] = (struct mark){ i == 6 ? "reload\x1b" : "x",
					  1700000000000000000, 0 };
	free(last->marks);
	last->marks = marks;
	last->mark_count = 7;
	text = tell_trend(&trend);
	assert_has(text, "\nmark      2023-11-14 22:13:20 UTC: reload\\x1b\n"
			 "          (2 earlier marks)\n");
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_is_the_promised_one),
		cmocka_unit_test(fields_are_quoted_and_stacks_joined),
		cmocka_unit_test(csv_tells_losses_that_no_column_holds),
		cmocka_unit_test(all_rows_are_written_unless_top_is_given),
		cmocka_unit_test(skipped_functions_are_not_blamed),
		cmocka_unit_test(unknown_stacks_have_a_name),
		cmocka_unit_test(text_names_what_grew),
		cmocka_unit_test(text_gives_the_share_of_one_snapshot),
		cmocka_unit_test(text_says_when_nothing_grew),
		cmocka_unit_test(text_says_when_it_shrank),
		cmocka_unit_test(growth_beyond_what_was_allocated_is_explained),
		cmocka_unit_test(missed_blocks_of_either_snapshot_are_told),
		cmocka_unit_test(
			what_lay_between_the_first_and_the_last_is_no_loss),
		cmocka_unit_test(text_says_when_both_are_one),
		cmocka_unit_test(text_says_why_a_snapshot_was_taken),
		cmocka_unit_test(many_wrappers_are_one_line),
		cmocka_unit_test(files_without_names_are_told),
		cmocka_unit_test(buffer_that_grew_is_no_new_object),
		cmocka_unit_test(text_says_when_processes_differ),
		cmocka_unit_test(leaks_come_first_with_rate_interval_and_limit),
		cmocka_unit_test(several_leaks_are_counted),
		cmocka_unit_test(only_call_stacks_that_leak_are_counted),
		cmocka_unit_test(buffers_are_no_lost_objects),
		cmocka_unit_test(rates_beyond_measure_are_bounded),
		cmocka_unit_test(limit_that_is_reached_is_said),
		cmocka_unit_test(nothing_leaks_is_said),
		cmocka_unit_test(too_few_snapshots_are_no_acquittal),
		cmocka_unit_test(caches_are_told_from_leaks),
		cmocka_unit_test(a_verdict_against_the_odds_is_no_acquittal),
		cmocka_unit_test(caches_that_were_full_long_ago_grow_no_more),
		cmocka_unit_test(caches_that_are_full_have_no_rate),
		cmocka_unit_test(
			call_stacks_that_leak_only_together_are_no_acquittal),
		cmocka_unit_test(nothing_else_leaks_if_only_threads_do),
		cmocka_unit_test(leaks_that_are_not_listed_are_counted),
		cmocka_unit_test(
			the_allocator_and_other_lines_of_the_ledger_are_told),
		cmocka_unit_test(
			less_than_a_hundredth_of_steady_memory_is_no_news),
		cmocka_unit_test(threads_have_verdicts),
		cmocka_unit_test(what_libraries_keep_is_no_hidden_leak),
		cmocka_unit_test(lines_of_the_ledger_are_told_if_they_matter),
		cmocka_unit_test(focus_searches_source_files),
		cmocka_unit_test(
			the_first_suspect_of_one_snapshot_is_a_suspicion),
		cmocka_unit_test(frames_fit_the_width),
		cmocka_unit_test(colours_say_what_is_bad),
		cmocka_unit_test(marks_of_the_newest_snapshot_are_in_the_head),
	};

	return cmocka_run_group_tests_name("report", tests, open_symbolizer,
					   close_symbolizer);
}
