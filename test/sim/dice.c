#include "dice.h"

#include <math.h>

static uint64_t
next(struct dice *dice)
{
	uint64_t x = dice->state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	dice->state = x;
	return x * UINT64_C(0x2545f4914f6cdd1d);
}

void
dice_init(struct dice *dice, uint64_t seed)
{
	uint64_t z = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	dice->state = (z ^ z >> 31) | 1;
}

double
dice_unit(struct dice *dice)
{
	return (double)(next(dice) >> 11) * 0x1p-53;
}

double
dice_between(struct dice *dice, double low, double high)
{
	return low + (high - low) * dice_unit(dice);
}

double
dice_spread(struct dice *dice, double low, double high)
{
	return low * pow(high / low, dice_unit(dice));
}

unsigned int
dice_below(struct dice *dice, unsigned int count)
{
	return (unsigned int)(dice_unit(dice) * count);
}

bool
dice_chance(struct dice *dice, double probability)
{
	return dice_unit(dice) < probability;
}

double
dice_normal(struct dice *dice)
{
	double u = 1 - dice_unit(dice);

	return sqrt(-2 * log(u)) * cos(2 * M_PI * dice_unit(dice));
}

double
dice_exponential(struct dice *dice, double mean)
{
	return -mean * log(1 - dice_unit(dice));
}

unsigned int
dice_poisson(struct dice *dice, double mean)
{
	unsigned int count = 0;
	double left = exp(-mean);
	double product = dice_unit(dice);

	if (mean > 40) {
		double x = mean + sqrt(mean) * dice_normal(dice) + 0.5;

		return x < 0 ? 0 : (unsigned int)x;
	}
	while (product > left) {
		count++;
		product *= dice_unit(dice);
	}
	return count;
}

double
dice_pareto(struct dice *dice, double alpha)
{
	return pow(1 - dice_unit(dice), -1 / alpha);
}
