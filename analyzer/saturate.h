/*
 * Arithmetic that stops at a bound instead of overflowing: a model's own sums
 * fit (model.h), but those over many processes, products and what is estimated
 * from a hostile file need not.
 */
#pragma once

#include <stdint.h>

/* Past 2^62 nobody reads digits. */
#define SATURATE_MAX (INT64_C(1) << 62)

/* A count, at most INT64_MAX. */
static inline int64_t
saturate_count(uint64_t count)
{
	return count > INT64_MAX ? INT64_MAX : (int64_t)count;
}

/* The nearest whole number, at most SATURATE_MAX either way. Not a number
 * is 0. */
static inline int64_t
saturate_round(double value)
{
	if (!(value == value))
		return 0;
	if (value >= (double)SATURATE_MAX)
		return SATURATE_MAX;
	if (value <= -(double)SATURATE_MAX)
		return -SATURATE_MAX;
	return (int64_t)(value < 0 ? value - 0.5 : value + 0.5);
}

/* These two stop at the ends of an int64_t. */
static inline int64_t
saturate_add(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return a < 0 ? INT64_MIN : INT64_MAX;
	return sum;
}

static inline int64_t
saturate_multiply(int64_t a, int64_t b)
{
	int64_t product;

	if (__builtin_mul_overflow(a, b, &product))
		return (a < 0) == (b < 0) ? INT64_MAX : INT64_MIN;
	return product;
}
