/* Counts of samples become counts of objects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../analyzer/reader.h"
#include "../../analyzer/unbias.h"
#include "stories.h"

static struct model *
load(struct snapgen *gen)
{
	struct err err;
	struct model *model = reader_load(snapgen_write(gen), &err);

	snapgen_free(gen);
	snapgen_clean();
	assert_non_null(model);
	return model;
}

static void
exact_counts_stay(void **state)
{
	struct model *model = load(story_server_new());

	(void)state;
	unbias(model);
	assert_int_equal(model->header.count_scale, 1);
	assert_int_equal(model->sites[1].counts.live_objects, 10000);
	model_free(model);
}

static void
scaled_counts_become_objects(void **state)
{
	struct model *model = load(story_server_sampled());

	(void)state;
	assert_int_equal(model->sites[1].counts.live_objects, UINT64_C(10000)
								      << 16);
	unbias(model);
	assert_int_equal(model->header.count_scale, 1);
	assert_int_equal(model->header.sample_bytes, 512 << 10);
	assert_int_equal(model->sites[1].counts.alloc_objects, 12000);
	assert_int_equal(model->sites[1].counts.free_objects, 2000);
	assert_int_equal(model->sites[1].counts.live_objects, 10000);
	assert_int_equal(model->sites[1].counts.live_bytes, 10 << 20);
	/* Twice is once. */
	unbias(model);
	assert_int_equal(model->sites[1].counts.live_objects, 10000);
	/* Threads were never scaled. */
	assert_int_equal(model->thread_sites[1].running, 5);
	model_free(model);
}

static void
halves_round_to_the_nearest(void **state)
{
	struct snapgen *gen = snapgen_new();
	struct model *model;

	(void)state;
	snapgen_header(gen)->sample_bytes = 4096;
	snapgen_header(gen)->count_scale = 65536;
	snapgen_site(gen,
		     &(struct snapgen_site){ 0, 0, 65536 + 32767, 1, 0, 0 });
	snapgen_site(gen,
		     &(struct snapgen_site){ 0, 0, 65536 + 32768, 1, 0, 0 });
	model = load(gen);
	unbias(model);
	assert_int_equal(model->sites[1].counts.alloc_objects, 1);
	assert_int_equal(model->sites[2].counts.alloc_objects, 2);
	model_free(model);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_counts_stay),
		cmocka_unit_test(scaled_counts_become_objects),
		cmocka_unit_test(halves_round_to_the_nearest),
	};

	return cmocka_run_group_tests_name("unbias", tests, NULL, NULL);
}
