#include "verdict_evidence.h"

#include <math.h>

/* The warm-up is found in at most so many cuts (start, then a cache, then what
 * stays), each of which two lines must explain better than one by so much ... */
#define WARMUP_CUTS 3
#define WARMUP_GAIN 0.5
/* ... and where the slope changes by this factor. */
#define WARMUP_FACTOR 2
/* What must be left: of the points, of the window, and points enough for
 * Mann-Kendall to say p < 0.01. */
#define WARMUP_KEEP_POINTS 0.5
#define WARMUP_KEEP_WINDOW 0.4
#define WARMUP_KEEP_LEAST 5

/* Levels of the rise whose crossings are looked at. */
#define LEVELS 8

/* A gap of so many mean ones hides how the number rose in it. */
#define GAP_LONG 2.5
/* The survivors tell if those born meanwhile are so much of the rise; else it
 * rose evenly if it did at this share of the rate after it. */
#define GAP_SUPPORT_MIN 0.5
#define GAP_SUPPORT_MAX 2
#define GAP_RATE_MIN 0.5
/* Each edge is in one gap, and of long gaps there are less than one for
 * GAP_LONG points. */
#define BRIDGES_MAX (SURVIVOR_EDGES_MAX + TREND_POINTS_MAX * (LEVELS - 1) / 2)

static const double late_shares[LATE_COUNT] = { 1. / 2, 1. / 3, 1. / 4 };

/* Evenly thinned where there are too many; the first and the last stay. */
static void
copy_points(const struct subject *subject, struct evidence *e)
{
	size_t kept = subject->count < TREND_POINTS_MAX ? subject->count
							: TREND_POINTS_MAX;
	const struct point *last = &subject->points[subject->count - 1];
	size_t i;

	for (i = 0; i < kept; i++) {
		const struct point *point =
			&subject->points[i * (subject->count - 1) / (kept - 1)];
		double t = subject->tracked_s -
			   (double)(last->time_ns - point->time_ns) / 1e9;

		if (e->count > 0 && !(t > e->times[e->count - 1]))
			continue;
		e->times[e->count] = t;
		e->object_counts[e->count] = (double)point->objects;
		e->byte_counts[e->count++] = (double)point->bytes;
		e->counted = e->counted || point->objects != 0;
	}
	e->window_s = e->times[e->count - 1] - e->times[0];
}

static double
end_of(struct series series)
{
	return series.times[series.count - 1];
}

static double
span_of(struct series series)
{
	return end_of(series) - series.times[0];
}

static struct series
after(struct series series, size_t from)
{
	return (struct series){ series.times + from, series.values + from,
				series.count - from };
}

/* How many points must be left: half of them, or those of the last half of the
 * window where that is not the same. */
static size_t
points_to_keep(struct series series)
{
	double middle = series.times[0] + WARMUP_KEEP_POINTS * span_of(series);
	size_t keep = (size_t)(WARMUP_KEEP_POINTS * (double)series.count);
	size_t i;

	if (trend_is_uneven(series)) {
		keep = 0;
		for (i = 0; i < series.count; i++)
			keep += series.times[i] >= middle;
	}
	return keep > WARMUP_KEEP_LEAST ? keep : WARMUP_KEEP_LEAST;
}

/*
 * A knee is a warm-up's end if growth is another before it: faster (a start, a
 * cache that fills) or slower (idle until the load came).
 */
static size_t
find_warmup(struct series series)
{
	size_t keep = points_to_keep(series);
	size_t from = 0;
	int cut;

	for (cut = 0; cut < WARMUP_CUTS; cut++) {
		struct series rest = after(series, from);
		struct knee knee;
		double rate;

		if (rest.count <= keep)
			break;
		trend_knee(rest, 1, keep, &knee);
		if (knee.at == 0 || knee.gain < WARMUP_GAIN)
			break;
		rate = (rest.values[knee.at] - rest.values[0]) /
		       (rest.times[knee.at] - rest.times[0]);
		if (rate > knee.slope_after / WARMUP_FACTOR &&
		    rate < knee.slope_after * WARMUP_FACTOR)
			break;
		if (end_of(series) - rest.times[knee.at] <
		    WARMUP_KEEP_WINDOW * span_of(series))
			break;
		from += knee.at;
	}
	return from;
}

static size_t
skip_warmup(struct series series, double warmup_s)
{
	size_t from = 0;

	while (from + 1 < series.count &&
	       series.times[from] - series.times[0] < warmup_s)
		from++;
	return from;
}

static double
born_before(const struct evidence *e, bool bytes, double time)
{
	return bytes ? survivors_bytes(&e->survivors, time)
		     : survivors_objects(&e->survivors, time);
}

/* --- long gaps ------------------------------------------------------------- */

/* A rising function with points added in the long gaps. */
struct bridged {
	double times[TREND_POINTS_MAX + BRIDGES_MAX];
	double values[TREND_POINTS_MAX + BRIDGES_MAX];
	size_t count;
};

static struct series
series_of(const struct bridged *b)
{
	return (struct series){ b->times, b->values, b->count };
}

static void
add_bridge(struct bridged *b, double time, double value)
{
	b->times[b->count] = time;
	b->values[b->count++] = value;
}

/* By those born in the gap that are still live. They say nothing if they are
 * far from what it rose by. False: so it is, or there are no ages. */
static bool
bridge_by_ages(struct bridged *b, struct series rising, size_t i,
	       const struct evidence *e, bool bytes)
{
	const struct survivors *survivors = &e->survivors;
	double from = rising.times[i], to = rising.times[i + 1];
	double rise = rising.values[i + 1] - rising.values[i];
	double before, born;
	size_t k;

	if (!survivors->known)
		return false;
	before = born_before(e, bytes, from);
	born = born_before(e, bytes, to) - before;
	if (born < GAP_SUPPORT_MIN * rise || born > GAP_SUPPORT_MAX * rise)
		return false;
	for (k = 0; k < survivors->count; k++) {
		double edge = survivors->times[k];

		if (edge > from && edge < to)
			add_bridge(
				b, edge,
				rising.values[i] +
					rise *
						(born_before(e, bytes, edge) -
						 before) /
						born);
	}
	return true;
}

/* A straight line, if it rose likewise when we looked again: what it did before
 * may have ended in the gap. */
static void
bridge_by_rate(struct bridged *b, struct series rising, size_t i)
{
	double gap = rising.times[i + 1] - rising.times[i];
	double rise = rising.values[i + 1] - rising.values[i];
	bool is_last = i + 2 == rising.count;
	size_t from = is_last ? 0 : i + 1;
	size_t to = is_last ? i : rising.count - 1;
	double other_time = rising.times[to] - rising.times[from];
	double other_rise = rising.values[to] - rising.values[from];
	int k;

	if (other_rise * gap < GAP_RATE_MIN * rise * other_time)
		return;
	for (k = 1; k < LEVELS; k++)
		add_bridge(b, rising.times[i] + gap * k / LEVELS,
			   rising.values[i] + rise * k / LEVELS);
}

/* One step, as far as points tell, may have been many where nobody looked. */
static void
bridge_gaps(struct series rising, const struct evidence *e, bool bytes,
	    struct bridged *b)
{
	double mean = span_of(rising) / (double)(rising.count - 1);
	size_t i;

	b->count = 0;
	add_bridge(b, rising.times[0], rising.values[0]);
	for (i = 1; i < rising.count; i++) {
		if (rising.times[i] - rising.times[i - 1] >= GAP_LONG * mean &&
		    rising.values[i] > rising.values[i - 1] &&
		    !bridge_by_ages(b, rising, i - 1, e, bytes))
			bridge_by_rate(b, rising, i - 1);
		add_bridge(b, rising.times[i], rising.values[i]);
	}
}

/* --- the shape of the rise ------------------------------------------------- */

/* Crossings of LEVELS even levels: how many moments, how far apart. */
static void
measure_steps(struct series rising, struct growth *g)
{
	double span = span_of(rising);
	double before = rising.times[0];
	size_t passed = 0;
	size_t i = 0;
	int level;

	for (level = 0; level < LEVELS; level++) {
		double want = rising.values[0] +
			      g->rise * ((double)level + 0.5) / LEVELS;

		while (i + 1 < rising.count && rising.values[i] < want)
			i++;
		if (i == passed)
			continue;
		if (g->steps > 0)
			g->pause_before =
				fmax(g->pause_before,
				     (rising.times[i] - before) / span);
		g->steps++;
		passed = i;
		before = rising.times[i];
	}
	g->pause = (end_of(rising) - before) / span;
}

static void
measure_shape(struct series rising, struct growth *g)
{
	double span = span_of(rising);
	size_t i;

	g->level = rising.values[rising.count - 1];
	g->rise = g->level - rising.values[0];
	if (!(g->rise > 0))
		return;
	for (i = 0; i < LATE_COUNT; i++)
		g->late[i] = (g->level -
			      trend_value_at(rising,
					     end_of(rising) -
						     late_shares[i] * span)) /
			     g->rise / late_shares[i];
	measure_steps(rising, g);
}

/* --- the survivors --------------------------------------------------------- */

static void
measure_rates(struct series all, const struct evidence *e, bool bytes,
	      struct growth *g)
{
	double fitted[TREND_POINTS_MAX];
	struct bridged bridged;
	struct series rising;
	double third = e->window_s / 3;
	double from, to;
	size_t k;

	trend_isotonic(all, fitted);
	g->grown = fitted[all.count - 1] - fitted[0];
	bridge_gaps((struct series){ all.times, fitted, all.count }, e, bytes,
		    &bridged);
	rising = series_of(&bridged);
	for (k = 0; k < 3; k++) {
		from = all.times[0] + third * (double)k;
		g->rates[k] = (trend_value_at(rising, from + third) -
			       trend_value_at(rising, from)) /
			      third;
	}
	if (!e->survivors.known)
		return;
	to = survivors_known_at(&e->survivors, all.times[0]);
	from = survivors_known_at(&e->survivors, to - third);
	if (to - from > third / 3)
		g->rate_before = (born_before(e, bytes, to) -
				  born_before(e, bytes, from)) /
				 (to - from);
}

/* Over the first four fifths: of those born later, many are about to die. */
static double
measure_support(struct series rising, const struct evidence *e, bool bytes)
{
	double start = rising.times[0];
	double limit = start + 0.8 * span_of(rising);
	double base = -1;
	double low = 0;
	double kept = 0;
	double rose = 0;
	size_t i;

	for (i = 0; i < e->survivors.count; i++) {
		double edge = e->survivors.times[i];

		if (edge < start)
			continue;
		if (edge > limit)
			break;
		if (base < 0) {
			double known = survivors_known_at(&e->survivors, start);

			base = born_before(e, bytes, known);
			low = trend_value_at(rising, known);
		}
		kept += born_before(e, bytes, edge) - base;
		rose += trend_value_at(rising, edge) - low;
	}
	if (rose > 0)
		return kept / rose;
	return kept > 0 ? HUGE_VAL : 0;
}

static void
measure_births(const struct evidence *e, bool bytes, double first, double slope,
	       struct births *births)
{
	double end = e->times[e->count - 1];
	double w = end - first;
	double from = survivors_known_at(&e->survivors, first);
	double to = survivors_known_at(&e->survivors, first + 0.85 * w);
	double middle = survivors_known_at(
		&e->survivors, from + (first + 0.9 * w - from) * 0.45);
	double early, late;

	if (!(from < middle && middle < to && to < end))
		return;
	births->known = true;
	early = (born_before(e, bytes, middle) - born_before(e, bytes, from)) /
		(middle - from);
	late = (born_before(e, bytes, to) - born_before(e, bytes, middle)) /
	       (to - middle);
	births->kept = slope > 0 ? early / slope : 0;
	births->evenness = early > 0 ? late / early : HUGE_VAL;
}

/* Standard deviation of what Sen's line leaves, by the median of its absolute
 * values: 0.6745 of it, if normal. */
static double
scatter(struct series series, double slope)
{
	double rests[TREND_POINTS_MAX];
	double middle;
	size_t i;

	for (i = 0; i < series.count; i++)
		rests[i] = series.values[i] -
			   slope * (series.times[i] - series.times[0]);
	middle = trend_median(rests, series.count);
	for (i = 0; i < series.count; i++)
		rests[i] = fabs(rests[i] - middle);
	return trend_median(rests, series.count) / 0.6745;
}

/*
 * Turnover is the noise of counts: if as many die and are born as here, each
 * on its own, their difference has the variance of their sum, and in a sample
 * each stands for `weight` of them. Blocks that stayed add none, and neither
 * do they in a sample: it is the same that was drawn.
 * Without ages the noise is what one sees.
 */
static void
measure_turnover(struct series rest, const struct evidence *e, bool bytes,
		 struct growth *g)
{
	double rise = g->trend.slope * g->window_s;
	double last = rest.values[rest.count - 1];
	double died, born;

	if (e->survivors.known) {
		double known = survivors_known_at(&e->survivors, rest.times[0]);
		double old = born_before(e, bytes, known);
		double first = trend_value_at(rest, known);

		died = fmax(0, first - old);
		born = fmax(0, last - old);
		g->turned = first > 0 ? died / first : 0;
		if (!bytes)
			g->z = rise / sqrt((died + born) * e->weight + 1);
	} else {
		g->z = rise / (M_SQRT2 * scatter(rest, g->trend.slope) + 1);
	}
}

/* --- all of one number ----------------------------------------------------- */

static void
measure(struct series all, const struct evidence *e, bool bytes, size_t from,
	struct growth *g)
{
	struct series rest = after(all, from);
	double fitted[TREND_POINTS_MAX];
	struct series rising = { rest.times, fitted, rest.count };
	struct bridged bridged;
	double up = 0;
	double down = 0;
	size_t i;

	for (i = 1; i < all.count; i++) {
		up += fmax(0, all.values[i] - all.values[i - 1]);
		down += fmax(0, all.values[i - 1] - all.values[i]);
	}
	g->moves = true;
	g->falls = up > 0 ? down / up : HUGE_VAL;
	for (i = 0; i < from; i++)
		g->highest_before = fmax(g->highest_before, all.values[i]);
	g->from = from;
	g->count = rest.count;
	g->window_s = span_of(rest);
	measure_rates(all, e, bytes, g);
	trend_of(rest, &g->trend);
	if (rest.count < 2)
		return;
	trend_isotonic(rest, fitted);
	bridge_gaps(rising, e, bytes, &bridged);
	measure_shape(series_of(&bridged), g);
	if (e->survivors.known) {
		g->support = measure_support(rising, e, bytes);
		measure_births(e, bytes, all.times[0], g->trend.slope,
			       &g->whole);
		measure_births(e, bytes, rest.times[0], g->trend.slope,
			       &g->tail);
	}
	measure_turnover(rest, e, bytes, g);
}

static bool
moves(struct series series)
{
	size_t i;

	for (i = 1; i < series.count; i++)
		if (series.values[i] != series.values[0])
			return true;
	return false;
}

static double
sample_weight(const struct subject *subject)
{
	const struct point *last = &subject->points[subject->count - 1];
	double size;

	if (subject->sample_bytes <= 1 || last->objects <= 0 ||
	    last->bytes <= 0)
		return 1;
	size = (double)last->bytes / (double)last->objects;
	return -1 / expm1(-size / (double)subject->sample_bytes);
}

void
evidence_gather(const struct subject *subject,
		const struct verdict_settings *settings, struct evidence *e)
{
	struct series objects, bytes;
	size_t from = 0;

	*e = (struct evidence){
		.weight = sample_weight(subject),
		.objects = { .rate_before = -1, .trend.p = 1 },
		.bytes = { .rate_before = -1, .trend.p = 1 },
	};
	copy_points(subject, e);
	objects = (struct series){ e->times, e->object_counts, e->count };
	bytes = (struct series){ e->times, e->byte_counts, e->count };
	e->objects.level = objects.values[e->count - 1];
	e->bytes.level = bytes.values[e->count - 1];
	if (!moves(objects) && !moves(bytes))
		return;
	survivors_of(subject, &e->survivors);
	/* Both numbers have one warm-up. Where the count never moves there is
	 * none to find: doubling buffers are all knees. */
	if (settings->warmup_s >= 0)
		from = skip_warmup(bytes, settings->warmup_s);
	else if (moves(objects))
		from = find_warmup(objects);
	else if (!e->counted)
		from = find_warmup(bytes);
	if (moves(objects))
		measure(objects, e, false, from, &e->objects);
	if (moves(bytes))
		measure(bytes, e, true, from, &e->bytes);
}
