#include "sampler.h"

uint64_t lks_sampler_mean_bytes = 1;
static uint64_t seed_value = 1;

/* splitmix64's finalizer: spreads neighbouring seeds. Public domain constants
 * (Steele, Lea, Flood: Fast splittable pseudorandom number generators). */
static uint64_t
scatter(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9u;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

void
lks_sampler_init(uint64_t mean_bytes, uint64_t seed)
{
	lks_sampler_mean_bytes = mean_bytes < 1 ? 1 : mean_bytes;
	seed_value = seed;
}

uint32_t
lks_sampler_scale(void)
{
	return lks_sampler_mean_bytes == 1 ? 1 : LKS_SAMPLER_SCALE;
}

/* xorshift64* (Vigna 2014). */
static uint64_t
next_random(struct lks_sampler *sampler)
{
	uint64_t x = sampler->random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	sampler->random = x;
	return x * 0x2545f4914f6cdd1du;
}

/*
 * Floating point without libm, whose functions would be one more library in
 * the host, and without the host's rounding mode, traps or sticky flags: a
 * host that traps on inexact results must not be killed by our arithmetic.
 */
#if defined(__x86_64__)
#define DEFAULT_CONTROL 0x1f80u

static unsigned
float_enter(void)
{
	unsigned host = __builtin_ia32_stmxcsr();

	__builtin_ia32_ldmxcsr(DEFAULT_CONTROL);
	return host;
}

static void
float_leave(unsigned host)
{
	__builtin_ia32_ldmxcsr(host);
}
#else
static unsigned
float_enter(void)
{
	return 0;
}

static void
float_leave(unsigned host)
{
	(void)host;
}
#endif

/* ln u for u in (0, 1]: u = m 2^e with m in [0.5, 1), and
 * ln m = 2 artanh((m - 1) / (m + 1)), whose series converges by 1/9 a term. */
static double
natural_log(double u)
{
	union {
		double value;
		uint64_t bits;
	} x = { u };
	int exponent = (int)(x.bits >> 52) - 1022;
	double t;
	double power;
	double sum = 0;

	x.bits = (x.bits & 0x000fffffffffffffu) | 0x3fe0000000000000u;
	t = (x.value - 1) / (x.value + 1);
	power = t;
	for (int k = 1; k < 36; k += 2) {
		sum += power / k;
		power *= t * t;
	}
	return 2 * sum + exponent * 0.69314718055994530942;
}

/* 1 - exp(-x) for x >= 0, exact to rounding for small x too: the series below
 * 1/2, and 1 - exp(-2y) = q (2 - q) for q = 1 - exp(-y) above. */
static double
one_minus_exp(double x)
{
	int doublings = 0;
	double term;
	double sum = 0;

	if (x > 40)
		return 1;
	for (; x > 0.5; x /= 2)
		doublings++;
	term = x;
	for (int k = 2; k < 18; k++) {
		sum += term;
		term *= -x / k;
	}
	for (; doublings > 0; doublings--)
		sum *= 2 - sum;
	return sum;
}

/*
 * Distance to the next sample, in bytes: exponential with the mean, by
 * inversion; u in (0, 1] so that the logarithm is finite, hence at most 37
 * means.
 */
static int64_t
next_distance(struct lks_sampler *sampler)
{
	double u = (double)((next_random(sampler) >> 11) + 1) * 0x1p-53;

	return (int64_t)(-natural_log(u) * (double)lks_sampler_mean_bytes);
}

void
lks_sampler_draw(struct lks_sampler *sampler)
{
	unsigned host;

	if (lks_sampler_mean_bytes == 1) {
		sampler->left = -1;
		return;
	}
	host = float_enter();
	sampler->left = next_distance(sampler);
	float_leave(host);
}

void
lks_sampler_start(struct lks_sampler *sampler, uint64_t stream)
{
	sampler->random = scatter(seed_value + stream * 0x9e3779b97f4a7c15u);
	if (sampler->random == 0)
		sampler->random = 1;
	lks_sampler_draw(sampler);
}

struct lks_weight
lks_sampler_weigh(uint64_t size)
{
	struct lks_weight weight = { 1, size };
	unsigned host;
	double p;

	if (lks_sampler_mean_bytes == 1)
		return weight;
	host = float_enter();
	p = one_minus_exp((double)(size < 1 ? 1 : size) /
			  (double)lks_sampler_mean_bytes);
	weight.objects = (uint64_t)(LKS_SAMPLER_SCALE / p + 0.5);
	weight.bytes = (uint64_t)((double)size / p + 0.5);
	float_leave(host);
	return weight;
}
