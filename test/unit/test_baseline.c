/* Baselines: what they accept, for how long, and how they are written. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../analyzer/baseline.h"
#include "../../analyzer/site_id.h"
#include "../../analyzer/textfile.h"
#include "named.h"

#define KIB 1024

static int64_t
day(const char *text)
{
	int64_t result = -1;

	assert_true(baseline_day_of(text, &result));
	return result;
}

static void
days_are_those_of_the_calendar(void **state)
{
	static const char *const bad[] = {
		"",           "2026-02-29", "2026-13-01",  "2026-00-01",
		"2026-1-1",   "2026-11-31", "2026-11-20x", "20261120",
		"2026-11-00", "-026-11-20",
	};
	int64_t unused;
	size_t i;

	(void)state;
	assert_int_equal(day("1970-01-01"), 0);
	assert_int_equal(day("1970-01-02"), 1);
	assert_int_equal(day("2026-11-20"), 20777);
	assert_int_equal(day("2028-02-29"), 21243);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(baseline_day_of(bad[i], &unused));
}

/* --- reading ---------------------------------------------------------------- */

static struct baseline *
parse(const char *text, struct err *err)
{
	return baseline_parse("b.json", text, strlen(text), err);
}

#define ENTRY(rest)                                                            \
	"{\"schema_version\": 1, \"accepted\": ["                              \
	"{\"site\": \"00000000000000ab\", " rest "}]}"

static void
bad_files_are_refused_by_their_entry(void **state)
{
	static const struct {
		const char *text;
		enum err_code code;
		const char *message;
	} bad[] = {
		{ "", ERR_CORRUPT, "baseline 'b.json', line 1: " },
		{ "[]", ERR_FOREIGN,
		  "'b.json' is no baseline: it has no \"schema_version\"" },
		{ "{\"schema_version\": 2, \"accepted\": []}", ERR_VERSION,
		  "baseline 'b.json' has schema version 2, this leakdiff "
		  "knows 1" },
		{ "{\"schema_version\": 1}", ERR_CORRUPT,
		  "baseline 'b.json': \"accepted\" is no array" },
		{ "{\"schema_version\": 1, \"schema_version\": 1}", ERR_CORRUPT,
		  "baseline 'b.json', line 1: duplicate object "
		  "key" },
		{ "{\"schema_version\": 1, \"accepted\": [3]}", ERR_CORRUPT,
		  "baseline 'b.json': entry 1: not an object" },
		{ "{\"schema_version\": 1, \"accepted\": [{\"site\": "
		  "\"xyz\"}]}",
		  ERR_CORRUPT,
		  "baseline 'b.json': entry 1: \"site\" is not 16 "
		  "hexadecimal digits" },
		{ ENTRY("\"expires\": \"2030-01-01\""), ERR_CORRUPT,
		  "baseline 'b.json': entry 1: it accepts nothing: add "
		  "\"bytes\", \"bytes_per_hour\" or \"threads\"" },
		{ ENTRY("\"bytes\": -1"), ERR_CORRUPT,
		  "baseline 'b.json': entry 1: a size is a whole number" },
		{ ENTRY("\"bytes\": 1.5"), ERR_CORRUPT,
		  "baseline 'b.json': entry 1: a size is a whole number" },
		{ ENTRY("\"bytes\": 1"), ERR_CORRUPT,
		  "baseline 'b.json': entry 1: \"expires\" is not a day such "
		  "as 2027-02-18" },
		{ ENTRY("\"bytes\": 1, \"expires\": \"2026-02-30\""),
		  ERR_CORRUPT,
		  "baseline 'b.json': entry 1: \"expires\" is not a day such "
		  "as 2027-02-18" },
		{ ENTRY("\"bytes\": 1, \"expires\": \"2030-01-01\"}, "
			"{\"site\": \"00000000000000ab\", \"bytes\": 2, "
			"\"expires\": \"2030-01-01\""),
		  ERR_CORRUPT,
		  "baseline 'b.json': two entries for site "
		  "00000000000000ab" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = { 0 };

		assert_null(parse(bad[i].text, &err));
		assert_memory_equal(err.text, bad[i].message,
				    strlen(bad[i].message));
		assert_int_equal(err.code, bad[i].code);
	}
}

static void
files_are_bounded(void **state)
{
	struct strbuf text = { 0 };
	struct err err = { 0 };
	size_t i;

	(void)state;
	strbuf_adds(&text, "{\"schema_version\": 1, \"accepted\": [");
	for (i = 0; i <= BASELINE_ENTRIES_MAX; i++)
		strbuf_addf(&text,
			    "%s{\"site\":\"%016zx\",\"bytes\":1,"
			    "\"expires\":\"2030-01-01\"}",
			    i ? "," : "", i);
	strbuf_adds(&text, "]}");
	assert_null(parse(strbuf_text(&text), &err));
	assert_int_equal(err.code, ERR_TOO_LARGE);
	while (text.len <= BASELINE_BYTES)
		strbuf_adds(&text, "                                ");
	err.code = ERR_NONE;
	assert_null(parse(strbuf_text(&text), &err));
	assert_int_equal(err.code, ERR_TOO_LARGE);
	/* Nested without end. */
	strbuf_clear(&text);
	for (i = 0; i < 1000000; i++)
		strbuf_addc(&text, '[');
	assert_null(parse(strbuf_text(&text), &err));
	strbuf_release(&text);
}

/* --- accepting -------------------------------------------------------------- */

static const struct named_site before[] = {
	{ "leaks@app < main@app", 1, 100 * KIB, false },
	{ "other@app < main@app", 1, 100 * KIB, false },
	{ "spawn@app < main@app", 1, 0, true },
	{ 0 },
};
static const struct named_site after[] = {
	{ "leaks@app < main@app", 2, 200 * KIB, false },
	{ "other@app < main@app", 2, 150 * KIB, false },
	{ "spawn@app < main@app", 3, 0, true },
	{ 0 },
};

/* An hour between. */
static struct comparison *
grown(void)
{
	struct model *models[] = {
		named_model(1, 10, before, NULL),
		named_model(2, 3610, after, NULL),
	};

	return named_study(models, 2);
}

static void
id_of(const struct comparison *made, const char *function,
      char text[SITE_ID_BYTES])
{
	struct stack stack = { 0 };

	site_id_format(text,
		       site_id_of_row(made->study.atlas, made->study.resolver,
				      named_row(made, function), &stack));
	stack_release(&stack);
}

/* The fate of a site's row under one entry for it. */
static enum row_fate
fate_under(const char *function, const char *amount, const char *expires)
{
	struct comparison *made = grown();
	struct strbuf text = { 0 };
	struct baseline *baseline;
	char id[SITE_ID_BYTES];
	enum row_fate fate;
	struct err err;

	id_of(made, function, id);
	strbuf_addf(&text,
		    "{\"schema_version\": 1, \"accepted\": [{\"site\": "
		    "\"%s\", %s, \"expires\": \"%s\"}]}",
		    id, amount, expires);
	baseline = parse(strbuf_text(&text), &err);
	assert_non_null(baseline);
	baseline_apply(baseline, made->part.diff, made->study.atlas,
		       made->study.resolver, day("2026-11-20"));
	fate = named_row(made, function)->fate;
	assert_int_equal(named_row(made, "other")->fate,
			 strcmp(function, "other") == 0 ? fate : FATE_LISTED);
	baseline_free(baseline);
	strbuf_release(&text);
	named_free(made);
	return fate;
}

static void
growth_is_accepted_up_to_its_size_and_a_tenth(void **state)
{
	static const char far[] = "2030-01-01";

	(void)state;
	/* 102,400 bytes of growth. */
	assert_int_equal(fate_under("leaks", "\"bytes\": 102400", far),
			 FATE_ACCEPTED);
	assert_int_equal(fate_under("leaks", "\"bytes\": 93091", far),
			 FATE_ACCEPTED);
	assert_int_equal(fate_under("leaks", "\"bytes\": 93090", far),
			 FATE_LISTED);
	assert_int_equal(fate_under("leaks", "\"bytes\": 0", far), FATE_LISTED);
	assert_int_equal(fate_under("leaks", "\"bytes_per_hour\": 102400", far),
			 FATE_ACCEPTED);
	assert_int_equal(fate_under("leaks", "\"bytes_per_hour\": 90000", far),
			 FATE_LISTED);
	/* Of two both have to hold. */
	assert_int_equal(fate_under("leaks",
				    "\"bytes\": 999999, "
				    "\"bytes_per_hour\": 90000",
				    far),
			 FATE_LISTED);
	/* Two threads were added, and one is not enough for them. */
	assert_int_equal(fate_under("spawn", "\"threads\": 2", far),
			 FATE_ACCEPTED);
	assert_int_equal(fate_under("spawn", "\"threads\": 1", far),
			 FATE_LISTED);
	assert_int_equal(fate_under("spawn", "\"bytes\": 999999999", far),
			 FATE_LISTED);
}

static void
entry_holds_through_its_last_day(void **state)
{
	(void)state;
	assert_int_equal(fate_under("leaks", "\"bytes\": 102400", "2026-11-20"),
			 FATE_ACCEPTED);
	assert_int_equal(fate_under("leaks", "\"bytes\": 102400", "2026-11-19"),
			 FATE_LISTED);
}

static struct baseline *
accept_all(const struct comparison *made)
{
	struct err err;
	struct baseline *baseline =
		baseline_load("/nonexistent/b.json", true, &err);

	assert_non_null(baseline);
	baseline_accept(baseline, made->part.diff, made->study.atlas,
			made->study.resolver, 20000);
	return baseline;
}

static void
suppressed_rows_stay_suppressed(void **state)
{
	struct comparison *made = grown();
	struct baseline *baseline = accept_all(made);

	(void)state;
	named_row(made, "leaks")->fate = FATE_SUPPRESSED;
	baseline_apply(baseline, made->part.diff, made->study.atlas,
		       made->study.resolver, 20000);
	assert_int_equal(named_row(made, "leaks")->fate, FATE_SUPPRESSED);
	assert_int_equal(named_row(made, "other")->fate, FATE_ACCEPTED);
	assert_int_equal(named_row(made, "spawn")->fate, FATE_ACCEPTED);
	baseline_free(baseline);
	named_free(made);
}

static void
suppressed_rows_need_no_entry(void **state)
{
	struct comparison *made = grown();
	struct baseline *baseline;

	(void)state;
	named_row(made, "leaks")->fate = FATE_SUPPRESSED;
	baseline = accept_all(made);
	named_row(made, "leaks")->fate = FATE_LISTED;
	baseline_apply(baseline, made->part.diff, made->study.atlas,
		       made->study.resolver, 20000);
	assert_int_equal(named_row(made, "leaks")->fate, FATE_LISTED);
	assert_int_equal(named_row(made, "other")->fate, FATE_ACCEPTED);
	baseline_free(baseline);
	named_free(made);
}

static void
expired_and_unmatched_entries_are_told(void **state)
{
	struct comparison *made = grown();
	struct strbuf text = { 0 }, lines = { 0 };
	struct baseline *baseline;
	char id[SITE_ID_BYTES];
	struct err err;

	(void)state;
	id_of(made, "leaks", id);
	strbuf_addf(&text,
		    "{\"schema_version\": 1, \"accepted\": ["
		    "{\"site\": \"%s\", \"function\": \"leaks\", \"bytes\": "
		    "102400, \"expires\": \"2026-11-19\"},"
		    "{\"site\": \"00000000000000ab\", \"function\": "
		    "\"gone\\u001b\", \"bytes\": 1, \"expires\": "
		    "\"2030-01-01\"}]}",
		    id);
	baseline = parse(strbuf_text(&text), &err);
	assert_non_null(baseline);
	baseline_apply(baseline, made->part.diff, made->study.atlas,
		       made->study.resolver, day("2026-11-20"));
	baseline_tell(baseline, day("2026-11-20"), &lines);
	strbuf_clear(&text);
	strbuf_addf(&text,
		    "warning: baseline 'b.json': leaks (site %s) was accepted "
		    "until 2026-11-19: it counts again\n"
		    "note: baseline 'b.json': nothing grows any more at "
		    "gone\\x1b (site 00000000000000ab)\n",
		    id);
	assert_string_equal(strbuf_text(&lines), strbuf_text(&text));
	strbuf_release(&text);
	strbuf_release(&lines);
	baseline_free(baseline);
	named_free(made);
}

/* Old entries expire together; the report is what people came for. */
static void
three_expired_entries_are_told_one_by_one(void **state)
{
	struct strbuf text = { 0 }, lines = { 0 };
	struct baseline *baseline;
	const char *line;
	size_t count = 0;
	struct err err;
	unsigned int i;

	(void)state;
	strbuf_adds(&text, "{\"schema_version\": 1, \"accepted\": [");
	for (i = 0; i < 5; i++)
		strbuf_addf(&text,
			    "%s{\"site\": \"%016x\", \"bytes\": 1, "
			    "\"expires\": \"2026-11-19\"}",
			    i ? "," : "", i + 1);
	strbuf_adds(&text, "]}");
	baseline = parse(strbuf_text(&text), &err);
	assert_non_null(baseline);
	baseline_tell(baseline, day("2026-11-20"), &lines);
	for (line = strbuf_text(&lines);
	     (line = strstr(line, "it counts again\n")); line++)
		count++;
	assert_int_equal(count, 3);
	assert_non_null(strstr(strbuf_text(&lines), "\nwarning: ... and 2 "
						    "more\n"));
	strbuf_release(&text);
	strbuf_release(&lines);
	baseline_free(baseline);
}

/* --- writing ---------------------------------------------------------------- */

static char directory[] = "/tmp/test_baseline.XXXXXX";
static char file[sizeof(directory) + 16];

static int
make_directory(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/test_baseline.XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	snprintf(file, sizeof(file), "%s/b.json", directory);
	return 0;
}

static int
remove_directory(void **state)
{
	(void)state;
	unlink(file);
	return rmdir(directory);
}

static void
put(const char *text)
{
	FILE *stream = fopen(file, "w");

	assert_non_null(stream);
	assert_true(fputs(text, stream) >= 0);
	assert_int_equal(fclose(stream), 0);
}

static char *
get(void)
{
	struct strbuf text = { 0 };
	struct err err;

	assert_int_equal(textfile_read(file, BASELINE_BYTES, &text, NULL, &err),
			 0);
	return strbuf_detach(&text);
}

static void
write_it(const struct comparison *made, const char *today)
{
	struct err err;
	struct baseline *baseline = baseline_load(file, true, &err);

	assert_non_null(baseline);
	baseline_accept(baseline, made->part.diff, made->study.atlas,
			made->study.resolver, day(today));
	assert_int_equal(baseline_write(baseline, &err), 0);
	baseline_free(baseline);
}

static void
what_is_written_accepts_what_was_seen(void **state)
{
	struct comparison *made = grown();
	struct strbuf lines = { 0 };
	struct baseline *baseline;
	struct err err;
	char *text;

	(void)state;
	write_it(made, "2026-11-20");
	text = get();
	assert_non_null(strstr(text, "\"function\": \"leaks\""));
	assert_non_null(strstr(text, "\"module\": \"app\""));
	assert_non_null(strstr(text, "\"bytes\": 102400"));
	assert_non_null(strstr(text, "\"bytes\": 51200"));
	assert_non_null(strstr(text, "\"threads\": 2"));
	/* Ninety days on. */
	assert_non_null(strstr(text, "\"expires\": \"2027-02-18\""));
	free(text);
	baseline = baseline_load(file, false, &err);
	assert_non_null(baseline);
	baseline_apply(baseline, made->part.diff, made->study.atlas,
		       made->study.resolver, day("2027-02-18"));
	assert_int_equal(named_row(made, "leaks")->fate, FATE_ACCEPTED);
	assert_int_equal(named_row(made, "other")->fate, FATE_ACCEPTED);
	assert_int_equal(named_row(made, "spawn")->fate, FATE_ACCEPTED);
	baseline_tell(baseline, day("2027-02-18"), &lines);
	assert_string_equal(strbuf_text(&lines), "");
	strbuf_release(&lines);
	baseline_free(baseline);
	named_free(made);
}

static void
writing_again_keeps_what_people_wrote(void **state)
{
	struct comparison *made = grown();
	struct strbuf text = { 0 };
	char id[SITE_ID_BYTES];
	char *written;

	(void)state;
	id_of(made, "leaks", id);
	strbuf_addf(&text,
		    "{\"schema_version\": 1, \"team\": \"storage\", "
		    "\"accepted\": [{\"site\": \"%s\", \"reason\": \"ticket "
		    "7\", \"owner\": \"me\", \"bytes\": 5, \"expires\": "
		    "\"2026-12-24\"}, {\"site\": \"00000000000000ab\", "
		    "\"reason\": \"another test's\", \"bytes\": 1, "
		    "\"expires\": \"2026-12-25\"}]}",
		    id);
	put(strbuf_text(&text));
	write_it(made, "2026-11-20");
	written = get();
	assert_non_null(strstr(written, "\"team\": \"storage\""));
	assert_non_null(strstr(written, "\"reason\": \"ticket 7\""));
	assert_non_null(strstr(written, "\"owner\": \"me\""));
	assert_non_null(strstr(written, "\"expires\": \"2026-12-24\""));
	assert_non_null(strstr(written, "\"reason\": \"another test's\""));
	/* What no longer suffices is raised, and other sites are added. */
	assert_non_null(strstr(written, "\"bytes\": 102400"));
	assert_non_null(strstr(written, "\"function\": \"other\""));
	free(written);
	strbuf_release(&text);
	named_free(made);
}

static void
size_that_suffices_is_not_touched(void **state)
{
	struct comparison *made = grown();
	struct strbuf text = { 0 };
	char id[SITE_ID_BYTES];
	char *written;

	(void)state;
	id_of(made, "leaks", id);
	strbuf_addf(&text,
		    "{\"schema_version\": 1, \"accepted\": [{\"site\": "
		    "\"%s\", \"bytes\": 100000, \"expires\": "
		    "\"2026-12-24\"}]}",
		    id);
	put(strbuf_text(&text));
	write_it(made, "2026-11-20");
	written = get();
	assert_non_null(strstr(written, "\"bytes\": 100000"));
	free(written);
	strbuf_release(&text);
	named_free(made);
}

static void
file_that_was_edited_meanwhile_is_left_alone(void **state)
{
	struct comparison *made = grown();
	struct baseline *baseline;
	struct err err;
	char *text;

	(void)state;
	baseline = baseline_load(file, true, &err);
	assert_non_null(baseline);
	put("{}");
	assert_int_equal(baseline_write(baseline, &err), -1);
	assert_int_equal(err.code, ERR_WRITE);
	text = get();
	assert_string_equal(text, "{}");
	free(text);
	baseline_free(baseline);
	named_free(made);
}

/* A file that could not be read again is none. */
static void
more_than_can_be_read_is_not_written(void **state)
{
	struct comparison *made = grown();
	struct strbuf text = { 0 };
	struct baseline *baseline;
	struct err err;
	size_t i;

	(void)state;
	strbuf_adds(&text, "{\"schema_version\": 1, \"accepted\": [");
	for (i = 0; i < BASELINE_ENTRIES_MAX; i++)
		strbuf_addf(&text,
			    "%s{\"site\":\"%016zx\",\"bytes\":1,"
			    "\"expires\":\"2030-01-01\"}",
			    i ? "," : "", i);
	strbuf_adds(&text, "]}");
	put(strbuf_text(&text));
	baseline = baseline_load(file, true, &err);
	assert_non_null(baseline);
	baseline_accept(baseline, made->part.diff, made->study.atlas,
			made->study.resolver, 20000);
	assert_int_equal(baseline_write(baseline, &err), -1);
	assert_int_equal(err.code, ERR_TOO_LARGE);
	baseline_free(baseline);
	strbuf_release(&text);
	named_free(made);
}

/* With three or more snapshots a rate is accepted, of what leaks alone. */
static void
leaks_are_accepted_by_their_rate(void **state)
{
	static struct named_site series[30][3];
	struct model *models[30];
	struct comparison *made;
	struct baseline *baseline;
	struct err err;
	char *text;
	size_t i;

	(void)state;
	for (i = 0; i < 30; i++) {
		series[i][0] = (struct named_site){ "leaks@app < main@app",
						    100 + i * 10,
						    10000 + i * 60 * KIB,
						    false };
		series[i][1] = (struct named_site){ "steady@app < main@app",
						    100 + (i > 0), 4096,
						    false };
		models[i] = named_model(i + 1, 60 * (i + 1), series[i], NULL);
	}
	made = named_study(models, 30);
	write_it(made, "2026-11-20");
	text = get();
	assert_non_null(strstr(text, "\"bytes_per_hour\": 3686400"));
	assert_null(strstr(text, "\"bytes\""));
	assert_null(strstr(text, "steady"));
	free(text);
	baseline = baseline_load(file, false, &err);
	assert_non_null(baseline);
	baseline_apply(baseline, made->part.diff, made->study.atlas,
		       made->study.resolver, day("2026-11-20"));
	assert_int_equal(named_row(made, "leaks")->fate, FATE_ACCEPTED);
	named_row(made, "leaks")->fate = FATE_LISTED;
	named_row(made, "leaks")->verdict.bytes_per_hour *= 2;
	named_row(made, "leaks")->verdict.bytes_per_hour_low *= 2;
	baseline_apply(baseline, made->part.diff, made->study.atlas,
		       made->study.resolver, day("2026-11-20"));
	assert_int_equal(named_row(made, "leaks")->fate, FATE_LISTED);
	baseline_free(baseline);
	named_free(made);
}

/* --- rates ------------------------------------------------------------------ */

/* What a profile is: it knows the moment it was taken, if at all. */
static struct model *
profile(uint64_t moment_ns, const struct named_site *sites)
{
	struct model *model = named_model(1, 10, sites, NULL);

	model->origin = ORIGIN_PROFILE;
	model->header.start_monotonic_ns = 0;
	model->header.monotonic_ns = moment_ns;
	return model;
}

#define A_DAY_OF_2026 UINT64_C(1763640000000000000)

/* The fate of "leaks" in a study under an entry for so much by the hour, and
 * the lines that are told. */
static enum row_fate
fate_by_rate(struct comparison *take_made, int64_t per_hour,
	     struct strbuf *lines)
{
	struct strbuf text = { 0 };
	struct baseline *baseline;
	char id[SITE_ID_BYTES];
	enum row_fate fate;
	struct err err;

	id_of(take_made, "leaks", id);
	strbuf_addf(&text,
		    "{\"schema_version\": 1, \"accepted\": [{\"site\": "
		    "\"%s\", \"bytes_per_hour\": %lld, \"expires\": "
		    "\"2030-01-01\"}]}",
		    id, (long long)per_hour);
	baseline = parse(strbuf_text(&text), &err);
	assert_non_null(baseline);
	baseline_apply(baseline, take_made->part.diff, take_made->study.atlas,
		       take_made->study.resolver, 20000);
	baseline_tell(baseline, 20000, lines);
	fate = named_row(take_made, "leaks")->fate;
	baseline_free(baseline);
	strbuf_release(&text);
	named_free(take_made);
	return fate;
}

static const int64_t most_per_hour = INT64_C(9000000000000000);

static void
nothing_is_accepted_by_an_unknown_rate(void **state)
{
	struct strbuf lines = { 0 };
	struct model *models[2];

	(void)state;
	/* Since 1970 it would be a byte in four hours. */
	models[0] = profile(A_DAY_OF_2026, after);
	assert_int_equal(fate_by_rate(named_study(models, 1), most_per_hour,
				      &lines),
			 FATE_LISTED);
	assert_non_null(strstr(strbuf_text(&lines),
			       "note: baseline 'b.json': over no known time "
			       "nothing is accepted by the hour at site "));
	strbuf_clear(&lines);
	/* Of one moment, and of none. */
	models[0] = profile(A_DAY_OF_2026, before);
	models[1] = profile(A_DAY_OF_2026, after);
	assert_int_equal(fate_by_rate(named_study(models, 2), most_per_hour,
				      &lines),
			 FATE_LISTED);
	models[0] = profile(0, before);
	models[1] = profile(A_DAY_OF_2026, after);
	assert_int_equal(fate_by_rate(named_study(models, 2), most_per_hour,
				      &lines),
			 FATE_LISTED);
	strbuf_clear(&lines);
	/* An hour lies between: 102,400 bytes. */
	models[0] = profile(A_DAY_OF_2026, before);
	models[1] = profile(A_DAY_OF_2026 + UINT64_C(3600000000000), after);
	assert_int_equal(fate_by_rate(named_study(models, 2), 102400, &lines),
			 FATE_ACCEPTED);
	assert_string_equal(strbuf_text(&lines), "");
	models[0] = profile(A_DAY_OF_2026, before);
	models[1] = profile(A_DAY_OF_2026 + UINT64_C(3600000000000), after);
	assert_int_equal(fate_by_rate(named_study(models, 2), 90000, &lines),
			 FATE_LISTED);
	strbuf_release(&lines);
}

/* A verdict may have an interval without a lower end. */
static void
rate_without_a_lower_end_is_unknown(void **state)
{
	struct strbuf lines = { 0 };
	struct comparison *made = grown();
	struct verdict *verdict = &named_row(made, "leaks")->verdict;
	char *written;

	(void)state;
	made->part.diff->judged = true;
	verdict->kind = VERDICT_LEAK;
	verdict->bytes_per_hour = 1000;
	verdict->bytes_per_hour_low = -INFINITY;
	write_it(made, "2026-11-20");
	/* Bytes are known. */
	written = get();
	assert_non_null(strstr(written, "\"bytes\": 102400"));
	assert_null(strstr(written, "bytes_per_hour"));
	free(written);
	assert_int_equal(fate_by_rate(made, most_per_hour, &lines),
			 FATE_LISTED);
	strbuf_release(&lines);
}

static void
unknown_rate_raises_nothing(void **state)
{
	struct model *models[] = { profile(A_DAY_OF_2026, before),
				   profile(A_DAY_OF_2026, after) };
	struct comparison *made = named_study(models, 2);
	struct strbuf text = { 0 };
	char id[SITE_ID_BYTES];
	char *written;

	(void)state;
	id_of(made, "leaks", id);
	strbuf_addf(&text,
		    "{\"schema_version\": 1, \"accepted\": [{\"site\": "
		    "\"%s\", \"bytes_per_hour\": 5, \"expires\": "
		    "\"2030-01-01\"}]}",
		    id);
	put(strbuf_text(&text));
	write_it(made, "2026-11-20");
	written = get();
	assert_non_null(strstr(written, "\"bytes_per_hour\": 5,"));
	free(written);
	strbuf_release(&text);
	named_free(made);
}

/* --- anything ---------------------------------------------------------------- */

static uint64_t dice = 1;

static uint32_t
roll(uint32_t sides)
{
	dice = dice * UINT64_C(6364136223846793005) +
	       UINT64_C(1442695040888963407);
	return (uint32_t)(dice >> 33) % sides;
}

static double
any_number(void)
{
	static const double odd[] = {
		0,    -0.4,  0.4,   -1,     1e9,    -1e9,     9e15,      9.1e15,
		1e19, -1e19, 1e300, -1e300, 5e-324, INFINITY, -INFINITY, NAN,
	};
	return odd[roll(sizeof(odd) / sizeof(odd[0]))] * (1 + roll(2));
}

static int64_t
any_amount(void)
{
	static const int64_t odd[] = {
		0, 1, -1, 100000, -100000, INT64_MAX / 2, -(INT64_MAX / 2)
	};

	return odd[roll(sizeof(odd) / sizeof(odd[0]))];
}

static void
spoil(struct row *row)
{
	row->delta.bytes = any_amount();
	row->delta.objects = any_amount();
	row->verdict.kind =
		(enum verdict_kind)roll((uint32_t)VERDICT_KIND_COUNT);
	row->verdict.bytes_per_hour = any_number();
	row->verdict.bytes_per_hour_low = any_number();
	row->verdict.bytes_per_hour_high = any_number();
}

static void
whatever_is_written_is_read_again(void **state)
{
	unsigned int i, written = 0;

	(void)state;
	for (i = 0; i < 400; i++) {
		struct comparison *made = grown();
		struct baseline *baseline;
		struct err err = { 0 };

		made->part.diff->judged = roll(4) > 0;
		spoil(named_row(made, "leaks"));
		spoil(named_row(made, "other"));
		spoil(named_row(made, "spawn"));
		/* Some are written over what is there. */
		if (roll(3) == 0)
			unlink(file);
		write_it(made, "2026-11-20");
		baseline = baseline_load(file, false, &err);
		assert_string_equal(err.text, "");
		assert_non_null(baseline);
		baseline_apply(baseline, made->part.diff, made->study.atlas,
			       made->study.resolver, day("2026-11-20"));
		written += named_row(made, "leaks")->fate == FATE_ACCEPTED;
		baseline_free(baseline);
		named_free(made);
	}
	assert_true(written > 40);
}

#define WRITES(test)                                                           \
	cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(days_are_those_of_the_calendar),
		cmocka_unit_test(bad_files_are_refused_by_their_entry),
		cmocka_unit_test(files_are_bounded),
		cmocka_unit_test(growth_is_accepted_up_to_its_size_and_a_tenth),
		cmocka_unit_test(entry_holds_through_its_last_day),
		cmocka_unit_test(suppressed_rows_stay_suppressed),
		cmocka_unit_test(suppressed_rows_need_no_entry),
		cmocka_unit_test(expired_and_unmatched_entries_are_told),
		cmocka_unit_test(three_expired_entries_are_told_one_by_one),
		WRITES(what_is_written_accepts_what_was_seen),
		WRITES(writing_again_keeps_what_people_wrote),
		WRITES(size_that_suffices_is_not_touched),
		WRITES(file_that_was_edited_meanwhile_is_left_alone),
		WRITES(more_than_can_be_read_is_not_written),
		WRITES(leaks_are_accepted_by_their_rate),
		cmocka_unit_test(nothing_is_accepted_by_an_unknown_rate),
		WRITES(rate_without_a_lower_end_is_unknown),
		WRITES(unknown_rate_raises_nothing),
		WRITES(whatever_is_written_is_read_again),
	};

	return cmocka_run_group_tests_name("baseline", tests, NULL, NULL);
}
