#include "trend.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PAIRS_MAX (TREND_POINTS_MAX * (TREND_POINTS_MAX - 1) / 2)

/* A gap of so many mean ones makes a series uneven. */
#define UNEVEN_GAPS 2

/* Up to here, and without ties, p is counted out, not approximated. */
#define EXACT_MAX 10
#define EXACT_PAIRS (EXACT_MAX * (EXACT_MAX - 1) / 2)

/* Below, the estimate of autocorrelation says nothing. */
#define AUTOCORRELATION_MIN 10

#define Z_95 1.959963984540054

/* Hoare's selection: the k-th smallest is at k afterwards, no larger before,
 * no smaller after. */
static double
select_kth(double *values, size_t count, size_t k)
{
	size_t low = 0;
	size_t high = count - 1;

	while (low < high) {
		double pivot = values[low + (high - low) / 2];
		size_t i = low;
		size_t j = high;

		for (;;) {
			double tmp;

			while (values[i] < pivot)
				i++;
			while (values[j] > pivot)
				j--;
			if (i >= j)
				break;
			tmp = values[i];
			values[i++] = values[j];
			values[j--] = tmp;
		}
		/* low .. j are at most the pivot, j + 1 .. high at least. */
		if (k <= j)
			high = j;
		else
			low = j + 1;
	}
	return values[k];
}

double
trend_median(double *values, size_t count)
{
	double upper;
	double lower;

	if (count == 0)
		return 0;
	upper = select_kth(values, count, count / 2);
	if (count % 2 == 1)
		return upper;
	lower = select_kth(values, count, count / 2 - 1);
	return (lower + upper) / 2;
}

bool
trend_is_uneven(struct series series)
{
	double widest = 0;
	size_t i;

	if (series.count < 3)
		return false;
	for (i = 1; i < series.count; i++)
		widest = fmax(widest, series.times[i] - series.times[i - 1]);
	return widest * (double)(series.count - 1) >
	       UNEVEN_GAPS * (series.times[series.count - 1] - series.times[0]);
}

/* What each point stands for, 1 on average. */
static void
weigh(struct series series, double *weights)
{
	const double *t = series.times;
	size_t last = series.count - 1;
	bool uneven = trend_is_uneven(series);
	size_t i;

	for (i = 0; i < series.count; i++) {
		double from = t[i > 0 ? i - 1 : 0];
		double to = t[i < last ? i + 1 : last];

		weights[i] = uneven ? (to - from) / 2 * (double)series.count /
					      (t[last] - t[0])
				    : 1;
	}
}

/* The slopes of all pairs and what each counts. */
struct slopes {
	double value[PAIRS_MAX];
	float weight[PAIRS_MAX];
	size_t count;
	double total;
};

static void
swap_slopes(struct slopes *slopes, size_t i, size_t j)
{
	double value = slopes->value[i];
	float weight = slopes->weight[i];

	slopes->value[i] = slopes->value[j];
	slopes->weight[i] = slopes->weight[j];
	slopes->value[j] = value;
	slopes->weight[j] = weight;
}

/* The least slope that, with all below it, has `share` of the weight. As
 * select_kth, but by the weight to the left instead of the count. */
static double
select_share(struct slopes *slopes, double share)
{
	double want = share * slopes->total;
	double before = 0; /* the weight left of `low` */
	size_t low = 0;
	size_t high = slopes->count - 1;

	while (low < high) {
		double pivot = slopes->value[low + (high - low) / 2];
		double left = 0;
		size_t i = low;
		size_t j = high;
		size_t k;

		for (;;) {
			while (slopes->value[i] < pivot)
				i++;
			while (slopes->value[j] > pivot)
				j--;
			if (i >= j)
				break;
			swap_slopes(slopes, i++, j--);
		}
		for (k = low; k <= j; k++)
			left += (double)slopes->weight[k];
		if (before + left >= want) {
			high = j;
		} else {
			before += left;
			low = j + 1;
		}
	}
	return slopes->value[low];
}

/*
 * Kish: weighed points are worth as many even ones as the square of the sum of
 * their weights over the sum of the squares. How much wider that makes the
 * share of the slopes that an interval takes: sqrt(var S) over the pairs goes
 * with sqrt((2 n + 5) / (n (n - 1))).
 */
static double
widening(const double *weights, size_t count)
{
	double n = (double)count;
	double sum = 0, squares = 0;
	double worth;
	size_t i;

	for (i = 0; i < count; i++) {
		sum += weights[i];
		squares += weights[i] * weights[i];
	}
	worth = fmax(2, sum * sum / squares);
	return sqrt((2 * worth + 5) * n * (n - 1) /
		    ((2 * n + 5) * worth * (worth - 1)));
}

static int
compare_doubles(const void *a, const void *b)
{
	const double *x = a;
	const double *y = b;

	return (*x > *y) - (*x < *y);
}

/* Variance of S when the order is chance, with groups of equal values (Kendall
 * 1975). */
static double
variance_of_s(const double *sorted, size_t count)
{
	double n = (double)count;
	double variance = n * (n - 1) * (2 * n + 5);
	size_t from = 0;
	size_t i;

	for (i = 1; i <= count; i++) {
		double ties;

		if (i < count && sorted[i] == sorted[from])
			continue;
		ties = (double)(i - from);
		variance -= ties * (ties - 1) * (2 * ties + 5);
		from = i;
	}
	return variance / 18;
}

/*
 * P(S >= s) if the order is chance: permutations by their number of
 * inversions, (pairs - s) / 2 at most.
 */
static double
exact_p(size_t count, double s)
{
	double ways[EXACT_PAIRS + 1] = { 1 };
	double pairs = (double)count * ((double)count - 1) / 2;
	double total = 1;
	double sum = 0;
	size_t reach = 0;
	size_t m, i;

	for (m = 2; m <= count; m++) {
		double next[EXACT_PAIRS + 1];

		reach += m - 1;
		for (i = 0; i <= reach; i++) {
			size_t back = i < m - 1 ? i : m - 1;
			size_t j;

			next[i] = 0;
			for (j = 0; j <= back; j++)
				next[i] += ways[i - j];
		}
		memcpy(ways, next, (reach + 1) * sizeof(*ways));
		total *= (double)m;
	}
	for (i = 0; i <= reach && (double)i <= (pairs - s) / 2; i++)
		sum += ways[i];
	return sum / total;
}

/*
 * Hamed & Rao 1998: neighbours that resemble each other are fewer than they
 * seem. By how much the variance of S grows: from the autocorrelation of the
 * ranks of what is left when the slope is taken out.
 */
static double
autocorrelation_factor(struct series series, double slope)
{
	double rest[TREND_POINTS_MAX];
	double rank[TREND_POINTS_MAX];
	double n = (double)series.count;
	double mean = (n - 1) / 2;
	double sum = 0;
	double square = 0;
	size_t i, j, lag;

	for (i = 0; i < series.count; i++)
		rest[i] = series.values[i] - slope * series.times[i];
	for (i = 0; i < series.count; i++) {
		rank[i] = -mean;
		for (j = 0; j < series.count; j++) {
			if (rest[j] < rest[i])
				rank[i] += 1;
			else if (rest[j] == rest[i] && j != i)
				rank[i] += 0.5;
		}
		square += rank[i] * rank[i];
	}
	if (square == 0)
		return 1;
	for (lag = 1; lag + 3 <= series.count; lag++) {
		double k = (double)lag;
		double r = 0;

		for (i = 0; i + lag < series.count; i++)
			r += rank[i] * rank[i + lag];
		r /= square;
		/* What chance alone makes is left out. */
		if (fabs(r) > Z_95 / sqrt(n))
			sum += (n - k) * (n - k - 1) * (n - k - 2) * r;
	}
	/* Never less: regular noise is no evidence of a rise. */
	return fmax(1, 1 + 2 * sum / (n * (n - 1) * (n - 2)));
}

static double
p_of_z(double z)
{
	return 0.5 * erfc(z / M_SQRT2);
}

void
trend_of(struct series series, struct trend *trend)
{
	struct slopes slopes;
	double weights[TREND_POINTS_MAX];
	double sorted[TREND_POINTS_MAX];
	size_t count = series.count;
	size_t pairs = count * (count - 1) / 2;
	bool uneven = trend_is_uneven(series);
	double s = 0;
	double variance;
	double reach;
	size_t i, j, rank;

	*trend = (struct trend){ .p = 1 };
	if (count < 2)
		return;
	weigh(series, weights);
	slopes.count = 0;
	slopes.total = 0;
	for (i = 0; i + 1 < count; i++)
		for (j = i + 1; j < count; j++) {
			double rise = series.values[j] - series.values[i];
			size_t k = slopes.count++;

			s += (rise > 0) - (rise < 0);
			slopes.value[k] =
				rise / (series.times[j] - series.times[i]);
			slopes.weight[k] = (float)(weights[i] * weights[j]);
			slopes.total += (double)slopes.weight[k];
		}
	memcpy(sorted, series.values, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), compare_doubles);
	if (sorted[0] == sorted[count - 1])
		return;
	trend->slope = uneven ? select_share(&slopes, 0.5)
			      : trend_median(slopes.value, pairs);
	trend->low = trend->high = trend->slope;
	trend->tau = s / (double)pairs;
	variance = variance_of_s(sorted, count);
	if (count >= AUTOCORRELATION_MIN)
		variance *= autocorrelation_factor(series, trend->slope);

	/* Sen 1968: so many of the ordered slopes to either side, or their
	 * share of the weight. */
	reach = Z_95 * sqrt(variance);
	rank = (size_t)fmax(0, floor(((double)pairs - reach) / 2));
	if (uneven) {
		double share = 0.5 - reach * widening(weights, count) /
					     (double)pairs / 2;

		share = fmax(0, share);
		trend->low = select_share(&slopes, share);
		trend->high = select_share(&slopes, 1 - share);
	} else {
		trend->low = select_kth(slopes.value, pairs, rank);
		trend->high = select_kth(slopes.value, pairs, pairs - 1 - rank);
	}

	if (count < 3)
		return;
	for (i = 1; i < count; i++)
		if (sorted[i] == sorted[i - 1])
			break;
	if (count <= EXACT_MAX && i == count)
		trend->p = exact_p(count, s);
	else
		trend->p = p_of_z((s - 1) / sqrt(variance));
}

/* Sums of a stretch of points: enough for its best line's error. */
struct sums {
	double n, t, y, tt, ty, yy;
};

static struct sums
sums_add(struct sums sums, double w, double t, double y)
{
	sums.n += w;
	sums.t += w * t;
	sums.y += w * y;
	sums.tt += w * t * t;
	sums.ty += w * t * y;
	sums.yy += w * y * y;
	return sums;
}

static struct sums
sums_minus(struct sums a, struct sums b)
{
	return (struct sums){ a.n - b.n,   a.t - b.t,   a.y - b.y,
			      a.tt - b.tt, a.ty - b.ty, a.yy - b.yy };
}

static double
sums_error(struct sums sums, double *slope)
{
	double tt = sums.tt - sums.t * sums.t / sums.n;
	double ty = sums.ty - sums.t * sums.y / sums.n;
	double yy = sums.yy - sums.y * sums.y / sums.n;

	*slope = tt > 0 ? ty / tt : 0;
	return fmax(0, yy - *slope * ty);
}

void
trend_knee(struct series series, size_t head, size_t tail, struct knee *knee)
{
	struct sums before[TREND_POINTS_MAX + 1];
	double weights[TREND_POINTS_MAX];
	size_t n = series.count;
	double scale, whole, best;
	size_t i;

	*knee = (struct knee){ 0 };
	if (n < 2)
		return;
	weigh(series, weights);
	/* From the first point, in spans: sums of squares keep their digits. */
	scale = series.times[n - 1] - series.times[0];
	before[0] = (struct sums){ 0 };
	for (i = 0; i < n; i++)
		before[i + 1] =
			sums_add(before[i], weights[i],
				 (series.times[i] - series.times[0]) / scale,
				 series.values[i] - series.values[0]);
	whole = best = sums_error(before[n], &knee->slope_after);
	for (i = head; i + tail <= n; i++) {
		double slope_before, slope_after;
		double error = sums_error(before[i], &slope_before) +
			       sums_error(sums_minus(before[n], before[i]),
					  &slope_after);

		if (error >= best)
			continue;
		best = error;
		knee->at = i;
		knee->slope_after = slope_after;
	}
	knee->slope_after /= scale;
	knee->gain = whole > 0 ? 1 - best / whole : 0;
}

void
trend_isotonic(struct series series, double *fitted)
{
	size_t starts[TREND_POINTS_MAX];
	double means[TREND_POINTS_MAX];
	size_t blocks = 0;
	size_t i, b;

	for (i = 0; i < series.count; i++) {
		double mean = series.values[i];
		size_t start = i;

		while (blocks > 0 && means[blocks - 1] >= mean) {
			size_t from = starts[blocks - 1];

			mean = (means[blocks - 1] * (double)(start - from) +
				mean * (double)(i + 1 - start)) /
			       (double)(i + 1 - from);
			start = from;
			blocks--;
		}
		starts[blocks] = start;
		means[blocks++] = mean;
	}
	for (b = 0; b < blocks; b++) {
		size_t end = b + 1 < blocks ? starts[b + 1] : series.count;

		for (i = starts[b]; i < end; i++)
			fitted[i] = means[b];
	}
}

double
trend_value_at(struct series series, double time)
{
	size_t low = 0;
	size_t high = series.count;

	if (series.count == 0)
		return 0;
	if (time <= series.times[0])
		return series.values[0];
	if (time >= series.times[series.count - 1])
		return series.values[series.count - 1];
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (series.times[middle] <= time)
			low = middle;
		else
			high = middle;
	}
	return series.values[low] +
	       (series.values[low + 1] - series.values[low]) *
		       (time - series.times[low]) /
		       (series.times[low + 1] - series.times[low]);
}
