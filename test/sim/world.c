#include "world.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STEPS 1500 /* of time, between the first and the last snapshot */

struct part *
world_part(struct world *world, enum part_law law)
{
	struct part *part = &world->parts[world->part_count++];

	if (world->part_count > PARTS)
		abort();
	*part = (struct part){
		.law = law, .size = 100, .to = FOREVER, .full_at = FOREVER
	};
	return part;
}

/* --- load ------------------------------------------------------------------ */

static double
load_at(struct world *world, double t)
{
	const struct load *load = &world->load;
	double x;

	if (t >= load->outage_from && t < load->outage_to)
		return 0;
	switch (load->law) {
	case LOAD_SINE:
		x = sin(2 * M_PI * (t / load->period + load->phase));
		return 1 - load->depth * (0.5 - x / 2);
	case LOAD_SQUARE:
		x = t / load->period + load->phase;
		return x - floor(x) < 0.5 ? 1 : 1 - load->depth;
	case LOAD_WANDER:
		/* Pulled back to the middle, so that it has a level. */
		while (t >= world->wander_until) {
			world->wander = 0.8 * world->wander +
					0.6 * dice_normal(world->dice);
			world->wander_until += load->period;
		}
		return exp(load->depth * world->wander / 2);
	case LOAD_EVEN:
		break;
	}
	return 1;
}

/* --- blocks ---------------------------------------------------------------- */

static double
draw_life(struct dice *dice, const struct part *part)
{
	switch (part->life_law) {
	case LIFE_FIXED:
		return part->life;
	case LIFE_LOGNORMAL:
		return part->life * exp(dice_normal(dice));
	case LIFE_PARETO:
		return fmin(part->life * dice_pareto(dice, 1.3),
			    part->life * 50);
	case LIFE_EXPONENTIAL:
		break;
	}
	return dice_exponential(dice, part->life);
}

static double
draw_size(struct dice *dice, const struct part *part)
{
	double size = part->size;

	switch (part->size_law) {
	case SIZE_LOGNORMAL:
		size *= exp(0.7 * dice_normal(dice));
		break;
	case SIZE_PARETO:
		size = fmin(size * dice_pareto(dice, 1.4), size * 1000);
		break;
	case SIZE_FIXED:
		break;
	}
	return ceil(size);
}

/* A heap by death for churn: the earliest at the root. */
static void
sift_up(struct block *heap, size_t i)
{
	while (i > 0 && heap[(i - 1) / 2].death > heap[i].death) {
		struct block tmp = heap[i];

		heap[i] = heap[(i - 1) / 2];
		heap[(i - 1) / 2] = tmp;
		i = (i - 1) / 2;
	}
}

static void
sift_down(struct block *heap, size_t count, size_t i)
{
	for (;;) {
		size_t child = 2 * i + 1;
		struct block tmp;

		if (child + 1 < count &&
		    heap[child + 1].death < heap[child].death)
			child++;
		if (child >= count || heap[i].death <= heap[child].death)
			return;
		tmp = heap[i];
		heap[i] = heap[child];
		heap[child] = tmp;
		i = child;
	}
}

static void
bear(struct world *world, struct part *part, double t, double size)
{
	struct block block = { t, FOREVER, size, 1 };

	if (part->law == PART_CHURN)
		block.death = t + draw_life(world->dice, part);
	if (world->sample_bytes > 1) {
		double p = 1 - exp(-size / world->sample_bytes);

		if (!dice_chance(world->dice, p))
			block.bytes = block.objects = 0;
		else {
			block.bytes /= p;
			block.objects /= p;
		}
	}
	if (part->head > 0 && part->head + part->count == part->room) {
		memmove(part->blocks, part->blocks + part->head,
			part->count * sizeof(block));
		part->head = 0;
	}
	if (part->count == part->room) {
		part->room = part->room ? 2 * part->room : 64;
		part->blocks =
			realloc(part->blocks, part->room * sizeof(block));
		if (part->blocks == NULL)
			abort();
	}
	part->blocks[part->head + part->count++] = block;
	if (part->law == PART_CHURN)
		sift_up(part->blocks, part->count - 1);
	world->alloc_bytes += block.bytes;
	world->alloc_objects += block.objects;
}

static void
count_death(struct world *world, const struct block *block)
{
	world->free_bytes += block->bytes;
	world->free_objects += block->objects;
}

static void
kill_one(struct world *world, struct part *part, size_t i)
{
	count_death(world, &part->blocks[part->head + i]);
	if (part->law == PART_QUEUE) {
		part->head++;
		part->count--;
		return;
	}
	part->blocks[i] = part->blocks[--part->count];
	if (part->law == PART_CHURN)
		sift_down(part->blocks, part->count, i);
}

static void
kill_all(struct world *world, struct part *part)
{
	for (size_t i = 0; i < part->count; i++)
		count_death(world, &part->blocks[part->head + i]);
	part->count = part->head = 0;
}

/* What an outage does to a cache, and to the requests in flight. */
static void
flush(struct world *world, struct part *part)
{
	switch (part->law) {
	case PART_CHURN:
	case PART_QUEUE:
	case PART_BAG:
	case PART_TOOTH:
	case PART_BATCH:
		kill_all(world, part);
		break;
	case PART_KEYS:
		kill_all(world, part);
		if (part->seen != NULL)
			memset(part->seen, 0, (size_t)part->capacity);
		break;
	case PART_POOL:
	case PART_LEAK:
	case PART_STEPS:
	case PART_BUFFER:
	case PART_SPOOL:
		break;
	}
}

static void
replace(struct world *world, struct part *part, double t, double size)
{
	kill_all(world, part);
	bear(world, part, t, size);
}

/* --- one step of one part -------------------------------------------------- */

static void
meet_keys(struct world *world, struct part *part, double t, unsigned int count)
{
	size_t keys = (size_t)part->capacity;

	if (part->seen == NULL) {
		part->seen = calloc(keys, 1);
		if (part->seen == NULL)
			abort();
	}
	while (count-- > 0) {
		double u = dice_unit(world->dice);
		size_t key;

		/* The inverse of the integral of x^-zipf over 1 .. keys. */
		if (part->zipf == 0)
			key = (size_t)(u * (double)keys);
		else
			key = (size_t)(pow(1 + u * (pow((double)keys + 1,
							1 - part->zipf) -
						    1),
					   1 / (1 - part->zipf)) -
				       1);
		if (key >= keys || part->seen[key])
			continue;
		part->seen[key] = 1;
		bear(world, part, t, draw_size(world->dice, part));
	}
}

static void
bear_many(struct world *world, struct part *part, double t, unsigned int count)
{
	while (count-- > 0)
		bear(world, part, t, draw_size(world->dice, part));
}

static double
swing(struct world *world, struct part *part, double t)
{
	if (part->swing == 0)
		return 1;
	if (t >= part->swing_until) {
		part->swing_now = 1 - part->swing * dice_unit(world->dice);
		part->swing_until = t + part->period;
	}
	return part->swing_now;
}

static void
step(struct world *world, struct part *part, double t, double dt, double load)
{
	struct dice *dice = world->dice;
	double heat = part->ignores_load ? 1 : load;
	unsigned int births = 0;

	if (part->law == PART_CHURN)
		while (part->count > 0 && part->blocks[0].death <= t)
			kill_one(world, part, 0);
	if (t < part->from || t >= part->to)
		return;
	if (part->rate > 0 && part->law != PART_BUFFER)
		births = dice_poisson(dice, part->rate * heat * dt *
						    swing(world, part, t));
	switch (part->law) {
	case PART_POOL:
		/* Evenly until `next`, where it is complete. */
		if (part->next <= t)
			births = (unsigned int)part->capacity -
				 (unsigned int)part->count;
		else
			births = (unsigned int)(part->capacity *
						(t - part->from) /
						(part->next - part->from)) -
				 (unsigned int)part->count;
		bear_many(world, part, t, births);
		break;
	case PART_CHURN:
	case PART_LEAK:
		bear_many(world, part, t, births);
		break;
	case PART_QUEUE:
	case PART_BAG:
		while (births-- > 0) {
			if ((double)part->count >= part->capacity)
				kill_one(world, part,
					 part->law == PART_QUEUE
						 ? 0
						 : dice_below(dice,
							      (unsigned int)part
								      ->count));
			bear(world, part, t, draw_size(dice, part));
		}
		if ((double)part->count >= part->capacity)
			part->full_at = fmin(part->full_at, t);
		break;
	case PART_KEYS:
		meet_keys(world, part, t, births);
		break;
	case PART_TOOTH:
		if (t >= part->next) {
			kill_all(world, part);
			part->next = (floor(t / part->period - part->phase) +
				      1 + part->phase) *
				     part->period;
		}
		bear_many(world, part, t, births);
		break;
	case PART_BATCH:
		if (t >= part->jobs_end)
			kill_all(world, part);
		if (t >= part->next) {
			bear_many(world, part, t,
				  (unsigned int)(part->capacity *
						 dice_between(dice, 0.3, 1)));
			part->jobs_end = t + dice_exponential(dice, part->life);
			part->next = part->jobs_end +
				     dice_exponential(dice, part->period);
		}
		break;
	case PART_STEPS:
		if (t >= part->next) {
			if (part->next > 0)
				bear_many(world, part, t,
					  (unsigned int)part->capacity);
			part->next = (floor(t / part->period - part->phase) +
				      1 + part->phase) *
				     part->period;
		}
		break;
	case PART_BUFFER:
		part->filled += part->rate * heat * dt;
		if (part->next == 0) {
			part->next = part->size;
			bear(world, part, t, part->next);
		}
		if (part->filled > part->next) {
			while (part->filled > part->next)
				part->next = ceil(part->next * part->factor +
						  part->chunk);
			replace(world, part, t, part->next);
		}
		break;
	case PART_SPOOL:
		if (t >= part->next) {
			replace(world, part, t, draw_size(dice, part));
			part->next = t + dice_exponential(dice, part->period);
		}
		break;
	}
}

/* --- what a snapshot shows ------------------------------------------------- */

static void
take(struct world *world, size_t k)
{
	struct sight *sight = &world->sights[k];

	sight->bytes = world->alloc_bytes - world->free_bytes;
	sight->objects = world->alloc_objects - world->free_objects;
	world->peaks[k] = world->peak_bytes;
}

/* Three bins of 1 s, three of 2 s, of 4 s ..., their edges multiples of their
 * widths: the file's own resolution, no finer. */
static void
sort_by_age(struct world *world, double first, double end)
{
	double hi = floor(end) + 1;
	double width = 1;

	while (hi > 0 && world->bin_count < BINS) {
		double lo = floor((hi - 1) / width) * width;

		if (world->bin_count == BINS - 1)
			lo = 0;
		world->bins[world->bin_count++] = (struct bin){ lo, hi, 0, 0 };
		if (world->bin_count % 3 == 0)
			width *= 2;
		hi = lo;
	}
	for (size_t p = 0; p < world->part_count; p++) {
		const struct part *part = &world->parts[p];
		bool keeps = part->law == PART_LEAK || part->law == PART_STEPS;

		for (size_t i = part->head; i < part->head + part->count; i++) {
			const struct block *block = &part->blocks[i];
			size_t b = 0;

			while (block->birth < world->bins[b].from)
				b++;
			world->bins[b].bytes += block->bytes;
			world->bins[b].objects += block->objects;
			if (keeps && block->birth >= first) {
				world->leaked_bytes += block->bytes;
				world->leaked_objects += block->objects;
			}
		}
	}
}

void
world_run(struct world *world)
{
	double first = world->sights[0].time;
	double end = world->sights[world->sight_count - 1].time;
	double dt = (end - first) / STEPS;
	double t = 0;
	size_t k = 0;
	bool flushed = false;

	while (k < world->sight_count) {
		double until = fmin(t + dt, world->sights[k].time);
		double load;

		t = until;
		load = load_at(world, t);
		if (world->load.outage_to > 0 && !flushed &&
		    t >= world->load.outage_from) {
			for (size_t p = 0; p < world->part_count; p++)
				flush(world, &world->parts[p]);
			flushed = true;
		}
		for (size_t p = 0; p < world->part_count; p++)
			step(world, &world->parts[p], t, dt, load);
		world->peak_bytes =
			fmax(world->peak_bytes,
			     world->alloc_bytes - world->free_bytes);
		while (k < world->sight_count && t >= world->sights[k].time)
			take(world, k++);
	}
	sort_by_age(world, first, end);
}

void
world_release(struct world *world)
{
	for (size_t p = 0; p < world->part_count; p++) {
		free(world->parts[p].blocks);
		free(world->parts[p].seen);
	}
}
