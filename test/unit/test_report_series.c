/* --series: a row per snapshot and site, written as snapshots come by. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../analyzer/blame.h"
#include "../../analyzer/report_series.h"
#include "../../analyzer/symbolize.h"
#include "comparison.h"
#include "stories.h"

#define HEADER                                                                 \
	"snapshot,process,sequence,time,elapsed_s,kind,site,function,"         \
	"live_bytes,live_objects,alloc_bytes,alloc_objects,free_bytes,"        \
	"free_objects,file,line,module,stack\n"

/* What is written about the models, which are freed, without the header. */
static char *
series_of(struct model *const *models, size_t count)
{
	struct symbolizer_options options = { .use_symbols = false };
	struct blame *blame = blame_new();
	struct symbolizer *symbolizer;
	struct series *series;
	struct err err;
	char *text, *rows;
	size_t len, i;
	FILE *out = open_memstream(&text, &len);

	symbolizer = symbolizer_open(&options, &err);
	assert_non_null(symbolizer);
	series = series_new(out, symbolizer, blame);
	for (i = 0; i < count; i++) {
		assert_int_equal(series_visit(series, models[i], &err), 0);
		model_free(models[i]);
	}
	series_free(series);
	assert_int_equal(fclose(out), 0);
	symbolizer_close(symbolizer);
	blame_free(blame);
	assert_memory_equal(text, HEADER, strlen(HEADER));
	rows = strdup(text + strlen(HEADER));
	assert_non_null(rows);
	free(text);
	return rows;
}

/* The columns from `kind` on of the rows that have it, without the place. */
static char *
short_rows(const char *rows, const char *kind)
{
	char *copy = strdup(rows);
	char *lines = copy;
	char *line;
	struct strbuf out = { 0 };

	while ((line = strsep(&lines, "\n")) && *line) {
		char *at = strstr(line, kind);
		int commas = 0;

		if (!at)
			continue;
		for (; *at && (*at != ',' || ++commas < 9); at++)
			strbuf_addc(&out, *at);
		strbuf_addc(&out, '\n');
	}
	free(copy);
	return strbuf_detach(&out);
}

static void
assert_short(const char *rows, const char *kind, const char *expected)
{
	char *text = short_rows(rows, kind);

	assert_string_equal(text, expected);
	free(text);
}

static void
each_snapshot_has_a_row_per_site(void **state)
{
	struct model *models[] = { comparison_load(story_server_old()),
				   comparison_load(story_server_new()) };
	char *rows = series_of(models, 2);

	(void)state;
	assert_short(rows, "thread,",
		     "thread,3e1c187cc91adbad,server+0x9887,16777216,2,"
		     "16777216,2,0,0\n"
		     "thread,3e1c187cc91adbad,server+0x9887,58720256,7,"
		     "75497472,9,16777216,2\n");
	assert_short(rows, "heap,95f57a4ac675917d,",
		     "heap,95f57a4ac675917d,server+0x2110,1048576,1000,"
		     "1048576,1000,0,0\n"
		     "heap,95f57a4ac675917d,server+0x2110,10485760,10000,"
		     "12582912,12000,2097152,2000\n");
	assert_short(rows, "ledger,,rss,",
		     "ledger,,rss,12677120,0,0,0,0,0\n"
		     "ledger,,rss,21061632,0,0,0,0,0\n");
	free(rows);
}

static void
rows_say_when_and_of_which_process(void **state)
{
	struct model *models[] = { comparison_load(story_server_old()) };
	char *rows = series_of(models, 1);
	char *first = strchr(rows, ',');

	(void)state;
	assert_non_null(first);
	assert_memory_equal(first,
			    ",pid 1234 on example since 2023-11-14 22:13:20 "
			    "UTC,1,2023-11-14T22:13:30.000Z,10.000,heap,",
			    80);
	free(rows);
}

/* Two places in one function, by one name. */
static struct model *
twice(uint64_t bytes)
{
	static const struct symbol symbols[] = {
		{ "grow", "grow", "g.c", 10 },
		{ "grow", "grow", "g.c", 20 },
	};
	static const struct symbols of[] = {
		{ 1, true, &symbols[0] },
		{ 1, true, &symbols[1] },
	};
	struct snapgen *gen = snapgen_new();
	uint32_t module = snapgen_module(gen, "/app", "id", 0x10000, 0x1000);
	uint32_t pcs[2];
	struct model *model;
	size_t i;

	for (i = 0; i < 2; i++) {
		uint32_t stack[2] = { 0 };

		pcs[i] = snapgen_pc(gen, module, 0x10011 + i * 0x10);
		stack[0] = pcs[i];
		snapgen_site(gen, &(struct snapgen_site){
					  .node = snapgen_stack(gen, stack),
					  .alloc_objects = 3,
					  .alloc_bytes = 3 * bytes,
					  .free_objects = 1,
					  .free_bytes = bytes,
				  });
	}
	model = comparison_load(gen);
	for (i = 0; i < 2; i++)
		model->pcs[pcs[i]].symbols = &of[i];
	return model;
}

static void
stacks_of_one_id_are_one_row(void **state)
{
	struct model *models[] = { twice(100), twice(1000) };
	char *rows = series_of(models, 2);
	char *text = short_rows(rows, "heap,");
	/* The id is test_site_id.c's affair. */
	char *second;

	(void)state;
	assert_string_equal(text + strlen("heap,0123456789abcdef"),
			    strstr(text, ",grow,"));
	second = strchr(text, '\n') + 1;
	assert_non_null(strstr(text, ",grow,400,4,600,6,200,2\n"));
	assert_non_null(strstr(second, ",grow,4000,4,6000,6,2000,2\n"));
	assert_memory_equal(text, second, strlen("heap,0123456789abcdef"));
	assert_non_null(strstr(rows, ",g.c,10,/app,grow\n"));
	free(text);
	free(rows);
}

static void
site_that_is_gone_has_no_row(void **state)
{
	struct model *models[] = { comparison_load(story_server_new()),
				   comparison_load(story_idle()),
				   comparison_load(story_server_new()) };
	char *rows = series_of(models, 3);
	size_t count = 0;
	const char *p;

	(void)state;
	for (p = rows; (p = strstr(p, ",heap,")); p++)
		count++;
	assert_int_equal(count, 2 * 5);
	free(rows);
}

static void
profiles_count_time_from_the_first_of_a_process(void **state)
{
	struct model *models[3];
	const char *row;
	char *rows;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct header *header;

		models[i] = twice(8);
		models[i]->origin = ORIGIN_PROFILE;
		header = &models[i]->header;
		header->pid = 0;
		header->host = "";
		header->exe = i < 2 ? "/bin/a" : "/bin/b";
		header->start_monotonic_ns = 0;
		header->start_wall_ns = 0;
		header->monotonic_ns = UINT64_C(1700000000000000000) +
				       UINT64_C(1500000000) * i;
	}
	rows = series_of(models, 3);
	row = strstr(rows, ",a,");
	assert_non_null(row);
	assert_non_null(strstr(row, "Z,0.000,heap,"));
	row = strstr(row + 1, ",a,");
	assert_non_null(row);
	assert_non_null(strstr(row, "Z,1.500,heap,"));
	row = strstr(row, ",b,");
	assert_non_null(row);
	assert_non_null(strstr(row, "Z,0.000,heap,"));
	free(rows);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_snapshot_has_a_row_per_site),
		cmocka_unit_test(rows_say_when_and_of_which_process),
		cmocka_unit_test(stacks_of_one_id_are_one_row),
		cmocka_unit_test(site_that_is_gone_has_no_row),
		cmocka_unit_test(
			profiles_count_time_from_the_first_of_a_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
