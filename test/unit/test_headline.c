/* Why resident memory grew, in a sentence whose numbers add up. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../analyzer/format.h"
#include "../../analyzer/headline_resident.h"
#include "../../analyzer/report_trend.h"

#define MIB (INT64_C(1) << 20)

/* A diff of nothing but a ledger. */
struct scene {
	struct diff diff;
	struct row rows[LEDGER_LINE_COUNT];
	struct model before;
};

/* Without RSS, which is the sum. */
struct change {
	int64_t now[LEDGER_LINE_COUNT];
	int64_t before[LEDGER_LINE_COUNT];
};

static void
set_up(struct scene *scene, const struct change *change, bool is_single)
{
	struct row *rss = &scene->rows[LEDGER_rss];
	unsigned int line;

	memset(scene, 0, sizeof(*scene));
	scene->diff.same_process = true;
	scene->diff.rows = scene->rows;
	scene->diff.old_model = is_single ? NULL : &scene->before;
	scene->diff.count[ROW_LEDGER] = LEDGER_LINE_COUNT;
	for (line = 0; line < LEDGER_LINE_COUNT; line++) {
		struct row *row = &scene->rows[line];

		row->kind = ROW_LEDGER;
		row->line = (enum ledger_line)line;
		if (line == LEDGER_rss)
			continue;
		row->live_new.bytes = change->now[line];
		row->live_old.bytes = change->before[line];
		row->delta.bytes = row->live_new.bytes - row->live_old.bytes;
		rss->live_new.bytes += row->live_new.bytes;
		rss->live_old.bytes += row->live_old.bytes;
		rss->delta.bytes += row->delta.bytes;
	}
	scene->diff.totals[ROW_LEDGER] = *rss;
}

static void
assert_sentence(const struct change *change, bool is_single,
		const char *expected)
{
	struct strbuf out = { 0 };
	struct scene scene;

	set_up(&scene, change, is_single);
	headline_resident(&out, &scene.diff);
	assert_string_equal(strbuf_text(&out), expected);
	strbuf_release(&out);
}

static void
growth_names_its_largest_parts(void **state)
{
	struct change change = {
		.now = { [LEDGER_live_heap] = 280 * MIB,
			 [LEDGER_allocator_retained] = 125 * MIB,
			 [LEDGER_thread_stacks] = 7 * MIB },
		.before = { [LEDGER_live_heap] = 100 * MIB,
			    [LEDGER_allocator_retained] = 100 * MIB },
	};

	(void)state;
	assert_sentence(&change, false,
			"RSS grew by 212.0 MiB: 180.0 MiB is live heap, 25.0 "
			"MiB is kept by the allocator, 7.0 MiB is thread "
			"stacks.\n");
	/* What shrank meanwhile, and what is too small to be named. */
	change.before[LEDGER_files] = 3 * MIB;
	change.now[LEDGER_shim] = MIB;
	change.now[LEDGER_unexplained] = MIB / 2;
	assert_sentence(&change, false,
			"RSS grew by 210.5 MiB: 180.0 MiB is live heap, 25.0 "
			"MiB is kept by the allocator, 7.0 MiB is thread "
			"stacks, less 3.0 MiB of files, 1.5 MiB is other.\n");
}

static void
shrinking_is_told_the_other_way_round(void **state)
{
	struct change change = {
		.now = { [LEDGER_thread_stacks] = 1 * MIB },
		.before = { [LEDGER_live_heap] = 8 * MIB,
			    [LEDGER_files] = 3 * MIB },
	};

	(void)state;
	assert_sentence(&change, false,
			"RSS shrank by 10.0 MiB: 8.0 MiB was live heap, 3.0 "
			"MiB was files, less 1.0 MiB of thread stacks.\n");
}

static void
rss_may_stay_while_the_heap_grows(void **state)
{
	struct change change = {
		.now = { [LEDGER_live_heap] = 20 * MIB },
		.before = { [LEDGER_live_heap] = 10 * MIB,
			    [LEDGER_allocator_retained] = 10 * MIB },
	};

	(void)state;
	assert_sentence(&change, false,
			"RSS stayed at 20.0 MiB, but not what it is: 10.0 MiB "
			"is live heap, less 10.0 MiB kept by the "
			"allocator.\n");
	change = (struct change){ .now = { [LEDGER_files] = MIB },
				  .before = { [LEDGER_files] = MIB } };
	assert_sentence(&change, false, "RSS stayed at 1.0 MiB.\n");
}

static void
one_snapshot_says_what_rss_is(void **state)
{
	const struct change change = {
		.now = { [LEDGER_live_heap] = 20 * MIB,
			 [LEDGER_direct_mmap] = 10 * MIB },
	};

	(void)state;
	assert_sentence(&change, true,
			"RSS is 30.0 MiB: 20.0 MiB is live heap, 10.0 MiB is "
			"mapped directly.\n");
}

static void
different_processes_are_not_subtracted(void **state)
{
	const struct change change = { .now = { [LEDGER_files] = MIB } };
	struct strbuf out = { 0 };
	struct scene scene;

	(void)state;
	set_up(&scene, &change, false);
	scene.diff.same_process = false;
	headline_resident(&out, &scene.diff);
	assert_string_equal(strbuf_text(&out), "");
	scene.diff.same_process = true;
	scene.diff.count[ROW_LEDGER] = 0;
	headline_resident(&out, &scene.diff);
	assert_string_equal(strbuf_text(&out), "");
	strbuf_release(&out);
}

/* The sum of all amounts that follow the ':', in tenths (of bytes, whole); a
 * part "less" is taken off. */
static int64_t
sum_of_parts(const char *text)
{
	int64_t sum = 0;

	while (*text) {
		bool is_less = strncmp(text, "less ", 5) == 0;
		char *end;
		int64_t value;

		if (is_less)
			text += 5;
		value = (int64_t)strtoll(text, &end, 10);
		if (*end == '.')
			value = value * 10 + (end[1] - '0');
		sum += is_less ? -value : value;
		text = strstr(text, ", ");
		if (!text)
			break;
		text += 2;
	}
	return sum;
}

static int64_t
random_bytes(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (int64_t)(*seed >> 33) >> (*seed >> 20) % 31;
}

static void
parts_add_up_as_they_are_printed(void **state)
{
	uint64_t seed = 7;
	unsigned int round, line, told = 0;

	(void)state;
	for (round = 0; round < 5000; round++) {
		struct change change = { { 0 }, { 0 } };
		struct strbuf out = { 0 };
		struct scene scene;
		const char *parts, *by;
		int64_t total;

		for (line = 1; line < LEDGER_LINE_COUNT; line++) {
			change.now[line] = random_bytes(&seed);
			change.before[line] = random_bytes(&seed);
		}
		set_up(&scene, &change, false);
		headline_resident(&out, &scene.diff);
		parts = strstr(strbuf_text(&out), ": ");
		by = strstr(strbuf_text(&out), " by ");
		if (parts && by) {
			char *end;

			total = strtoll(by + 4, &end, 10);
			if (*end == '.')
				total = total * 10 + (end[1] - '0');
			assert_int_equal(sum_of_parts(parts + 2), total);
			told++;
		}
		strbuf_release(&out);
	}
	assert_true(told > 4000);
}

/* All there is has a name here: the amounts alone do not add up. */
static void
rounding_is_not_told_as_other_memory(void **state)
{
	const struct change up = {
		.now = { [LEDGER_live_heap] = 366 * 1024,
			 [LEDGER_allocator_retained] = 88 * 1024,
			 [LEDGER_direct_mmap] = 117 * MIB + 256 * 1024,
			 [LEDGER_shim] = 870 * 1024 },
	};
	const struct change down = {
		.now = { [LEDGER_live_heap] = 148 * 1024,
			 [LEDGER_files] = 148 * 1024,
			 [LEDGER_shim] = 2 * MIB + 48 * 1024 },
	};

	(void)state;
	assert_sentence(&up, true,
			"RSS is 118.5 MiB: 117.2 MiB is mapped directly, "
			"0.8 MiB is leakshim itself, 0.4 MiB is live heap, "
			"0.1 MiB is kept by the allocator.\n");
	assert_sentence(&down, true,
			"RSS is 2.3 MiB: 2.1 MiB is leakshim itself, 0.1 MiB "
			"is live heap, 0.1 MiB is files.\n");
}

/* It is on the line before as well, as it is: 1.74 MiB. */
static void
live_heap_takes_no_rounding(void **state)
{
	struct change change = {
		.now = { [LEDGER_live_heap] = 1782 * 1024,
			 [LEDGER_files] = 338 * 1024,
			 [LEDGER_shim] = 338 * 1024 },
	};

	(void)state;
	assert_sentence(&change, false,
			"RSS grew by 2.4 MiB: 1.7 MiB is live heap, 0.4 MiB "
			"is files, 0.3 MiB is leakshim itself.\n");
	/* Where it is all that is named. */
	change.now[LEDGER_files] = 40 * 1024;
	change.now[LEDGER_shim] = 0;
	assert_sentence(&change, false,
			"RSS grew by 1.8 MiB: 1.7 MiB is live heap, 0.1 MiB "
			"is other.\n");
}

/* --- the numbers themselves ------------------------------------------------- */

static void
amounts_of_one_unit_are_as_alone(void **state)
{
	static const int64_t sizes[] = { 0,       1,       1023,
					 1024,    -1536,   1048525,
					 1048524, 5 * MIB, INT64_MAX };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct strbuf alone = { 0 }, amount = { 0 };
		unsigned int unit = format_unit_of(sizes[i]);

		format_bytes(&alone, sizes[i], false);
		format_amount(&amount, format_in_unit(sizes[i], unit), unit);
		assert_string_equal(strbuf_text(&alone), strbuf_text(&amount));
		strbuf_release(&alone);
		strbuf_release(&amount);
	}
}

static void
rates_and_times_may_be_any_number(void **state)
{
	static const struct {
		double value;
		const char *byte_rate;
		const char *rate;
		const char *hours;
	} cases[] = {
		{ 0, "0 B/h", "0/h", "0.0 s" },
		{ 2, "+2 B/h", "+2/h", "2 h" },
		{ 3.4, "+3 B/h", "+3.4/h", "3 h 24 min" },
		{ -0.5, "-1 B/h", "-0.5/h", "0.0 s" },
		{ 12.6, "+13 B/h", "+13/h", "12 h 36 min" },
		{ 48, "+48 B/h", "+48/h", "2 d" },
		{ -2e300, "-4.0 EiB/h", "-4,611,686,018,427,387,904/h",
		  "0.0 s" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct strbuf out = { 0 };

		format_byte_rate(&out, cases[i].value, true);
		assert_string_equal(strbuf_text(&out), cases[i].byte_rate);
		strbuf_clear(&out);
		format_rate(&out, cases[i].value, true);
		assert_string_equal(strbuf_text(&out), cases[i].rate);
		strbuf_clear(&out);
		format_hours(&out, cases[i].value);
		assert_string_equal(strbuf_text(&out), cases[i].hours);
		strbuf_release(&out);
	}
}

/* Two, and after a long time eight, of a straight line: each column is as much
 * of the time. */
static void
series_are_drawn_by_time(void **state)
{
	static const uint64_t seconds[] = { 0,   4,   270, 274, 277,
					    281, 284, 288, 291, 294 };
	struct amount points[10];
	struct history history = { .point_count = 10 };
	const struct diff diff = { .history = &history, .point_count = 10 };
	const struct row row = { .points = points };
	struct page page = { .utf8 = false };
	size_t i;

	(void)state;
	for (i = 0; i < 10; i++) {
		history.times_ns[i] = seconds[i] * 1000000000;
		points[i].bytes = (int64_t)seconds[i];
	}
	report_trend_series(&page, &diff, &row);
	assert_string_equal(strbuf_text(&page.text), "  [_.::-=++*#]");
	strbuf_clear(&page.text);
	/* Even points are shown as they are. */
	for (i = 0; i < 10; i++)
		history.times_ns[i] = i * 1000000000;
	report_trend_series(&page, &diff, &row);
	assert_string_equal(strbuf_text(&page.text), "  [__*#######]");
	strbuf_release(&page.text);
}

/* 1022.3 MiB/h and 1.0 GiB/h can't be compared. */
static void
ends_of_an_interval_have_one_unit(void **state)
{
	static const struct {
		double rate, low, high;
		const char *text;
	} cases[] = {
		{ 1024.4 * (double)MIB, 1022.3 * (double)MIB,
		  1030.0 * (double)MIB,
		  "1024.4 MiB/h, 1022.3 MiB/h, 1030.0 MiB/h" },
		{ 12.3 * (double)MIB, 11.9 * (double)MIB, 12.8 * (double)MIB,
		  "12.3 MiB/h, 11.9 MiB/h, 12.8 MiB/h" },
		{ 9.9 * 1024 * (double)MIB, 900.0 * (double)MIB,
		  12000.0 * (double)MIB, "9.9 GiB/h, 0.9 GiB/h, 11.7 GiB/h" },
		{ 2 * (double)MIB, -3, 2048.0 * (double)MIB,
		  "2.0 MiB/h, 0.0 MiB/h, 2048.0 MiB/h" },
		{ 0, 0, 20 * (double)MIB, "0.0 MiB/h, 0.0 MiB/h, 20.0 MiB/h" },
		{ 300, 200, 400, "300 B/h, 200 B/h, 400 B/h" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned int unit = format_unit_of_interval(
			cases[i].rate, cases[i].low, cases[i].high);
		struct strbuf out = { 0 };

		format_byte_rate_in(&out, cases[i].rate, false, unit);
		strbuf_adds(&out, ", ");
		format_byte_rate_in(&out, cases[i].low, false, unit);
		strbuf_adds(&out, ", ");
		format_byte_rate_in(&out, cases[i].high, false, unit);
		assert_string_equal(strbuf_text(&out), cases[i].text);
		strbuf_release(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(growth_names_its_largest_parts),
		cmocka_unit_test(shrinking_is_told_the_other_way_round),
		cmocka_unit_test(rss_may_stay_while_the_heap_grows),
		cmocka_unit_test(one_snapshot_says_what_rss_is),
		cmocka_unit_test(different_processes_are_not_subtracted),
		cmocka_unit_test(parts_add_up_as_they_are_printed),
		cmocka_unit_test(live_heap_takes_no_rounding),
		cmocka_unit_test(rounding_is_not_told_as_other_memory),
		cmocka_unit_test(amounts_of_one_unit_are_as_alone),
		cmocka_unit_test(ends_of_an_interval_have_one_unit),
		cmocka_unit_test(series_are_drawn_by_time),
		cmocka_unit_test(rates_and_times_may_be_any_number),
	};

	return cmocka_run_group_tests_name("headline", tests, NULL, NULL);
}
