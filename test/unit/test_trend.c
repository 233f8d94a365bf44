/* The statistics of one series, against values worked out elsewhere. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../analyzer/trend.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SERIES(t, y) ((struct series){ t, y, COUNT(y) })

static void
assert_near(double value, double want, double tolerance)
{
	if (!(fabs(value - want) <= tolerance))
		fail_msg("%.17g is not within %g of %.17g", value, tolerance,
			 want);
}

static void
slope_of_a_line_is_exact(void **state)
{
	const double t[] = { 0, 1, 3, 4, 7 };
	const double y[] = { 5, 7, 11, 13, 19 };
	struct trend trend;

	(void)state;
	trend_of(SERIES(t, y), &trend);
	assert_near(trend.slope, 2, 1e-12);
	assert_near(trend.low, 2, 1e-12);
	assert_near(trend.high, 2, 1e-12);
	assert_near(trend.tau, 1, 1e-12);
	/* One of 5! orders. */
	assert_near(trend.p, 1. / 120, 1e-12);
}

static void
slope_is_the_median_of_pairs(void **state)
{
	const double t[] = { 1, 2, 3, 4, 5 };
	const double y[] = { 1, 2, 10, 3, 6 };
	struct trend trend;

	(void)state;
	/* 1, 4.5, 0.667, 1.25, 8, 0.5, 1.333, -7, -2, 3: the middle two are 1
	 * and 1.25. */
	trend_of(SERIES(t, y), &trend);
	assert_near(trend.slope, 1.125, 1e-12);
	assert_near(trend.tau, 0.6, 1e-12);
}

static void
one_wild_point_moves_no_slope(void **state)
{
	double t[41], y[41];
	struct trend trend;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++) {
		t[i] = (double)i;
		y[i] = 3 * (double)i;
	}
	y[40] = 1e9;
	trend_of(SERIES(t, y), &trend);
	assert_near(trend.slope, 3, 1e-9);
}

/* Six points of a rise in a tenth of the time, and two that say it ended. */
static void
uneven_points_count_by_their_time(void **state)
{
	const double t[] = { 0, 2, 4, 6, 8, 10, 60, 100 };
	const double y[] = { 0, 2, 4, 6, 8, 10, 10, 10 };
	const double even[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
	struct trend trend;
	struct knee knee;

	(void)state;
	assert_true(trend_is_uneven(SERIES(t, y)));
	assert_false(trend_is_uneven(SERIES(even, y)));
	trend_of(SERIES(t, y), &trend);
	/* Nine tenths of the time nothing happened. */
	assert_true(trend.slope < 0.1);
	assert_near(trend.low, 0, 1e-12);
	assert_true(trend.high > 0.1);
	assert_true(trend.low <= trend.slope && trend.slope <= trend.high);
	trend_knee(SERIES(t, y), 1, 1, &knee);
	assert_near(knee.slope_after, 0, 1e-9);
	/* A line is a line at any times. */
	trend_of(SERIES(t, t), &trend);
	assert_near(trend.slope, 1, 1e-12);
	assert_near(trend.low, 1, 1e-12);
	assert_near(trend.high, 1, 1e-12);
}

/* Kendall's table for n = 4: P(S >= 6, 4, 2, 0) = 1, 4, 9, 15 of 24. */
static void
few_points_have_their_exact_p(void **state)
{
	const double t[] = { 0, 1, 2, 3 };
	const double six[] = { 1, 2, 3, 4 };
	const double four[] = { 2, 1, 3, 4 };
	const double two[] = { 2, 3, 1, 4 };
	const double zero[] = { 2, 4, 1, 3 };
	const double least[] = { 4, 3, 2, 1 };
	struct trend trend;

	(void)state;
	trend_of(SERIES(t, six), &trend);
	assert_near(trend.p, 1. / 24, 1e-12);
	trend_of(SERIES(t, four), &trend);
	assert_near(trend.p, 4. / 24, 1e-12);
	trend_of(SERIES(t, two), &trend);
	assert_near(trend.p, 9. / 24, 1e-12);
	trend_of(SERIES(t, zero), &trend);
	assert_near(trend.p, 15. / 24, 1e-12);
	trend_of(SERIES(t, least), &trend);
	assert_near(trend.p, 1, 1e-12);
}

/* n = 9 in three groups of three, rising: S = 36 - 9 = 27, its variance
 * (9 * 8 * 23 - 3 * 3 * 2 * 11) / 18 = 81, z = (27 - 1) / 9. */
static void
ties_narrow_the_variance(void **state)
{
	double t[9], y[9];
	struct trend trend;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++) {
		t[i] = (double)i;
		y[i] = (double)(i / 3);
	}
	trend_of(SERIES(t, y), &trend);
	assert_near(trend.tau, 27. / 36, 1e-12);
	assert_near(trend.p, 0.001933028, 1e-8);
}

/* Two waves on a slow rise: 40 points that are worth far fewer. Without regard
 * for that p would be 0.009, and the interval would exclude 0. */
static void
likeness_of_neighbours_weakens_p(void **state)
{
	double t[40], y[40];
	struct trend trend;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++) {
		t[i] = (double)i;
		y[i] = 0.2 * (double)i + 4 * sin((double)i * M_PI / 10);
	}
	trend_of(SERIES(t, y), &trend);
	assert_true(trend.p > 0.03);
	assert_true(trend.low < 0 && trend.high > 0.15);
}

static void
interval_holds_the_slope(void **state)
{
	double t[30], y[30];
	unsigned int round, inside = 0;
	uint32_t random = 1;
	size_t i;

	(void)state;
	for (round = 0; round < 400; round++) {
		struct trend trend;

		for (i = 0; i < COUNT(t); i++) {
			double noise = 0;
			int k;

			for (k = 0; k < 6; k++) {
				random = random * 1664525u + 1013904223u;
				noise += (double)(random >> 8) * 0x1p-24 - 0.5;
			}
			t[i] = (double)i;
			y[i] = 0.7 * (double)i + 10 * noise;
		}
		trend_of(SERIES(t, y), &trend);
		inside += trend.low <= 0.7 && 0.7 <= trend.high;
	}
	/* 95 % of 400 are 380; four standard deviations are 17. */
	assert_in_range(inside, 363, 397);
}

static void
nothing_is_said_of_nothing(void **state)
{
	const double t[] = { 0, 1, 2 };
	const double level[] = { 4, 4, 4 };
	struct trend trend;

	(void)state;
	trend_of((struct series){ t, level, 0 }, &trend);
	assert_near(trend.p, 1, 0);
	assert_near(trend.slope, 0, 0);
	trend_of(SERIES(t, level), &trend);
	assert_near(trend.p, 1, 0);
	assert_near(trend.slope, 0, 0);
}

static void
most_points_are_taken(void **state)
{
	double t[TREND_POINTS_MAX], y[TREND_POINTS_MAX];
	struct trend trend;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++) {
		t[i] = (double)i;
		y[i] = (double)(i * 7 % 128) + 2 * (double)i;
	}
	trend_of(SERIES(t, y), &trend);
	assert_true(trend.low <= 2 && trend.high >= 2);
}

static void
medians_are_those_of_a_sort(void **state)
{
	double odd[] = { 9, 1, 8, 2, 7 };
	double even[] = { 4, 4, 1, 9 };
	double same[] = { 5, 5, 5, 5, 5, 5 };

	(void)state;
	assert_near(trend_median(odd, 5), 7, 0);
	assert_near(trend_median(even, 4), 4, 0);
	assert_near(trend_median(same, 6), 5, 0);
	assert_near(trend_median(same, 0), 0, 0);
}

static void
knee_is_where_the_slope_turns(void **state)
{
	double t[20], y[20];
	struct knee knee;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++) {
		t[i] = 10 * (double)i;
		y[i] = i < 6 ? 100 * (double)i : 600 + 2 * ((double)i - 6);
	}
	trend_knee(SERIES(t, y), 1, 5, &knee);
	/* Point 6 lies on both. */
	assert_in_range(knee.at, 6, 7);
	assert_near(knee.slope_after, 0.2, 1e-9);
	assert_true(knee.gain > 0.99);
	/* No knee in a line. */
	for (i = 0; i < COUNT(t); i++)
		y[i] = 3 * (double)i;
	trend_knee(SERIES(t, y), 1, 5, &knee);
	assert_true(knee.gain < 1e-6);
}

static void
isotonic_pools_what_falls(void **state)
{
	const double t[] = { 0, 1, 2, 3, 4, 5 };
	const double y[] = { 1, 3, 2, 2, 6, 5 };
	const double want[] = { 1, 7. / 3, 7. / 3, 7. / 3, 5.5, 5.5 };
	double fitted[6];
	size_t i;

	(void)state;
	trend_isotonic(SERIES(t, y), fitted);
	for (i = 0; i < COUNT(want); i++)
		assert_near(fitted[i], want[i], 1e-12);
}

static void
values_between_points_are_on_the_line(void **state)
{
	const double t[] = { 0, 2, 6 };
	const double y[] = { 1, 3, 11 };

	(void)state;
	assert_near(trend_value_at(SERIES(t, y), -1), 1, 0);
	assert_near(trend_value_at(SERIES(t, y), 1), 2, 1e-12);
	assert_near(trend_value_at(SERIES(t, y), 3), 5, 1e-12);
	assert_near(trend_value_at(SERIES(t, y), 9), 11, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slope_of_a_line_is_exact),
		cmocka_unit_test(slope_is_the_median_of_pairs),
		cmocka_unit_test(one_wild_point_moves_no_slope),
		cmocka_unit_test(uneven_points_count_by_their_time),
		cmocka_unit_test(few_points_have_their_exact_p),
		cmocka_unit_test(ties_narrow_the_variance),
		cmocka_unit_test(likeness_of_neighbours_weakens_p),
		cmocka_unit_test(interval_holds_the_slope),
		cmocka_unit_test(nothing_is_said_of_nothing),
		cmocka_unit_test(most_points_are_taken),
		cmocka_unit_test(medians_are_those_of_a_sort),
		cmocka_unit_test(knee_is_where_the_slope_turns),
		cmocka_unit_test(isotonic_pools_what_falls),
		cmocka_unit_test(values_between_points_are_on_the_line),
	};

	return cmocka_run_group_tests_name("trend", tests, NULL, NULL);
}
