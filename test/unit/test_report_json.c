/* The JSON report: it stays JSON whatever a file says, and it adds up. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "../../analyzer/blame.h"
#include "../../analyzer/jsonval.h"
#include "../../analyzer/report_json.h"
#include "../../analyzer/select.h"
#include "../../analyzer/symbolize.h"
#include "comparison.h"
#include "stories.h"

static struct report settings;
static int64_t min_bytes;

/* What report_json writes about the models, which are freed, read back by a
 * strict reader. */
static json_t *
report_of(struct model *const *models, size_t count)
{
	struct symbolizer_options options = { .use_symbols = false };
	struct blame *blame = blame_new();
	struct select *select = select_new();
	struct report report = settings;
	struct symbolizer *symbolizer;
	struct comparison *made;
	json_error_t error;
	json_t *document;
	struct err err;
	char *text, *whole;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	symbolizer = symbolizer_open(&options, &err);
	assert_non_null(symbolizer);
	made = comparison_new(models, count, symbolizer, blame);
	judge(made->part.diff, &(struct judge_settings){ .warmup_s = -1 });
	select_min_bytes(select, min_bytes);
	select_apply(select, made->part.diff, made->study.resolver);
	select_free(select);
	report.study = &made->study;
	report.diff = made->diff;
	report.resolver = made->study.resolver;
	assert_int_equal(report_json(&report, out, &err), 0);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(text[len - 1], '\n');
	/* Written row by row, it is what the page gets as one value. */
	document = report_json_build(&report);
	whole = json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(15));
	json_decref(document);
	assert_int_equal(strlen(whole), len - 1);
	assert_memory_equal(whole, text, len - 1);
	free(whole);
	document = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!document)
		fail_msg("at %d: %s", error.position, error.text);
	free(text);
	comparison_free(made);
	symbolizer_close(symbolizer);
	blame_free(blame);
	return document;
}

static json_t *
report_of_two(struct snapgen *old_gen, struct snapgen *new_gen)
{
	struct model *models[] = { comparison_load(old_gen),
				   comparison_load(new_gen) };

	return report_of(models, 2);
}

/* A path of names and indices, as "processes.0.heap". */
static json_t *
at(json_t *value, const char *path)
{
	char *copy = strdup(path);
	char *rest = copy;
	char *name;

	while ((name = strsep(&rest, "."))) {
		value = json_is_array(value)
				? json_array_get(value, strtoul(name, NULL, 10))
				: json_object_get(value, name);
		if (!value)
			fail_msg("no '%s' in '%s'", name, path);
	}
	free(copy);
	return value;
}

static int64_t
number_at(json_t *document, const char *path)
{
	assert_true(json_is_integer(at(document, path)));
	return json_integer_value(at(document, path));
}

static const char *
text_at(json_t *document, const char *path)
{
	assert_true(json_is_string(at(document, path)));
	return json_string_value(at(document, path));
}

static int64_t
sum_of(json_t *rows, const char *column)
{
	json_t *row;
	int64_t sum = 0;
	size_t i;

	json_array_foreach(rows, i, row)
		sum += json_integer_value(json_object_get(row, column));
	return sum;
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
mode_is_by_the_number_of_snapshots(void **state)
{
	struct model *three[] = { comparison_load(story_server_old()),
				  comparison_load(story_server_new()),
				  comparison_load(story_server_new()) };
	json_t *one = report_of_two(NULL, story_server_new());
	json_t *two = report_of_two(story_server_old(), story_server_new());
	json_t *trend;

	(void)state;
	/* Points rise strictly in time. */
	three[2]->header.monotonic_ns += UINT64_C(34000000000);
	three[2]->header.sequence++;
	trend = report_of(three, 3);
	assert_int_equal(number_at(one, "schema_version"), 1);
	assert_string_equal(text_at(one, "mode"), "snapshot");
	assert_string_equal(text_at(two, "mode"), "diff");
	assert_string_equal(text_at(trend, "mode"), "trend");
	assert_int_equal(json_array_size(at(two, "processes.0.points_s")), 0);
	assert_int_equal(json_array_size(at(trend, "processes.0.points_s")), 3);
	assert_int_equal(
		json_array_size(at(trend, "processes.0.heap.0.series.bytes")),
		3);
	/* No limit is known. */
	assert_true(json_is_null(
		at(trend, "processes.0.heap.0.verdict.eta_hours")));
	assert_true(*text_at(trend, "processes.0.heap.0.verdict.kind"));
	/* Judged by its ages, or not at all. */
	assert_true(json_is_number(at(one, "processes.0.heap.0.suspicion")));
	assert_null(
		json_object_get(at(two, "processes.0.heap.0"), "suspicion"));
	assert_null(json_object_get(at(two, "processes.0.heap.0"), "verdict"));
	json_decref(one);
	json_decref(two);
	json_decref(trend);
}

static void
rows_sum_to_the_totals(void **state)
{
	json_t *document =
		report_of_two(story_server_old(), story_server_new());
	json_t *totals = at(document, "processes.0.totals.heap");
	const char *column;
	json_t *value;

	(void)state;
	json_object_foreach(totals, column, value) assert_int_equal(
		sum_of(at(document, "processes.0.heap"), column),
		json_integer_value(value));
	assert_int_equal(json_object_size(totals), 10);
	assert_int_equal(number_at(document,
				   "processes.0.totals.heap.delta_bytes"),
			 8 * (1 << 20) - 4096);
	json_decref(document);
}

static void
what_is_not_listed_is_tallied(void **state)
{
	json_t *all = report_of_two(story_server_old(), story_server_new());
	json_t *few;

	(void)state;
	min_bytes = 1 << 20;
	settings.top = 1;
	few = report_of_two(story_server_old(), story_server_new());
	assert_int_equal(json_array_size(at(few, "processes.0.heap")), 1);
	assert_int_equal(number_at(few, "processes.0.hidden.small.sites"), 2);
	assert_int_equal(number_at(few, "processes.0.hidden.beyond_top.sites"),
			 2);
	assert_int_equal(
		sum_of(at(few, "processes.0.heap"), "delta_bytes") +
			number_at(few, "processes.0.hidden.small.delta_bytes") +
			number_at(few, "processes.0.hidden.beyond_top"
				       ".delta_bytes"),
		number_at(all, "processes.0.totals.heap.delta_bytes"));
	assert_true(json_equal(at(few, "processes.0.totals"),
			       at(all, "processes.0.totals")));
	json_decref(all);
	json_decref(few);
}

static void
stacks_point_to_frames(void **state)
{
	json_t *document = report_of_two(NULL, story_server_new());
	json_t *rows = at(document, "processes.0.heap");
	json_t *frames = at(document, "frames");
	json_t *row, *frame;
	size_t i;

	(void)state;
	json_array_foreach(rows, i, row)
	{
		size_t blamed = (size_t)json_integer_value(
			json_object_get(row, "blamed"));
		json_t *index =
			json_array_get(json_object_get(row, "stack"), blamed);

		frame = json_array_get(frames,
				       (size_t)json_integer_value(index));
		assert_string_equal(
			json_string_value(json_object_get(frame, "function")),
			json_string_value(json_object_get(row, "function")));
	}
	/* Each place once: five sites, of which most share main. */
	json_array_foreach(frames, i, frame)
	{
		size_t k;

		for (k = 0; k < i; k++)
			assert_false(
				json_equal(json_array_get(frames, k), frame));
	}
	json_decref(document);
}

static void
hostile_texts_stay_json(void **state)
{
	struct snapgen *gen = snapgen_new();
	uint32_t module = snapgen_module(
		gen, "/\xff\xc3\xa9\"\\\n\x01\xed\xa0\x80</script>", "id",
		0x10000, 0x1000);
	uint32_t pcs[] = { snapgen_pc(gen, module, 0x10011), 0 };
	json_t *document;

	(void)state;
	snapgen_header(gen)->host = snapgen_bytes("h\xfe");
	snapgen_header(gen)->exe = snapgen_bytes("\xc0\x80");
	snapgen_site(gen, &(struct snapgen_site){
				  .node = snapgen_stack(gen, pcs),
				  .alloc_objects = 1,
				  .alloc_bytes = 1,
			  });
	document = report_of_two(NULL, gen);
	assert_string_equal(text_at(document, "frames.0.module"),
			    "/?\xc3\xa9\"\\\n\x01\?\?\?</script>");
	assert_string_equal(text_at(document, "processes.0.host"), "h?");
	assert_string_equal(text_at(document, "processes.0.exe"), "\?\?");
	json_decref(document);
}

static void
largest_numbers_are_exact(void **state)
{
	const uint64_t most = INT64_MAX / 2 - 1;
	struct snapgen *gen = snapgen_new();

	(void)state;
	snapgen_site(gen, &(struct snapgen_site){ 0, 0, 1, most, 0, 0 });
	{
		json_t *document = report_of_two(NULL, gen);

		assert_int_equal(number_at(document,
					   "processes.0.heap.0.live_bytes_new"),
				 most);
		json_decref(document);
	}
}

static void
what_is_no_number_is_null(void **state)
{
	json_t *values[] = { jsonval_real(INFINITY), jsonval_real(-INFINITY),
			     jsonval_real(NAN), jsonval_text(NULL) };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		assert_true(json_is_null(values[i]));
}

static void
nothing_allocated_is_a_report(void **state)
{
	json_t *document = report_of_two(NULL, story_idle());

	(void)state;
	assert_int_equal(json_array_size(at(document, "processes.0.heap")), 0);
	assert_int_equal(json_array_size(at(document, "frames")), 0);
	assert_int_equal(json_array_size(at(document, "processes.0.ledger")),
			 0);
	assert_true(json_is_null(
		at(document, "processes.0.snapshots.0.rss_bytes")));
	assert_true(json_array_size(at(document, "headline")) > 0);
	json_decref(document);
}

static void
threads_and_losses_are_there(void **state)
{
	json_t *document =
		report_of_two(story_server_old(), story_server_new());

	(void)state;
	assert_int_equal(
		number_at(document, "processes.0.thread.0.running_new") -
			number_at(document, "processes.0.thread.0.running_old"),
		3);
	assert_int_equal(
		number_at(document, "processes.0.thread.0.unjoined_new"), 2);
	assert_int_equal(
		number_at(document, "processes.0.losses.dropped_allocs"), 1);
	assert_int_equal(json_array_size(at(document, "processes.0.ledger")),
			 9);
	json_decref(document);
}

#define TEST(function) cmocka_unit_test_setup(function, set_up)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(mode_is_by_the_number_of_snapshots),
		TEST(rows_sum_to_the_totals),
		TEST(what_is_not_listed_is_tallied),
		TEST(stacks_point_to_frames),
		TEST(hostile_texts_stay_json),
		TEST(largest_numbers_are_exact),
		TEST(what_is_no_number_is_null),
		TEST(nothing_allocated_is_a_report),
		TEST(threads_and_losses_are_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
