/* Growth per unit of work. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../analyzer/facts.h"
#include "../../analyzer/history.h"
#include "../../analyzer/report_trend.h"
#include "../../analyzer/row.h"
#include "../../analyzer/trend.h"
#include "../../analyzer/work.h"

#define POINTS 20

static void
about(double value, double wanted, double share)
{
	if (fabs(value - wanted) > share * fabs(wanted))
		fail_msg("%g is not %g", value, wanted);
}

/* However unevenly in time, and whatever comes and goes beside it. */
static void
slope_is_what_a_unit_leaves(void **state)
{
	double units[POINTS];
	struct amount points[POINTS];
	struct work_rate rate;
	size_t i;

	(void)state;
	srandom(7);
	units[0] = 0;
	for (i = 0; i < POINTS; i++) {
		if (i)
			units[i] =
				units[i - 1] + 100 + (double)(random() % 900);
		points[i].objects = (int64_t)(3 * units[i]) + random() % 40;
		points[i].bytes = 1000000 + (int64_t)(3 * 64 * units[i]) +
				  random() % 4000;
	}
	work_rate_of("request", units, points, POINTS, &rate);
	assert_string_equal(rate.unit, "request");
	about(rate.bytes, 192, 0.05);
	about(rate.objects, 3, 0.05);
	assert_true(rate.bytes_low <= 192 && rate.bytes_high >= 192);
	assert_true(rate.bytes_high > rate.bytes_low);
	assert_true(rate.objects_low <= 3 && rate.objects_high >= 3);
}

static void
exact_growth_has_an_interval_of_nothing(void **state)
{
	double units[] = { 0, 1, 5, 6, 50 };
	struct amount points[5];
	struct work_rate rate;
	size_t i;

	(void)state;
	for (i = 0; i < 5; i++)
		points[i] = (struct amount){ (int64_t)units[i],
					     (int64_t)(units[i] * 100) };
	work_rate_of("reload", units, points, 5, &rate);
	assert_true(rate.bytes == 100 && rate.bytes_low == 100 &&
		    rate.bytes_high == 100 && rate.objects == 1);
}

/* Time passed, but no work was done: what grew then is no unit's. */
static void
of_points_without_work_between_the_last_counts(void **state)
{
	double units[] = { 0, 10, 10, 10, 20, 30 };
	struct amount points[] = { { 0, 0 },   { 0, 7 },   { 0, 8 },
				   { 0, 100 }, { 0, 200 }, { 0, 300 } };
	struct work_rate rate;

	(void)state;
	work_rate_of("unit", units, points, 6, &rate);
	assert_true(rate.bytes == 10 && rate.bytes_high == 10);
}

static void
what_is_not_known_is_no_rate(void **state)
{
	double units[] = { 0, NAN, 10, NAN, 20, 30 };
	struct amount points[] = { { 0, 0 },      { 0, 99999 }, { 0, 100 },
				   { 0, -99999 }, { 0, 200 },   { 0, 300 } };
	struct work_rate rate;

	(void)state;
	work_rate_of("unit", units, points, 6, &rate);
	assert_true(rate.bytes == 10);
	work_rate_of("unit", units, points, 3, &rate);
	assert_null(rate.unit);
	assert_true(rate.bytes == 0);
	work_rate_of("unit", units, points, 0, &rate);
	assert_null(rate.unit);
}

static void
a_snapshot_is_known_by_process_and_number(void **state)
{
	static const struct work_entry entries[] = {
		{ 12, 500, 1, 0 },
		{ 12, 500, 2, 40 },
		{ 12, 900, 1, 7 },
		{ 13, 500, 1, 8 },
	};
	const struct work work = { "request", entries, 4 };
	struct header header = { .pid = 12, .start_ticks = 500, .sequence = 2 };

	(void)state;
	assert_true(work_at(&work, &header) == 40);
	header.start_ticks = 900;
	assert_true(isnan(work_at(&work, &header)));
	header.sequence = 1;
	assert_true(work_at(&work, &header) == 7);
	header.pid = 14;
	assert_true(isnan(work_at(&work, &header)));
	assert_true(isnan(work_at(NULL, &header)));
}

/* Where work is counted, warm-up is what was asked for before the first
 * snapshot. */
static void
what_is_left_out_of_the_data_is_not_called_warm_up(void **state)
{
	struct row row = {
		.kind = ROW_HEAP,
		.verdict = { .kind = VERDICT_LEAK, .warmup_s = 92 },
		.per_unit = { .unit = "reload",
			      .bytes = 136,
			      .bytes_low = 135,
			      .bytes_high = 140 },
	};
	struct page page = { .utf8 = true };
	const char *text;

	(void)state;
	report_trend_verdict(&page, &row);
	text = strbuf_text(&page.text);
	assert_non_null(strstr(text, "+136 B per reload (95%: +135 B to "
				     "+140 B); its first 92 s, unlike the "
				     "rest, left out"));
	assert_null(strstr(text, "warm-up"));
	page_release(&page);
	/* Less than a byte on average is no nothing. */
	row.per_unit.bytes = 0.25;
	row.per_unit.bytes_low = -0.5;
	row.per_unit.bytes_high = 1;
	report_trend_verdict(&page, &row);
	assert_non_null(strstr(strbuf_text(&page.text),
			       "+0.25 B per reload (95%: -0.5 B to +1 B)"));
	page_release(&page);
	row.per_unit.unit = NULL;
	report_trend_verdict(&page, &row);
	assert_non_null(
		strstr(strbuf_text(&page.text), "; warm-up of 92 s left out"));
	page_release(&page);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slope_is_what_a_unit_leaves),
		cmocka_unit_test(exact_growth_has_an_interval_of_nothing),
		cmocka_unit_test(
			of_points_without_work_between_the_last_counts),
		cmocka_unit_test(what_is_not_known_is_no_rate),
		cmocka_unit_test(a_snapshot_is_known_by_process_and_number),
		cmocka_unit_test(
			what_is_left_out_of_the_data_is_not_called_warm_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
