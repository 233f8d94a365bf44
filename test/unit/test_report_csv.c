/* What the CSV report adds to its fixed columns, and when. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../analyzer/blame.h"
#include "../../analyzer/csv_fields.h"
#include "../../analyzer/report.h"
#include "../../analyzer/symbolize.h"
#include "comparison.h"
#include "stories.h"

#define FIXED                                                                  \
	"kind,function,delta_bytes,delta_objects,live_bytes_old,"              \
	"live_bytes_new,live_objects_old,live_objects_new,alloc_bytes,"        \
	"alloc_objects,free_bytes,free_objects,file,line,module,stack"
#define TREND ",verdict,confidence,bytes_per_hour,objects_per_hour,eta_hours"

struct making {
	struct symbolizer *symbolizer;
	struct blame *blame;
	struct comparison *made;
	struct study_part parts[2];
};

static struct making
make(size_t snapshots)
{
	struct symbolizer_options options = { .use_symbols = false };
	struct model *models[3];
	struct making making = { .blame = blame_new() };
	struct err err;
	size_t i;

	for (i = 0; i < snapshots; i++) {
		models[i] = comparison_load(i ? story_server_new()
					      : story_server_old());
		models[i]->header.monotonic_ns += i;
	}
	making.symbolizer = symbolizer_open(&options, &err);
	assert_non_null(making.symbolizer);
	making.made = comparison_new(models, snapshots, making.symbolizer,
				     making.blame);
	return making;
}

static void
drop(struct making *making)
{
	comparison_free(making->made);
	symbolizer_close(making->symbolizer);
	blame_free(making->blame);
}

/* Of so many processes, all of them the same one. */
static char *
csv_of(struct making *making, size_t processes)
{
	struct study study = making->made->study;
	struct report report = { .resolver = study.resolver };
	struct err err;
	char *text;
	size_t len, i;
	FILE *out = open_memstream(&text, &len);

	for (i = 0; i < processes; i++)
		making->parts[i] = making->made->part;
	study.parts = making->parts;
	study.count = processes;
	report.study = &study;
	report.diff = study.parts[0].diff;
	assert_int_equal(report_csv(&report, out, &err), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* The first line that begins so, without its end. */
static char *
line_of(const char *text, const char *begin)
{
	const char *at = text;

	while (at && strncmp(at, begin, strlen(begin)) != 0) {
		at = strchr(at, '\n');
		at = at ? at + 1 : NULL;
	}
	if (!at)
		fail_msg("no '%s' in %s", begin, text);
	return strndup(at, strcspn(at, "\n"));
}

static void
assert_line(const char *text, const char *begin, const char *expected)
{
	char *line = line_of(text, begin);

	assert_string_equal(line, expected);
	free(line);
}

static void
assert_line_ends(const char *text, const char *begin, const char *end)
{
	char *line = line_of(text, begin);

	assert_true(strlen(line) > strlen(end));
	assert_string_equal(line + strlen(line) - strlen(end), end);
	free(line);
}

static void
one_and_two_snapshots_have_the_fixed_columns_alone(void **state)
{
	size_t count;

	(void)state;
	for (count = 1; count <= 2; count++) {
		struct making making = make(count);
		char *text = csv_of(&making, 1);

		assert_line(text, "kind,", FIXED);
		free(text);
		drop(&making);
	}
}

static void
three_have_a_verdict_in_rows_that_were_judged(void **state)
{
	struct making making = make(3);
	struct row *rows = making.made->part.diff->rows;
	char *text;

	(void)state;
	rows[0].verdict = (struct verdict){
		.kind = VERDICT_LEAK,
		.confidence = 0.98765,
		.bytes_per_hour = 123456789.4,
		.objects_per_hour = -0.26,
		.eta_hours = 38.714,
	};
	rows[1].verdict = (struct verdict){
		.kind = VERDICT_INSUFFICIENT,
		.bytes_per_hour = -0.25,
		.objects_per_hour = INFINITY,
		.eta_hours = -1,
	};
	text = csv_of(&making, 1);
	assert_line(text, "kind,", FIXED TREND);
	assert_line_ends(text, "heap,server+0x2110,",
			 "server+0x4332,leak,0.988,123456789,-0.3,38.71");
	assert_line_ends(text, "heap,libparse.so+0x1443,",
			 "[truncated],insufficient,0.000,0,,");
	assert_line_ends(text, "heap,server+0x6554,", "server+0x4332,,,,,");
	assert_line_ends(text, "ledger,rss,", ",,,,,,,,,");
	free(text);
	drop(&making);
}

static void
several_processes_have_their_name_last(void **state)
{
	struct making making = make(3);
	char *text;

	(void)state;
	/* Borrowed by the reports only. */
	making.made->part.history->snapshots[2]->header.host = "a,b";
	text = csv_of(&making, 2);
	assert_line(text, "kind,", FIXED TREND ",process");
	assert_line_ends(text, "heap,server+0x2110,",
			 ",,,,,\"pid 1234 on a,b since 2023-11-14 22:13:20 "
			 "UTC\"");
	assert_line_ends(text, "ledger,rss,",
			 ",\"pid 1234 on a,b since 2023-11-14 22:13:20 UTC\"");
	/* The second process's rows. */
	assert_non_null(strstr(strstr(text, "\nledger,unexplained,"),
			       "\nheap,server+0x2110,"));
	free(text);
	drop(&making);
}

static void
what_is_suppressed_or_accepted_is_one_row_each(void **state)
{
	struct making making = make(2);
	struct row *rows = making.made->part.diff->rows;
	char *text;

	(void)state;
	rows[0].fate = FATE_SUPPRESSED;
	rows[1].fate = FATE_ACCEPTED;
	rows[2].fate = FATE_SUPPRESSED;
	rows[3].fate = FATE_SMALL;
	text = csv_of(&making, 1);
	assert_line(text, "heap,[suppressed]",
		    "heap,[suppressed],9437184,9000,1114112,10551296,1001,"
		    "10001,11534336,11000,2097152,2000,,,,[suppressed]");
	assert_line_ends(text, "heap,[accepted by the baseline],1048576,1024,",
			 ",,,,[accepted by the baseline]");
	assert_null(strstr(text, "heap,[below"));
	assert_null(strstr(text, "thread,["));
	free(text);
	drop(&making);
}

static void
integers_are_whole(void **state)
{
	static const int64_t values[] = { 0, -1, 10, INT64_MAX, INT64_MIN };
	struct strbuf line = { 0 };

	(void)state;
	csv_add_integers(&line, values, 5);
	assert_string_equal(strbuf_text(&line), ",0,-1,10,9223372036854775807,"
						"-9223372036854775808");
	strbuf_release(&line);
}

static void
fields_are_quoted_as_rfc_4180_says(void **state)
{
	static const char *const fields[][2] = {
		{ "plain text", "plain text" },
		{ "a,b", "\"a,b\"" },
		{ "say \"no\"", "\"say \"\"no\"\"\"" },
		{ "\"", "\"\"\"\"" },
		{ "two\nlines", "\"two\nlines\"" },
		{ "\r", "\"\r\"" },
		{ "", "" },
		/* Readers refuse a whole file for one byte of no text. */
		{ "bad\xff, gr\xc3\xbc\xc3", "\"bad?, gr\xc3\xbc?\"" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		struct strbuf line = { 0 };

		csv_add_field(&line, fields[i][0]);
		assert_string_equal(strbuf_text(&line), fields[i][1]);
		strbuf_release(&line);
	}
}

static void
frames_that_are_no_text_are_repaired(void **state)
{
	const struct symbol symbol = { .function = "f\xe2\x82;\xc3\xbc" };
	const struct module module = { .path = "/x\xff" };
	struct stack_frame frame = { .symbol = &symbol, .module = &module };
	const struct stack stack = { .frames = &frame, .count = 1 };
	struct strbuf line = { 0 };
	struct strbuf scratch = { 0 };

	(void)state;
	csv_add_place(&line, &scratch, &stack);
	assert_string_equal(strbuf_text(&line), ",,,/x?,\"f??,\xc3\xbc\"");
	strbuf_release(&line);
	strbuf_release(&scratch);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			one_and_two_snapshots_have_the_fixed_columns_alone),
		cmocka_unit_test(three_have_a_verdict_in_rows_that_were_judged),
		cmocka_unit_test(several_processes_have_their_name_last),
		cmocka_unit_test(
			what_is_suppressed_or_accepted_is_one_row_each),
		cmocka_unit_test(integers_are_whole),
		cmocka_unit_test(fields_are_quoted_as_rfc_4180_says),
		cmocka_unit_test(frames_that_are_no_text_are_repaired),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
