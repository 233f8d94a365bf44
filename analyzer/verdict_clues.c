#include "verdict_clues.h"

#include <math.h>

static const struct {
	const char *name;
	double with_ages;
	double without;
} weights[CLUE_COUNT] = {
#define X(name, with, without) { #name, with, without },
	CLUES(X)
#undef X
};

/* Every clue is bounded, so that none alone decides against all others. */
static double
bound(double x, double low, double high)
{
	if (!(x > low))
		return low;
	return x < high ? x : high;
}

static double
bound_log2(double x, double low, double high)
{
	return x > 0 ? bound(log2(x), low, high) : low;
}

/* How far a ratio is below 1, and above, in doublings. */
static double
less(double ratio)
{
	return -bound_log2(ratio, -4, 0);
}

static double
more(double ratio)
{
	return bound_log2(ratio, 0, 4);
}

/* A rate against an earlier one: counts, so a difference in units of its
 * standard deviation. */
static double
fewer(double rate, double earlier, double third, double weight)
{
	double now = rate * third / weight;
	double then = earlier * third / weight;

	return bound((now - then) / sqrt(now + then + 1), -5, 0);
}

static void
add_age_clues(const struct evidence *e, const struct growth *g, double *clues)
{
	const double *r = g->rates;
	double third = e->window_s / 3;
	double turned = bound(g->turned, 0, 1);
	/* A number that slows is no leak only if nothing dies: turnover makes
	 * rates of its own. */
	double unturned = bound(1 - 4 * turned, 0, 1);

	clues[CLUE_turned] = turned;
	clues[CLUE_slower] *= 1 - turned;
	clues[CLUE_ended_unturned] =
		unturned * (1 - bound(g->late[LATE_THIRD], 0, 1));
	clues[CLUE_slower_in_window] =
		unturned * fewer(r[2], r[0], third, e->weight);
	if (g->rate_before > 0.8 * r[0] && r[2] < 0.95 * (r[0] + r[1]) / 2)
		clues[CLUE_slower_than_before] =
			unturned *
			fewer(r[2], g->rate_before, third, e->weight);
	clues[CLUE_support_less] = less(g->support);
	clues[CLUE_support_more] = more(g->support);
	if (g->whole.known) {
		clues[CLUE_kept_more] = more(g->whole.kept);
		clues[CLUE_late_less] = less(g->whole.evenness);
		clues[CLUE_late_more] = more(g->whole.evenness);
	}
	/* Ever slower, before the window and in it: a memo that has met most of
	 * its keys, and no start that a leak outlasts. */
	clues[CLUE_slows_evenly] = clues[CLUE_slower] < -0.6 &&
				   clues[CLUE_slower_in_window] < -1.4 &&
				   clues[CLUE_slower_than_before] < -1.9 &&
				   clues[CLUE_support_more] < 0.2 &&
				   clues[CLUE_late_less] > 0.4;
	if (g->tail.known)
		clues[CLUE_tail_less] = less(g->tail.kept);
	else
		clues[CLUE_tail_unknown] = 1;
}

void
clues_of(const struct evidence *e, const struct growth *g,
	 double clues[CLUE_COUNT])
{
	const double *r = g->rates;
	double p = bound(-log10(fmax(g->trend.p, 1e-12)), 0, 8);
	double falls = bound(g->falls, 0, 1);
	size_t i;

	for (i = 0; i < CLUE_COUNT; i++)
		clues[i] = 0;
	clues[CLUE_base] = 1;
	clues[CLUE_significance] = p;
	for (i = 0; i < LATE_COUNT; i++)
		clues[CLUE_going_on] += bound(g->late[i], 0, 1) / LATE_COUNT;
	clues[CLUE_few_steps] = g->steps < 3 ? 1 - falls : 0;
	clues[CLUE_beyond_turnover] = bound_log2(g->z, -2, 4);
	clues[CLUE_falls] = falls;
	clues[CLUE_falls_late] = falls * bound(g->late[LATE_THIRD], 0, 1);
	clues[CLUE_falls_significant] = falls * p;
	if (g->level > 0)
		clues[CLUE_share] = bound(g->rise / g->level, 0, 1);
	if (r[0] + r[1] > 0)
		clues[CLUE_slower] =
			bound_log2(2 * r[2] / (r[0] + r[1]), -3, 0);
	if (e->survivors.known)
		add_age_clues(e, g, clues);
}

double
clues_weigh(const struct evidence *e, const double clues[CLUE_COUNT])
{
	double sum = 0;
	size_t i;

	for (i = 0; i < CLUE_COUNT; i++)
		sum += clues[i] * (e->survivors.known ? weights[i].with_ages
						      : weights[i].without);
	return sum;
}

const char *
clue_name(enum clue clue)
{
	return weights[clue].name;
}
