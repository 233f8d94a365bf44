/*
 * Does a series rise, how fast, and does it still? Statistics of one series of
 * numbers over time, all robust: no single point decides. doc/VERDICTS.md has
 * the formulas and their sources.
 *
 * Pure, no allocation. A series has at most TREND_POINTS_MAX points, their
 * times rise strictly.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* 128 points are 8,128 pairs of them: all are looked at, in some 0.1 ms, and
 * fit on the stack. */
#define TREND_POINTS_MAX 128

struct series {
	const double *times; /* any unit */
	const double *values;
	size_t count;
};

/* Is a gap between two points more than twice the mean one? Then points are
 * weighed by the time that each stands for, half of the gap to either side:
 * of ten points in a minute and two in the next hour the two say more about the
 * rate. Even points weigh alike. */
bool trend_is_uneven(struct series series);

struct trend {
	double slope; /* Theil-Sen, per unit of time; 0 for < 2 points */
	double low;   /* 95 % interval of the slope */
	double high;
	double p;   /* Mann-Kendall, one-sided against "no rise" */
	double tau; /* Kendall's S over the pairs, -1 .. 1 */
};

/* All zero and p = 1 for less than 3 points or equal values. */
void trend_of(struct series series, struct trend *trend);

/* Median of `count` values, which are reordered; 0 of none. */
double trend_median(double *values, size_t count);

/* Where a series stops going its first way and takes a second. */
struct knee {
	size_t at; /* first point of the second way; 0 = there is one way */
	double slope_after;
	double gain; /* 0 .. 1: squared error that two ways take away */
};

/* Fits two straight lines, of at least `head` and `tail` points (1 or more),
 * against one. Uneven points are weighed. */
void trend_knee(struct series series, size_t head, size_t tail,
		struct knee *knee);

/*
 * The rising step function nearest to the series (least squares, pool
 * adjacent violators). `fitted` has room for series.count.
 */
void trend_isotonic(struct series series, double *fitted);

/* The value at a time between points, by straight lines; the nearest end's
 * outside. */
double trend_value_at(struct series series, double time);
