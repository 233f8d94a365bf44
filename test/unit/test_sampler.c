/* The sampler against the arithmetic that it promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <fenv.h>
#include <math.h>

#include "../../preload/sampler.h"

static void
exact_mode_counts_each_block_once(void **state)
{
	struct lks_weight w;

	(void)state;
	lks_sampler_init(1, 1);
	w = lks_sampler_weight(1234);
	assert_int_equal(w.objects, 1);
	assert_int_equal(w.bytes, 1234);
	assert_int_equal(lks_sampler_scale(), 1);
}

static void
weights_are_inverse_probabilities(void **state)
{
	const uint64_t sizes[] = { 0,     1,      16,        4096,
				   65536, 524288, 10u << 20, 1u << 30 };

	(void)state;
	lks_sampler_init(512 * 1024, 1);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		double size = sizes[i] == 0 ? 1 : (double)sizes[i];
		double p = -expm1(-size / (512 * 1024));
		struct lks_weight w = lks_sampler_weight(sizes[i]);

		assert_true(fabs((double)w.objects / LKS_SAMPLER_SCALE * p -
				 1) < 1e-5);
		assert_true(fabs((double)w.bytes - (double)sizes[i] / p) <=
			    1 + (double)sizes[i] / p * 1e-12);
	}
}

/* Blocks of one size, many threads' worth of streams: the sum of weights is
 * the number of blocks, within four standard deviations. */
static void
estimate_is_unbiased(void **state)
{
	const uint64_t sizes[] = { 24, 1000, 20000, 600000 };

	(void)state;
	lks_sampler_init(100000, 42);
	for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		const double blocks = 2e6;
		double p = -expm1(-(double)sizes[k] / 100000);
		double sum = 0;

		for (uint64_t stream = 0; stream < 200; stream++) {
			struct lks_sampler s;

			lks_sampler_start(&s, stream);
			for (int i = 0; i < 10000; i++) {
				s.left -= (int64_t)sizes[k];
				if (s.left >= 0)
					continue;
				sum += (double)lks_sampler_weight(sizes[k])
					       .objects /
				       LKS_SAMPLER_SCALE;
				lks_sampler_next(&s);
			}
		}
		assert_true(fabs(sum - blocks) <
			    4 * sqrt(blocks * (1 - p) / p) + 1);
	}
}

static void
same_seed_draws_the_same_samples(void **state)
{
	struct lks_sampler a;
	struct lks_sampler b;

	(void)state;
	lks_sampler_init(1000, 7);
	lks_sampler_start(&a, 3);
	lks_sampler_start(&b, 3);
	assert_int_equal(a.left, b.left);
	lks_sampler_start(&b, 4);
	assert_int_not_equal(a.random, b.random);
}

static void
host_traps_and_flags_are_left_alone(void **state)
{
	struct lks_sampler s;

	(void)state;
	lks_sampler_init(1000, 7);
	feclearexcept(FE_ALL_EXCEPT);
	feenableexcept(FE_INEXACT); /* our arithmetic would be fatal */
	lks_sampler_start(&s, 1);
	lks_sampler_weight(12345);
	fedisableexcept(FE_ALL_EXCEPT);
	assert_int_equal(fetestexcept(FE_INEXACT), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_mode_counts_each_block_once),
		cmocka_unit_test(weights_are_inverse_probabilities),
		cmocka_unit_test(estimate_is_unbiased),
		cmocka_unit_test(same_seed_draws_the_same_samples),
		cmocka_unit_test(host_traps_and_flags_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
