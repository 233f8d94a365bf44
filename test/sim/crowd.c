#include "crowd.h"

#include <math.h>
#include <string.h>

#define LENGTH 120.0
#define SNAPSHOTS 10
#define LEAK_BYTES_PER_S 3072.0
/* Of the process, in blocks of 64 KiB that one site holds. */
#define ARENA_BLOCKS 2300
/* Draws of a site, until one that can be told. */
#define TRIES 100

size_t
crowd_count(uint64_t seed)
{
	return 200 + seed * 37 % 200;
}

static struct part *
part_of_size(struct story *story, enum part_law law)
{
	struct part *part = world_part(&story->world, law);

	part->size = dice_spread(&story->dice, 16, 8192);
	part->size_law = dice_below(&story->dice, 3);
	return part;
}

static void
tell_requests(struct story *story)
{
	struct dice *dice = &story->dice;
	struct part *part = part_of_size(story, PART_CHURN);

	part->rate = dice_spread(dice, 0.5, 60);
	part->life = dice_spread(dice, 0.05, 5);
	part->life_law = dice_below(dice, 4);
	if (part->life_law == LIFE_PARETO)
		part->life /= 20;
}

static void
tell_queue(struct story *story)
{
	struct dice *dice = &story->dice;
	struct part *part = part_of_size(
		story, dice_chance(dice, 0.5) ? PART_QUEUE : PART_BAG);

	part->capacity = floor(dice_spread(dice, 10, 1000));
	part->rate = part->capacity /
		     (story->first + LENGTH * dice_between(dice, 0, 0.6));
}

static void
tell_memo_of_keys(struct story *story)
{
	struct dice *dice = &story->dice;
	struct part *part = part_of_size(story, PART_KEYS);

	part->capacity = floor(dice_spread(dice, 10, 500));
	part->rate = part->capacity * dice_between(dice, 4, 8) / story->end;
}

static void
tell_once(struct story *story, uint64_t seed, size_t index, unsigned int try)
{
	struct dice *dice = &story->dice;
	struct load *load = &story->world.load;
	struct part *part;
	unsigned int what;
	size_t k;

	memset(story, 0, sizeof(*story));
	story->world.dice = dice;
	story->world.sample_bytes = 1;
	/* What all sites of the process share comes from the seed alone. */
	dice_init(dice, (seed * 1000 + 999) * 100);
	story->first = dice_spread(dice, 5, 300);
	story->end = story->first + LENGTH;
	story->world.sight_count = SNAPSHOTS;
	for (k = 0; k < SNAPSHOTS; k++)
		story->world.sights[k].time =
			story->first + LENGTH * (double)k / (SNAPSHOTS - 1) +
			(k > 0 && k < SNAPSHOTS - 1 ? dice_between(dice, -1, 1)
						    : 0);
	load->law = dice_below(dice, 4);
	load->period = dice_spread(dice, 2, 120);
	load->depth = dice_between(dice, 0, 0.8);
	load->phase = dice_unit(dice);

	dice_init(dice, (seed * 1000 + index) * 100 + try);
	story->family = index == 0 ? "planted" : "crowd";
	story->leaks = index == 0;
	if (index == 0) {
		part = part_of_size(story, PART_LEAK);
		part->size_law = SIZE_FIXED;
		part->rate = LEAK_BYTES_PER_S / part->size;
		part->ignores_load = true;
		if (dice_chance(dice, 0.5))
			tell_requests(story);
	} else if (index == 1) {
		part = part_of_size(story, PART_POOL);
		part->size = 65536;
		part->size_law = SIZE_FIXED;
		part->capacity = ARENA_BLOCKS;
	} else {
		what = dice_below(dice, 20);
		if (what < 7) {
			part = part_of_size(story, PART_POOL);
			part->capacity = floor(dice_spread(dice, 1, 500));
			part->next = story->first * dice_unit(dice);
		} else if (what < 13) {
			tell_requests(story);
		} else if (what < 16) {
			tell_queue(story);
		} else if (what < 17) {
			tell_memo_of_keys(story);
		} else if (what < 18) {
			part = part_of_size(story, PART_TOOTH);
			part->period = dice_spread(dice, 2, 60);
			part->rate = dice_spread(dice, 1, 50);
		} else if (what < 19) {
			part = part_of_size(story, PART_BATCH);
			part->capacity = dice_spread(dice, 10, 500);
			part->period = dice_spread(dice, 2, 30);
			part->life = dice_spread(dice, 0.5, 10);
		} else {
			part = part_of_size(story, PART_SPOOL);
			part->period = dice_spread(dice, 0.5, 20);
		}
		if (dice_chance(dice, 0.2))
			tell_requests(story);
	}
	world_run(&story->world);
}

void
crowd_tell(struct story *story, uint64_t seed, size_t index)
{
	unsigned int try;

	for (try = 0; try < TRIES; try++) {
		tell_once(story, seed, index, try);
		if (cases_can_be_told(story))
			return;
		if (try + 1 < TRIES)
			world_release(&story->world);
	}
}
