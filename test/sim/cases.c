#include "cases.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HOUR 3600.0
#define DAY (24 * HOUR)

/* Of snapshots at odd times. */
#define BURSTS_MAX 4

struct family {
	const char *name;
	void (*tell)(struct story *story);
};

/* --- building blocks ------------------------------------------------------- */

static double
window(const struct story *story)
{
	return story->end - story->first;
}

/* A moment of the window: 0 = first snapshot, 1 = last. */
static double
at(const struct story *story, double share)
{
	return story->first + share * window(story);
}

static void
draw_sizes(struct story *story, struct part *part)
{
	struct dice *dice = &story->dice;

	part->size = dice_spread(dice, 16, 16384);
	part->size_law = dice_below(dice, 3);
}

/* Requests: `births` in the window, each living about `life`. */
static struct part *
add_churn(struct story *story, double births, double life)
{
	struct part *part = world_part(&story->world, PART_CHURN);

	draw_sizes(story, part);
	part->rate = births / window(story);
	part->life = life;
	part->life_law = dice_below(&story->dice, 3);
	return part;
}

static struct part *
add_pool(struct story *story)
{
	struct part *part = world_part(&story->world, PART_POOL);

	draw_sizes(story, part);
	part->capacity = floor(dice_spread(&story->dice, 1, 2000));
	part->next = story->first * dice_unit(&story->dice);
	return part;
}

/* What else a site may hold: a pool from the start, some requests. */
static void
add_company(struct story *story)
{
	struct dice *dice = &story->dice;

	if (dice_chance(dice, 0.3))
		add_pool(story);
	if (dice_chance(dice, 0.3))
		add_churn(story, dice_spread(dice, 50, 3000),
			  window(story) * dice_spread(dice, 1e-3, 0.05));
}

static void
draw_load(struct story *story, double shortest, double longest)
{
	struct dice *dice = &story->dice;
	struct load *load = &story->world.load;

	load->law = 1 + dice_below(dice, 3);
	load->period = window(story) * dice_spread(dice, shortest, longest);
	load->depth = dice_between(dice, 0.2, 1);
	load->phase = dice_unit(dice);
	if (load->law == LOAD_WANDER)
		load->period /= 10;
}

/* Without ages only what has come and gone in the window can be told from
 * growth: the wanderings are shorter. */
static void
draw_quick_load(struct story *story)
{
	draw_load(story, 0.02, 0.33);
	if (story->world.load.law == LOAD_WANDER)
		story->world.load.period /= 4;
}

/* Blocks that live when all is even. */
static double
level(const struct part *part)
{
	return part->rate * part->life *
	       (part->life_law == LIFE_LOGNORMAL ? 1.65 : 1);
}

/* Some sites are seen through a sample. */
static void
draw_sample(struct story *story, double probability)
{
	if (dice_chance(&story->dice, probability))
		story->world.sample_bytes =
			floor(dice_spread(&story->dice, 4096, 524288));
}

/* --- families that don't leak ---------------------------------------------- */

static void
tell_pool(struct story *story)
{
	struct dice *dice = &story->dice;

	/* Some pools are filled while we watch. */
	add_pool(story)->next = dice_chance(dice, 0.5)
					? at(story, dice_between(dice, 0, 0.3))
					: story->first * dice_unit(dice);
	add_company(story);
	draw_sample(story, 0.2);
}

static void
tell_cache_to_the_brim(struct story *story)
{
	struct dice *dice = &story->dice;
	struct part *part = world_part(
		&story->world, dice_chance(dice, 0.5) ? PART_QUEUE : PART_BAG);
	double full = at(story, dice_between(dice, 0.05, 0.6));

	draw_sizes(story, part);
	part->capacity = floor(dice_spread(dice, 10, 3000));
	part->from = dice_chance(dice, 0.3)
			     ? dice_between(dice, 0, story->first)
			     : 0;
	part->rate = part->capacity / (full - part->from);
	/* Then nothing may be evicted any more, or all goes on turning over. */
	if (dice_chance(dice, 0.3))
		part->to = full;
	add_company(story);
	if (dice_chance(dice, 0.3))
		draw_load(story, 0.02, 0.2);
	draw_sample(story, 0.2);
}

static void
tell_cache_turning_over(struct story *story)
{
	struct dice *dice = &story->dice;
	struct part *part = world_part(
		&story->world, dice_chance(dice, 0.5) ? PART_QUEUE : PART_BAG);

	draw_sizes(story, part);
	part->capacity = floor(dice_spread(dice, 10, 3000));
	part->rate = part->capacity / window(story) * dice_spread(dice, 2, 20);
	add_company(story);
	draw_load(story, 0.05, 3);
	draw_sample(story, 0.2);
}

/* A memo of finitely many keys. Popular keys come first, so the law of growth
 * is anything from exponential to nearly a power. */
static void
tell_memo(struct story *story)
{
	struct dice *dice = &story->dice;
	struct part *part = world_part(&story->world, PART_KEYS);
	static const double exponents[] = { 0, 0.5, 0.8, 1.1 };
	/* Looks per key until the end of the window. */
	double looks;

	draw_sizes(story, part);
	part->zipf = exponents[dice_below(dice, 4)];
	part->capacity = floor(dice_spread(dice, 50, 2000));
	looks = dice_between(dice, 4, 10) * (part->zipf > 0.6 ? 3 : 1);
	part->from = story->first * dice_unit(dice);
	part->rate = part->capacity * looks / (story->end - part->from);
	add_company(story);
	draw_sample(story, 0.2);
}

static void
tell_expiring_cache(struct story *story)
{
	struct dice *dice = &story->dice;
	struct part *part =
		add_churn(story, dice_spread(dice, 100, 6000),
			  window(story) * dice_between(dice, 0.02, 0.4));

	part->life_law = LIFE_FIXED;
	draw_load(story, 0.02, 3);
	add_company(story);
	draw_sample(story, 0.2);
}

static void
tell_periodic_load(struct story *story)
{
	struct dice *dice = &story->dice;

	draw_load(story, 0.02, 3);
	add_churn(story, dice_spread(dice, 200, 8000),
		  window(story) * dice_spread(dice, 1e-3, 0.05));
	add_company(story);
	draw_sample(story, 0.2);
}

static void
tell_outage(struct story *story)
{
	struct dice *dice = &story->dice;
	struct load *load = &story->world.load;
	struct part *part;

	if (dice_chance(dice, 0.3))
		draw_load(story, 0.02, 0.3);
	load->outage_from = at(story, dice_between(dice, 0.02, 0.5));
	load->outage_to =
		load->outage_from + window(story) * dice_between(dice, 0, 0.1);
	if (dice_chance(dice, 0.5)) {
		part = world_part(&story->world, PART_QUEUE);
		draw_sizes(story, part);
		part->capacity = floor(dice_spread(dice, 10, 2000));
		/* Full again at 60 % of what is left. */
		part->rate = part->capacity / (dice_between(dice, 0.1, 0.5) *
					       (story->end - load->outage_to));
	} else {
		add_churn(story, dice_spread(dice, 100, 6000),
			  window(story) * dice_spread(dice, 1e-3, 0.1));
	}
	add_company(story);
}

static void
tell_sawtooth(struct story *story)
{
	struct dice *dice = &story->dice;
	struct part *part = world_part(&story->world, PART_TOOTH);

	draw_sizes(story, part);
	part->period = window(story) * dice_spread(dice, 0.03, 0.5);
	part->phase = dice_unit(dice);
	part->rate = dice_spread(dice, 20, 1000) / part->period;
	if (dice_chance(dice, 0.3))
		draw_load(story, 0.02, 0.5);
	add_company(story);
	draw_sample(story, 0.2);
}

static void
tell_batch_jobs(struct story *story)
{
	struct dice *dice = &story->dice;
	struct part *part = world_part(&story->world, PART_BATCH);

	draw_sizes(story, part);
	part->capacity = dice_spread(dice, 10, 2000);
	part->period = window(story) * dice_spread(dice, 0.03, 0.3);
	part->life = window(story) * dice_spread(dice, 0.003, 0.1);
	add_company(story);
}

/* Doubles while it fills; its last is in the first 40 % of the window. */
static void
tell_buffer_that_stops(struct story *story)
{
	struct dice *dice = &story->dice;
	struct part *part = world_part(&story->world, PART_BUFFER);
	static const double factors[] = { 1.5, 2, 2, 1 };

	part->factor = factors[dice_below(dice, 4)];
	part->size = dice_spread(dice, 256, 65536);
	part->chunk = part->factor == 1 ? part->size : 0;
	part->from = story->first * dice_unit(dice);
	part->to = at(story, dice_between(dice, 0.05, 0.4));
	part->rate = part->size * dice_spread(dice, 2, 500) /
		     (part->to - part->from);
	if (dice_chance(dice, 0.3))
		add_pool(story);
}

static void
tell_hash_table(struct story *story)
{
	struct dice *dice = &story->dice;
	struct part *part;

	/* Its entries fill up like a memo's, its array is what we see. */
	tell_buffer_that_stops(story);
	part = &story->world.parts[0];
	part->factor = 2;
	part->chunk = 0;
	if (dice_chance(dice, 0.5))
		draw_load(story, 0.02, 0.2);
}

static void
tell_heavy_tails(struct story *story)
{
	struct dice *dice = &story->dice;
	struct part *part =
		add_churn(story, dice_spread(dice, 200, 8000),
			  window(story) * dice_spread(dice, 5e-4, 6e-3));

	part->life_law = LIFE_PARETO;
	part->size_law = SIZE_PARETO;
	if (dice_chance(dice, 0.3))
		draw_load(story, 0.02, 0.5);
	add_company(story);
	draw_sample(story, 0.2);
}

/* The ledger has no ages: a period must be seen three times, and where memory
 * is never given back, no request may dwarf all others, or each record of theirs
 * is a step for ever. */
static void
tell_ledger(struct story *story)
{
	struct dice *dice = &story->dice;
	struct part *part;

	story->line = LINE_LIVE + dice_below(dice, 3);
	if (dice_chance(dice, 0.5)) {
		part = world_part(&story->world, PART_QUEUE);
		draw_sizes(story, part);
		part->capacity = floor(dice_spread(dice, 10, 2000));
		part->rate =
			part->capacity / at(story, dice_between(dice, 0, 0.5));
	}
	add_pool(story);
	part = add_churn(story, dice_spread(dice, 2000, 8000),
			 window(story) * dice_spread(dice, 5e-3, 0.05));
	if (story->line != LINE_LIVE)
		part->size_law = dice_below(dice, 2);
	if (dice_chance(dice, 0.5))
		draw_quick_load(story);
}

static void
tell_thread_pool(struct story *story)
{
	struct dice *dice = &story->dice;
	struct part *part;

	story->line = LINE_THREADS;
	if (dice_chance(dice, 0.5)) {
		part = add_pool(story);
		part->capacity = floor(dice_spread(dice, 1, 200));
		part->next = at(story, dice_between(dice, 0, 0.4));
	}
	if (dice_chance(dice, 0.5)) {
		draw_quick_load(story);
		add_churn(story, dice_spread(dice, 20, 2000),
			  window(story) * dice_spread(dice, 1e-3, 0.05));
	}
}

/* A reload, a first use of something: once or twice, then kept. */
static void
tell_one_off_steps(struct story *story)
{
	struct dice *dice = &story->dice;
	unsigned int i, count = 1 + dice_below(dice, 2);

	for (i = 0; i < count; i++) {
		struct part *part = add_pool(story);

		part->from = at(story, dice_between(dice, 0.05, 0.7));
		part->next = part->from;
	}
	add_company(story);
}

static void
tell_spool(struct story *story)
{
	struct dice *dice = &story->dice;
	struct part *part = world_part(&story->world, PART_SPOOL);

	draw_sizes(story, part);
	part->size_law = 1 + dice_below(dice, 2);
	part->period = window(story) * dice_spread(dice, 1e-3, 0.1);
}

/* --- families that leak ----------------------------------------------------- */

/* The leak itself: 12 to 4,000 blocks in the window. */
static struct part *
add_leak(struct story *story)
{
	struct part *part = world_part(&story->world, PART_LEAK);

	draw_sizes(story, part);
	part->rate = dice_spread(&story->dice, 12, 4000) / window(story);
	part->ignores_load = dice_chance(&story->dice, 0.5);
	return part;
}

/* Requests beside it, at most so many that the leak in the window is 5 times
 * their random error; 10 times where there are no ages. */
static void
add_leaky_company(struct story *story, double leaked)
{
	struct dice *dice = &story->dice;
	struct part *part;
	double sigmas = story->line == LINE_SITE ? 5 : 10;
	double most = leaked * leaked / sigmas / sigmas;

	if (dice_chance(dice, 0.3))
		add_pool(story);
	if (dice_chance(dice, 0.5))
		return;
	part = add_churn(story, dice_spread(dice, 50, 5000),
			 window(story) * dice_spread(dice, 1e-3, 0.05));
	if (level(part) > most)
		part->rate *= most / level(part);
}

static void
tell_steady_leak(struct story *story)
{
	struct part *part = add_leak(story);

	add_leaky_company(story, part->rate * window(story));
}

/* Four steps or more in the window, of a block or many. */
static void
tell_staircase(struct story *story)
{
	struct dice *dice = &story->dice;
	struct part *part = world_part(&story->world, PART_STEPS);

	draw_sizes(story, part);
	part->period = window(story) / dice_between(dice, 5, 40);
	if (window(story) > 6 * HOUR && dice_chance(dice, 0.7))
		part->period = HOUR;
	part->phase = dice_unit(dice);
	part->capacity = ceil(dice_spread(dice, 1, 100));
	add_leaky_company(story, part->capacity * window(story) / part->period);
}

/* Begins in the first half of the window. */
static void
tell_slow_start(struct story *story)
{
	struct dice *dice = &story->dice;
	double start = dice_between(dice, 0.05, 0.5);
	struct part *part = add_leak(story);

	part->from = at(story, start);
	part->rate /= 1 - start;
	add_leaky_company(story, part->rate * (1 - start) * window(story));
}

/* The floor rises by at least the height of a tooth. */
static void
tell_rising_floor(struct story *story)
{
	struct dice *dice = &story->dice;
	struct part *leak = add_leak(story);
	struct part *part = world_part(&story->world, PART_TOOTH);
	double leaked = leak->rate * window(story);

	*part = (struct part){ .law = PART_TOOTH,
			       .size = leak->size,
			       .size_law = leak->size_law,
			       .to = FOREVER,
			       .full_at = FOREVER };
	part->period = window(story) * dice_spread(dice, 0.03, 0.25);
	part->phase = dice_unit(dice);
	part->rate = leaked * dice_between(dice, 0.1, 1) / part->period;
}

/* The leak in the window is at least half of what the load moves. */
static void
tell_leak_under_periodic_load(struct story *story)
{
	struct dice *dice = &story->dice;
	struct part *leak = add_leak(story);
	struct part *part;
	double leaked = leak->rate * window(story);

	draw_load(story, 0.02, 0.5);
	part = add_churn(story, dice_spread(dice, 200, 5000),
			 window(story) * dice_spread(dice, 1e-3, 0.05));
	if (level(part) > leaked)
		part->rate *= leaked / level(part);
	if (level(part) > leaked * leaked / 25)
		part->rate *= leaked * leaked / 25 / level(part);
}

static void
tell_varying_rate(struct story *story)
{
	struct dice *dice = &story->dice;
	struct part *part = add_leak(story);

	part->swing = dice_between(dice, 0.3, 1);
	part->period = window(story) * dice_spread(dice, 0.02, 0.1);
	add_leaky_company(story, part->rate * window(story) / 2);
}

static void
tell_growing_buffer(struct story *story)
{
	struct dice *dice = &story->dice;
	struct part *part = world_part(&story->world, PART_BUFFER);
	double before, grown;

	part->size = dice_spread(dice, 256, 65536);
	/* Rate in first sizes a second: so full at the first snapshot, and so
	 * many times fuller at the last. */
	if (dice_chance(dice, 0.5)) {
		part->factor = 1;
		part->chunk = part->size;
		grown = dice_spread(dice, 6, 100);
		part->rate = part->size * grown / window(story);
		return;
	}
	/* Seen growing at least four times. */
	part->factor = dice_chance(dice, 0.5) ? 1.5 : 2;
	before = story->first;
	if (before > window(story) / 31)
		part->from = before - window(story) / 31;
	grown = dice_spread(dice, 40, 1000);
	part->rate = part->size * grown / window(story);
}

static void
tell_thread_leak(struct story *story)
{
	struct dice *dice = &story->dice;
	struct part *part = add_leak(story);

	story->line = LINE_THREADS;
	part->rate = dice_spread(dice, 12, 500) / window(story);
	add_leaky_company(story, part->rate * window(story));
}

/* A cache fills first; the leak goes on, of at least half its size. */
static void
tell_leak_behind_a_cache(struct story *story)
{
	struct dice *dice = &story->dice;
	struct part *leak = add_leak(story);
	struct part *part = world_part(&story->world, PART_QUEUE);
	double leaked = leak->rate * window(story);

	*part = (struct part){ .law = PART_QUEUE,
			       .size = leak->size,
			       .size_law = leak->size_law,
			       .to = FOREVER,
			       .full_at = FOREVER };
	part->capacity = ceil(leaked * dice_between(dice, 0.1, 2));
	part->rate = part->capacity / at(story, dice_between(dice, 0, 0.4));
}

/* No ages, no objects: the leak is twice what the load moves, or more. */
static void
tell_ledger_leak(struct story *story)
{
	struct dice *dice = &story->dice;
	struct part *leak = add_leak(story);
	struct part *part;
	double leaked;

	story->line = dice_chance(dice, 0.5) ? LINE_LIVE : LINE_PEAK;
	leak->rate = dice_spread(dice, 20, 4000) / window(story);
	leak->size_law = SIZE_FIXED;
	leaked = leak->rate * window(story);
	/* Resident memory is in pages: sixteen of them at least. */
	if (leaked * leak->size < 65536)
		leak->size = ceil(65536 / leaked);
	add_pool(story);
	if (dice_chance(dice, 0.5))
		draw_quick_load(story);
	part = add_churn(story, dice_spread(dice, 200, 5000),
			 window(story) * dice_spread(dice, 1e-3, 0.05));
	part->size = leak->size;
	part->size_law = SIZE_FIXED;
	if (level(part) > leaked / 2)
		part->rate *= leaked / 2 / level(part);
	if (level(part) > leaked * leaked / 100)
		part->rate *= leaked * leaked / 100 / level(part);
}

/* At least 40 sampled blocks of the leak. */
static void
tell_sampled_leak(struct story *story)
{
	struct dice *dice = &story->dice;
	struct part *part = add_leak(story);
	double bytes;

	part->size_law = SIZE_FIXED;
	part->rate = dice_spread(dice, 400, 10000) / window(story);
	bytes = part->rate * window(story) * part->size;
	story->world.sample_bytes =
		fmin(524288, floor(bytes / dice_spread(dice, 40, 400)));
	if (story->world.sample_bytes < 2)
		story->world.sample_bytes = 2;
	if (dice_chance(dice, 0.5)) {
		struct part *churn = add_churn(
			story, dice_spread(dice, 200, 5000),
			window(story) * dice_spread(dice, 1e-3, 0.05));
		double most = bytes / part->size / 4;

		churn->size = part->size;
		churn->size_law = SIZE_FIXED;
		if (level(churn) > most)
			churn->rate *= most / level(churn);
	}
}

/* Requests stop and start again; the leak with them. */
static void
tell_leak_with_outage(struct story *story)
{
	struct dice *dice = &story->dice;
	struct load *load = &story->world.load;
	struct part *part = add_leak(story);

	load->outage_from = at(story, dice_between(dice, 0.1, 0.6));
	load->outage_to =
		load->outage_from + window(story) * dice_between(dice, 0, 0.1);
	add_leaky_company(story, part->rate * window(story) * 0.9);
}

static const struct family leak_free[] = {
	{ "pool", tell_pool },
	{ "cache-to-the-brim", tell_cache_to_the_brim },
	{ "cache-turning-over", tell_cache_turning_over },
	{ "memo", tell_memo },
	{ "expiring-cache", tell_expiring_cache },
	{ "periodic-load", tell_periodic_load },
	{ "outage", tell_outage },
	{ "sawtooth", tell_sawtooth },
	{ "batch-jobs", tell_batch_jobs },
	{ "buffer-that-stops", tell_buffer_that_stops },
	{ "hash-table", tell_hash_table },
	{ "heavy-tails", tell_heavy_tails },
	{ "ledger", tell_ledger },
	{ "thread-pool", tell_thread_pool },
	{ "one-off-steps", tell_one_off_steps },
	{ "spool", tell_spool },
};

static const struct family leaking[] = {
	{ "steady-leak", tell_steady_leak },
	{ "staircase", tell_staircase },
	{ "slow-start", tell_slow_start },
	{ "rising-floor", tell_rising_floor },
	{ "leak-under-periodic-load", tell_leak_under_periodic_load },
	{ "varying-rate", tell_varying_rate },
	{ "growing-buffer", tell_growing_buffer },
	{ "thread-leak", tell_thread_leak },
	{ "leak-behind-a-cache", tell_leak_behind_a_cache },
	{ "ledger-leak", tell_ledger_leak },
	{ "sampled-leak", tell_sampled_leak },
	{ "leak-with-outage", tell_leak_with_outage },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

size_t
cases_count(bool leaks)
{
	return leaks ? COUNT(leaking) : COUNT(leak_free);
}

/* --- the frame: how long, how often, how evenly ---------------------------- */

static int
compare_times(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Moments of the window, rising, the first 0 and the last 1: at random; in
 * bursts, as of somebody who looks now and then; or ever further apart. */
static void
draw_moments(struct dice *dice, double *moments, size_t count)
{
	unsigned int law = dice_below(dice, 3);
	unsigned int burst_count = 1 + dice_below(dice, BURSTS_MAX);
	double bursts[BURSTS_MAX];
	size_t k;

	for (k = 0; k < burst_count; k++)
		bursts[k] = dice_unit(dice);
	for (k = 1; k + 1 < count; k++) {
		double share = (double)k / (double)(count - 1);

		if (law == 0)
			moments[k] = dice_unit(dice);
		else if (law == 1)
			moments[k] =
				0.9 * bursts[dice_below(dice, burst_count)] +
				0.1 * dice_unit(dice);
		else
			moments[k] = expm1(5 * share) / expm1(5);
	}
	moments[0] = 0;
	moments[count - 1] = 1;
	qsort(moments, count, sizeof(*moments), compare_times);
	/* No two at once. */
	for (k = 1; k < count; k++)
		if (!(moments[k] > moments[k - 1] + 1e-6))
			moments[k] = moments[k - 1] + 1e-6;
}

static void
draw_frame(struct story *story)
{
	struct dice *dice = &story->dice;
	struct world *world = &story->world;
	double length = dice_spread(dice, 120, 5 * DAY);
	double jitter = dice_chance(dice, 0.5) ? 0.02
					       : dice_between(dice, 0.1, 0.9);
	size_t k;

	world->sight_count = story->few ? 4 + dice_below(dice, 4)
					: 8 + dice_below(dice, 53);
	/* Tracked for a moment, or for up to three windows, before. */
	story->first = dice_chance(dice, 0.4)
			       ? length * dice_between(dice, 0.002, 0.05)
			       : length * dice_between(dice, 0.05, 3);
	story->end = story->first + length;
	if (story->uneven) {
		double moments[POINTS];

		draw_moments(dice, moments, world->sight_count);
		for (k = 0; k < world->sight_count; k++)
			world->sights[k].time =
				story->first + moments[k] * length;
		story->end = world->sights[world->sight_count - 1].time;
		return;
	}
	for (k = 0; k < world->sight_count; k++) {
		double spacing = length / (double)(world->sight_count - 1);
		double shift = k == 0 || k == world->sight_count - 1
				       ? 0
				       : jitter * dice_between(dice, -0.5, 0.5);

		world->sights[k].time =
			story->first + ((double)k + shift) * spacing;
	}
}

static double
births_between(const struct part *part, double from, double to)
{
	double births = 0;

	for (size_t i = 0; i < part->count; i++)
		births += part->blocks[i].birth >= from &&
			  part->blocks[i].birth < to;
	return births;
}

/* From a moment on: two snapshots and the last, over a tenth of the window. */
static bool
is_seen_after(const struct story *story, double moment)
{
	const struct sight *sights = story->world.sights;
	size_t last = story->world.sight_count - 1;

	return sights[last - 2].time >= moment &&
	       story->end - fmax(moment, sights[0].time) >=
		       0.1 * window(story) &&
	       sights[last].time - sights[last - 1].time <
		       0.9 * (story->end - moment);
}

/* Nobody can tell what happened where nobody looked. */
static bool
is_seen(const struct story *story)
{
	const struct world *world = &story->world;
	size_t rises = 0;
	size_t k, p;

	for (k = 1; k < world->sight_count; k++)
		rises += world->sights[k].bytes > world->sights[k - 1].bytes;
	for (p = 0; p < world->part_count; p++) {
		const struct part *part = &world->parts[p];

		if ((part->law == PART_QUEUE || part->law == PART_BAG) &&
		    !is_seen_after(story, part->full_at))
			return false;
		if (part->law == PART_LEAK && !is_seen_after(story, part->from))
			return false;
		if (part->law == PART_BUFFER && story->leaks && rises < 5)
			return false;
	}
	return true;
}

bool
cases_can_be_told(const struct story *story)
{
	const struct world *world = &story->world;
	size_t p;

	if (story->uneven && !is_seen(story))
		return false;
	if (story->leaks && story->line == LINE_PEAK &&
	    world->peaks[world->sight_count - 1] - world->peaks[0] <
		    world->leaked_bytes / 2)
		return false;
	if (story->leaks)
		return world->parts[0].law == PART_BUFFER ||
		       world->leaked_objects >= 10;
	if (story->line == LINE_PEAK || story->line == LINE_KEPT) {
		const double *peaks = world->peaks;
		size_t last = world->sight_count - 1;

		if (peaks[last] - peaks[last / 2] >
		    (peaks[last / 2] - peaks[0]) / 2)
			return false;
	}
	for (p = 0; p < world->part_count; p++) {
		const struct part *part = &world->parts[p];

		if ((part->law == PART_QUEUE || part->law == PART_BAG) &&
		    part->full_at > at(story, 0.6))
			return false;
		if (part->law == PART_KEYS) {
			double early =
				fmax(births_between(part, at(story, -1. / 3),
						    story->first),
				     births_between(part, story->first,
						    at(story, 1. / 3)));

			if (early < 24 ||
			    births_between(part, at(story, 2. / 3),
					   story->end) > 0.4 * early)
				return false;
		}
	}
	return true;
}

void
cases_tell(struct story *story, bool leaks, enum frame frame, size_t family,
	   uint64_t seed)
{
	const struct family *which = leaks ? &leaking[family]
					   : &leak_free[family];

	memset(story, 0, sizeof(*story));
	dice_init(&story->dice, seed * 64 + family * 2 + leaks);
	for (;;) {
		story->world = (struct world){ .dice = &story->dice,
					       .sample_bytes = 1 };
		story->line = LINE_SITE;
		story->family = which->name;
		story->leaks = leaks;
		story->few = frame == FRAME_FEW;
		story->uneven = frame == FRAME_UNEVEN;
		draw_frame(story);
		which->tell(story);
		world_run(&story->world);
		if (cases_can_be_told(story))
			return;
		world_release(&story->world);
	}
}
