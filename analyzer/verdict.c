#include "verdict.h"

#include <math.h>

#include "verdict_clues.h"

/* A rise that chance makes more often than this is not judged to be one. */
#define RISE_P_MAX 0.05
/* Unless the survivors all but prove it: odds of 12 to 1. */
#define PROVEN_ODDS 2.5
#define PROVEN_P_MAX 0.3
#define PROVEN_POINTS_MIN 6
/* Logarithm of the odds from which a rise counts as endless: even
 * odds, so that it errs as often one way as the other in the simulator. */
#define ENDLESS_ODDS 0
/* The confidence in a verdict that was given against the odds. */
#define OVERRULED 0.5

/* Steps that must be seen, if it hardly ever falls; above the latter, falls
 * are those of requests that come and go. */
#define STEPS_MIN 3
#define STEPS_FALLS_MAX 0.3
#define CHURN_FALLS_MIN 0.2

/* Nearly the level before, and of the window's first half hardly any left. */
#define REGAINED 0.9
#define REGAINED_EVENNESS 4

/* A buffer: the count stands still, the bytes hardly ever fall, they rose at
 * several moments (a single one is a resize, which may be the last), by more
 * than the sizes of blocks vary. */
#define BUFFER_P_MAX 0.01
#define BUFFER_FALLS_MAX 0.2
#define BUFFER_STEPS_MIN 3
#define BUFFER_SHARE_MIN 0.3
/* Where they never fall, less will do. */
#define BUFFER_SMOOTH_FALLS_MAX 0.02
#define BUFFER_SMOOTH_STEPS_MIN 5
#define BUFFER_SMOOTH_SHARE_MIN 0.03
/* Where so many blocks were replaced, more is needed. */
#define BUFFER_CROWD 20
#define BUFFER_TURNED 0.3
#define BUFFER_CROWD_SHARE_MIN 0.6
/* Doubling takes as long as all before it: after twice the longest time
 * between two steps, and some, it has stopped. */
#define BUFFER_PAUSE_MAX 2.2

/* Growth that ended is worth a word if the level is this share higher. */
#define FILL_SHARE_MIN 0.1
#define FILL_FALLS_MAX 0.5

/* With less points a rise that may be endless, at odds of 1 to 7 or better, is
 * not called steady. */
#define THIN_POINTS 8
#define THIN_ODDS (-2)

/* What is asked for where the evidence is thin: p of Mann-Kendall. */
#define WANTED_P_Z 2.326 /* one-sided 0.01 */
#define WANTED_POINTS_MIN 6
#define WANTED_POINTS_MAX 100
#define WANTED_SPACING_MIN_S 1

static const char *const names[VERDICT_KIND_COUNT] = {
	[VERDICT_NONE] = "none",
	[VERDICT_INSUFFICIENT] = "insufficient",
	[VERDICT_STEADY] = "steady",
	[VERDICT_CACHE_FILL] = "cache-fill",
	[VERDICT_RETENTION] = "retention",
	[VERDICT_GROWING_BUFFER] = "growing-buffer",
	[VERDICT_LEAK] = "leak",
};

const char *
verdict_name(enum verdict_kind kind)
{
	return names[kind];
}

static double
odds_to_share(double log_odds)
{
	return 1 / (1 + exp(-log_odds));
}

/* What one snapshot more is worth where nothing happens. */
static double
stillness(size_t points)
{
	return 1 - 1 / (double)points;
}

static double
rise_of(const struct growth *g)
{
	return g->trend.slope * g->window_s;
}

/* `thin`: could it be one, if there were more points? */
static bool
is_growing_buffer(const struct evidence *e, bool thin)
{
	const struct growth *o = &e->objects;
	const struct growth *b = &e->bytes;
	double share;

	if (!b->moves || !(b->level > 0))
		return false;
	share = b->rise / b->level;
	if (o->moves) {
		/* Nor do the bytes merely follow the count. */
		if (fabs(rise_of(o)) > 0.1 * o->level + 1)
			return false;
		if (o->trend.p < RISE_P_MAX &&
		    rise_of(o) / o->level > rise_of(b) / b->level / 3)
			return false;
	}
	if (b->falls > BUFFER_FALLS_MAX)
		return false;
	if (thin)
		return b->steps >= BUFFER_STEPS_MIN - 1 &&
		       b->late[LATE_HALF] > 0 && share > BUFFER_SHARE_MIN;
	if (b->trend.p > BUFFER_P_MAX || b->steps < BUFFER_STEPS_MIN ||
	    b->pause > BUFFER_PAUSE_MAX * b->pause_before)
		return false;
	/* Other blocks, not the same grown: their sizes may be chance. */
	if (o->level >= BUFFER_CROWD && b->turned > BUFFER_TURNED)
		return share > BUFFER_CROWD_SHARE_MIN;
	return share > BUFFER_SHARE_MIN ||
	       (b->falls < BUFFER_SMOOTH_FALLS_MAX &&
		b->steps >= BUFFER_SMOOTH_STEPS_MIN &&
		share > BUFFER_SMOOTH_SHARE_MIN);
}

/* More confidence the more often and the more evenly it grew. */
static double
buffer_confidence(const struct growth *b)
{
	double steps = (double)b->steps / 8;

	return 0.6 + 0.4 * steps * (1 - fmin(1, b->falls * 4)) *
			     (1 - fmin(1, b->trend.p / BUFFER_P_MAX));
}

/*
 * So many points that tau, if it stays as it is, gives WANTED_P_Z: without ties
 * z = 3 tau sqrt(n (n - 1) / (2 (2 n + 5))).
 */
static void
ask_for_more(const struct evidence *e, const struct growth *g,
	     struct verdict *v)
{
	double tau = fmax(g->trend.tau, 0.3);
	size_t have = e->count > g->from ? e->count - g->from : 0;
	size_t n = WANTED_POINTS_MIN;

	while (n < WANTED_POINTS_MAX &&
	       3 * tau *
			       sqrt((double)n * (double)(n - 1) /
				    (2 * (2 * (double)n + 5))) <
		       WANTED_P_Z)
		n++;
	v->more_snapshots = n > have ? (unsigned int)(n - have) : 1;
	/* As far apart as now: closer ones would only see the same noise. */
	v->spacing_s = WANTED_SPACING_MIN_S;
	if (e->count > 1)
		v->spacing_s = fmax(v->spacing_s,
				    e->window_s / (double)(e->count - 1));
}

/*
 * What no other evidence outweighs: one or two steps may be the last (a reload,
 * the first use of something), and a rise of no more than chance gives a count
 * that goes up and down is none. Nor is it a rise to regain a level that was
 * lost with all that made it, as a sawtooth does.
 */
static bool
is_excused(const struct evidence *e, const struct growth *g)
{
	if (g->steps < STEPS_MIN && g->falls < STEPS_FALLS_MAX)
		return true;
	if (!e->survivors.known)
		return false;
	if (g->highest_before > REGAINED * g->level &&
	    g->whole.evenness > REGAINED_EVENNESS)
		return true;
	return g->z < 1 && g->falls > CHURN_FALLS_MIN;
}

static bool
is_significant(const struct evidence *e, const struct growth *g, double odds)
{
	if (g->trend.p <= RISE_P_MAX)
		return true;
	return e->survivors.known && odds > PROVEN_ODDS &&
	       g->trend.p <= PROVEN_P_MAX && g->count >= PROVEN_POINTS_MIN;
}

static void
judge_unending(const struct evidence *e, const struct growth *g,
	       enum verdict_kind kind, struct verdict *v)
{
	double clues[CLUE_COUNT];
	double odds;

	clues_of(e, g, clues);
	odds = clues_weigh(e, clues);
	v->confidence = odds_to_share(odds);
	if (odds > ENDLESS_ODDS && is_significant(e, g, odds) &&
	    !is_excused(e, g)) {
		v->kind = kind;
	} else if (g->trend.tau > 0 && odds > THIN_ODDS &&
		   e->count < THIN_POINTS) {
		v->kind = VERDICT_INSUFFICIENT;
		v->confidence = 1 - fabs(2 * v->confidence - 1);
	} else {
		v->kind = VERDICT_STEADY;
		/* Odds that were overruled don't count against the verdict. */
		v->confidence = fmax(OVERRULED, 1 - v->confidence);
		v->confidence = fmin(v->confidence, stillness(e->count));
	}
}

/* The level is another than at the start, and it has not fallen back. */
static bool
has_filled(const struct growth *g)
{
	return g->moves && g->falls < FILL_FALLS_MAX &&
	       g->grown > FILL_SHARE_MIN * g->level;
}

static void
judge(const struct subject *subject, const struct evidence *e,
      struct verdict *v)
{
	const struct growth *o = &e->objects;
	const struct growth *b = &e->bytes;

	v->kind = VERDICT_STEADY;
	v->confidence = stillness(e->count);
	if (!e->counted) {
		if (b->moves)
			judge_unending(e, b,
				       subject->is_retained ? VERDICT_RETENTION
							    : VERDICT_LEAK,
				       v);
	} else if (o->moves) {
		judge_unending(e, o, VERDICT_LEAK, v);
	}
	if (e->counted && v->kind != VERDICT_LEAK &&
	    is_growing_buffer(e, false)) {
		v->kind = VERDICT_GROWING_BUFFER;
		v->confidence = buffer_confidence(b);
	}
	if (e->counted && v->kind == VERDICT_STEADY && e->count < THIN_POINTS &&
	    is_growing_buffer(e, true)) {
		v->kind = VERDICT_INSUFFICIENT;
		v->confidence = 0.5;
	}
	if (v->kind == VERDICT_STEADY && !subject->is_retained &&
	    (has_filled(o) || has_filled(b)))
		v->kind = VERDICT_CACHE_FILL;
}

static void
say_rates(const struct evidence *e, const struct verdict_settings *settings,
	  struct verdict *v)
{
	const struct growth *o = &e->objects;
	const struct growth *b = &e->bytes;
	const struct growth *main = e->counted && o->moves ? o : b;

	v->bytes_per_hour = b->trend.slope * 3600;
	v->bytes_per_hour_low = b->trend.low * 3600;
	v->bytes_per_hour_high = b->trend.high * 3600;
	v->objects_per_hour = o->trend.slope * 3600;
	v->trend_p = v->kind == VERDICT_GROWING_BUFFER ? b->trend.p
						       : main->trend.p;
	v->warmup_points = main->from;
	if (main->from > 0)
		v->warmup_s = e->times[main->from] - e->times[0];
	if (v->kind >= VERDICT_RETENTION && settings->headroom_bytes > 0 &&
	    v->bytes_per_hour > 0)
		v->eta_hours =
			(double)settings->headroom_bytes / v->bytes_per_hour;
}

/* A warm-up that was asked for may leave nothing to judge. */
static size_t
points_left(const struct evidence *e)
{
	size_t from = e->objects.from > e->bytes.from ? e->objects.from
						      : e->bytes.from;

	return e->count - from;
}

void
verdict_of(const struct subject *subject,
	   const struct verdict_settings *settings, struct verdict *v)
{
	struct evidence e;

	*v = (struct verdict){ .kind = VERDICT_INSUFFICIENT,
			       .trend_p = 1,
			       .eta_hours = -1,
			       .more_snapshots = WANTED_POINTS_MIN,
			       .spacing_s = WANTED_SPACING_MIN_S };
	if (subject->count == 0)
		return;
	v->more_snapshots =
		subject->count < WANTED_POINTS_MIN
			? (unsigned int)(WANTED_POINTS_MIN - subject->count)
			: 1;
	if (subject->count == 1)
		return;
	evidence_gather(subject, settings, &e);
	if (points_left(&e) >= 3) {
		judge(subject, &e, v);
		say_rates(&e, settings, v);
	}
	v->more_snapshots = 0;
	v->spacing_s = 0;
	if (v->kind == VERDICT_INSUFFICIENT)
		ask_for_more(&e, e.objects.moves ? &e.objects : &e.bytes, v);
}

double
verdict_weight(const struct verdict *verdict)
{
	double weight = verdict->confidence * verdict->confidence *
			verdict->bytes_per_hour_low;

	return isfinite(weight) ? weight : 0;
}

int
verdict_compare(const struct verdict *a, const struct verdict *b)
{
	double x = verdict_weight(a), y = verdict_weight(b);
	/* A buffer that grows is as bad as a leak of as many bytes. */
	bool grows_a = a->kind >= VERDICT_GROWING_BUFFER;
	bool grows_b = b->kind >= VERDICT_GROWING_BUFFER;

	if (grows_a != grows_b)
		return grows_a ? -1 : 1;
	if (!grows_a && a->kind != b->kind)
		return a->kind > b->kind ? -1 : 1;
	return (x < y) - (x > y);
}

/* --- one snapshot ---------------------------------------------------------- */

/* Slices of the time since tracking began. */
#define SLICES 8
/* A slice with this share of the mean density counts as full. */
#define SLICE_FULL 0.5
/* Edges of bins that it takes to tell slices apart: of what was born within a
 * single bin nobody knows when. */
#define SUSPECT_EDGES_MIN 4
/* So many objects are evidence by half. */
#define SUSPECT_HALF_OBJECTS 10

/*
 * A leak leaves as much of each slice as was born in it, less what died young.
 * The first slice is the start's, the last is full of the short-lived; those
 * between should be alike. Few blocks say little.
 */
double
verdict_suspicion(const struct subject *subject)
{
	struct survivors survivors;
	double slice = subject->tracked_s / SLICES;
	double from, to, total, mean, full = 0;
	size_t inner = 0;
	size_t k;

	survivors_of(subject, &survivors);
	if (!survivors.known || !(slice > 0))
		return 0;
	for (k = 0; k < survivors.count; k++)
		inner += survivors.times[k] > 0 &&
			 survivors.times[k] < subject->tracked_s;
	if (inner < SUSPECT_EDGES_MIN)
		return 0;
	from = survivors_objects(&survivors, slice);
	to = survivors_objects(&survivors, slice * (SLICES - 1));
	total = to - from;
	if (!(total > 0))
		return 0;
	mean = total / (SLICES - 2);
	for (k = 1; k < SLICES - 1; k++) {
		double in =
			survivors_objects(&survivors, slice * (double)(k + 1)) -
			survivors_objects(&survivors, slice * (double)k);

		full += fmin(1, in / mean / SLICE_FULL);
	}
	full /= SLICES - 2;
	/* One cohort alone fills a slice or two. */
	full = fmax(0, (full - 0.25) / 0.75);
	return full * total / (total + SUSPECT_HALF_OBJECTS);
}
