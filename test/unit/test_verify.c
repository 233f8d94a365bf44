/* --verify: each promise of the format, kept and broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../analyzer/verify.h"
#include "comparison.h"

#define WAY_EXIT 4

/* What a test breaks in a model that is good. */
typedef void breaker(struct model *model);

/* Two sites with ages, a thread site, a ledger; taken at the exit of a program
 * that had no other thread. */
static struct model *
good(uint64_t number)
{
	static Leakshim__V1__CohortBin bin;
	static Leakshim__V1__CohortBin *bins[] = { &bin };
	struct snapgen *gen = snapgen_new();
	Leakshim__V1__Header *header = snapgen_header(gen);
	Leakshim__V1__Ledger *ledger = snapgen_ledger(gen);
	uint32_t module =
		snapgen_module(gen, "/bin/app", NULL, 0x400000, 0x10000);
	uint32_t pcs[4][2] = { { 0 } };
	uint32_t i;

	for (i = 1; i <= 3; i++)
		pcs[i][0] = snapgen_pc(gen, module, 0x400000 + 0x10 * i);
	snapgen_site(gen, &(struct snapgen_site){ snapgen_stack(gen, pcs[1]), 0,
						  10 * number, 1000 * number, 4,
						  400 });
	snapgen_site(gen, &(struct snapgen_site){ snapgen_stack(gen, pcs[2]), 0,
						  5 * number, 50 * number,
						  5 * number, 50 * number });
	leakshim__v1__cohort_bin__init(&bin);
	bin.to_s = 100;
	header->cohort_bins = bins;
	header->n_cohort_bins = 1;
	snapgen_cohort(gen, 1, 0, 10 * number - 4, 1000 * number - 400);
	snapgen_threads(gen,
			&(struct snapgen_threads){ snapgen_stack(gen, pcs[3]),
						   6, 3, 2, 1, 8192 });
	header->way = WAY_EXIT;
	header->sequence = number;
	header->monotonic_ns = header->start_monotonic_ns + number * 1000000000;
	ledger->rss_bytes = 100;
	ledger->live_heap_bytes = 60;
	ledger->file_bytes = 50;
	ledger->unexplained_bytes = -10;
	ledger->thread_count = 1;
	return comparison_load(gen);
}

static char *
verify_models(struct model **models, size_t count, size_t *violations,
	      size_t *unverified)
{
	struct verify *verify = verify_new();
	struct strbuf text = { 0 };
	struct err err;
	size_t i;

	for (i = 0; i < count; i++) {
		assert_int_equal(verify_visit(verify, models[i], &err), 0);
		/* It must need none of them later. */
		model_free(models[i]);
	}
	verify_tell(verify, &text);
	*violations = verify_violations(verify);
	*unverified = verify_unverified(verify);
	verify_free(verify);
	return strbuf_detach(&text);
}

/* One or two good ones of which the last is broken: which violations. */
static void
expect_violation(size_t count, breaker *break_it, const char *told)
{
	struct model *models[2] = { good(1), good(2) };
	size_t violations, unverified;
	char *text;

	if (count == 1)
		model_free(models[1]);
	break_it(models[count - 1]);
	text = verify_models(models, count, &violations, &unverified);
	if (!strstr(text, told))
		fail_msg("no '%s' in:\n%s", told, text);
	assert_true(violations > 0);
	assert_int_equal(unverified, 0);
	free(text);
}

static void
good_snapshots_have_no_violation(void **state)
{
	struct model *models[] = { good(1), good(2), good(3) };
	size_t violations, unverified;
	char *text = verify_models(models, 3, &violations, &unverified);

	(void)state;
	assert_int_equal(violations, 0);
	assert_int_equal(unverified, 0);
	assert_null(strstr(text, "VIOLATED"));
	assert_null(strstr(text, "skipped"));
	assert_non_null(strstr(text, "3 snapshots, 0 violations\n"));
	assert_non_null(strstr(text,
			       "  holds    cumulative counts never fall, of "
			       "each call stack (18 checked)\n"));
	free(text);
}

static void
lose_an_object(struct model *model)
{
	model->sites[1].counts.live_objects--;
}

static void
lose_a_byte(struct model *model)
{
	model->sites[1].counts.live_bytes--;
}

static void
free_too_much(struct model *model)
{
	model->sites[2].counts.free_objects++;
}

static void
inherit_too_much(struct model *model)
{
	model->sites[2].inherited_bytes = 1;
}

static void
age_too_much(struct model *model)
{
	model->cohorts[0].bytes++;
}

static void
lose_a_thread(struct model *model)
{
	model->thread_sites[1].running--;
}

static void
lose_a_stack(struct model *model)
{
	model->thread_sites[1].held_stack_bytes--;
}

static void
detach_too_many(struct model *model)
{
	model->thread_sites[1].running_detached = 3;
}

static void
lose_a_page(struct model *model)
{
	model->ledger.bytes[LEDGER_files]--;
}

static void
hide_a_total(struct model *model)
{
	model->totals_disagree = true;
}

static void
each_broken_promise_of_one_snapshot_is_told(void **state)
{
	(void)state;
	expect_violation(1, lose_an_object,
			 "violated: site 1: 6 objects allocated and not freed, "
			 "but 5 live\n");
	expect_violation(1, lose_a_byte,
			 "violated: site 1: 1000 bytes allocated, 400 freed, "
			 "but 599 live\n");
	expect_violation(1, free_too_much,
			 "violated: site 2: 5 objects allocated, 6 freed\n");
	expect_violation(1, inherit_too_much,
			 "violated: site 2: more is inherited than is live\n");
	expect_violation(1, age_too_much,
			 "violated: site 1: 601 bytes in 6 objects by age, but "
			 "600 in 6 live\n");
	expect_violation(1, lose_a_thread,
			 "violated: thread site 1: 6 created, but 3 released, "
			 "1 running and 1 not joined\n");
	expect_violation(1, lose_a_stack,
			 "violated: thread site 1: 49152 bytes of stacks "
			 "created, but 24576 released and 24575 held\n");
	expect_violation(1, detach_too_many,
			 "violated: thread site 1: more detached threads run "
			 "than threads\n");
	expect_violation(1, lose_a_page,
			 "violated: the ledger's parts are 99 bytes, but 100 "
			 "resident\n");
	expect_violation(1, hide_a_total,
			 "violated: the totals are not the sums of the "
			 "sites\n");
}

static void
repeat_the_number(struct model *model)
{
	model->header.sequence = 1;
}

static void
turn_back_time(struct model *model)
{
	model->header.monotonic_ns = model->header.start_monotonic_ns + 1;
}

static void
forget_a_site(struct model *model)
{
	memset(&model->sites[2].counts, 0, sizeof(model->sites[2].counts));
}

static void
each_broken_promise_between_two_is_told(void **state)
{
	(void)state;
	expect_violation(2, repeat_the_number,
			 "violated: its number is 1, that of the one before "
			 "1\n");
	expect_violation(2, turn_back_time, "violated: it was taken at ");
	expect_violation(2, forget_a_site,
			 "violated: call stack 2: 0 allocated objects, before "
			 "it was 5\n");
}

/* Without a boot id the program tells processes apart, and the model that it
 * was read with is gone by then. */
static void
program_of_the_one_before_is_kept(void **state)
{
	struct model *models[] = { good(1), good(2) };
	struct verify *verify = verify_new();
	struct strbuf text = { 0 };
	char exe[] = "/bin/app", build_id[] = "abcd";
	struct err err;

	(void)state;
	models[0]->header.boot_id = models[1]->header.boot_id = "";
	models[0]->header.exe = exe;
	models[0]->header.exe_build_id = build_id;
	models[1]->header.exe = "/bin/app";
	models[1]->header.exe_build_id = "abcd";
	assert_int_equal(verify_visit(verify, models[0], &err), 0);
	memset(exe, 'x', sizeof(exe) - 1);
	memset(build_id, 'x', sizeof(build_id) - 1);
	model_free(models[0]);
	assert_int_equal(verify_visit(verify, models[1], &err), 0);
	model_free(models[1]);
	verify_tell(verify, &text);
	assert_non_null(strstr(strbuf_text(&text), "rise from the one before"));
	assert_int_equal(verify_violations(verify), 0);
	strbuf_release(&text);
	verify_free(verify);
}

static void
another_process_may_begin_anew(void **state)
{
	struct model *models[] = { good(2), good(1) };
	size_t violations, unverified;
	char *text;

	(void)state;
	models[1]->header.pid++;
	text = verify_models(models, 2, &violations, &unverified);
	assert_int_equal(violations, 0);
	assert_null(strstr(text, "never fall"));
	free(text);
}

static void
thinning_in_between_is_no_violation(void **state)
{
	struct model *models[] = { good(2), good(1) };
	size_t violations, unverified;
	char *text;

	(void)state;
	models[1]->header.sequence = 3;
	models[1]->header.monotonic_ns = models[0]->header.monotonic_ns + 1;
	models[1]->losses.thinning_shift = 1;
	text = verify_models(models, 2, &violations, &unverified);
	assert_int_equal(violations, 0);
	assert_non_null(strstr(text, "blocks were thinned in between"));
	free(text);
}

/* 100 ns for 2 threads: at most (10 + 1) * 2 events. */
static void
running_threads_may_be_ahead_but_not_by_much(void **state)
{
	static const struct {
		uint64_t ahead;
		size_t violations;
	} cases[] = { { 22, 0 }, { 23, 1 } };
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct model *model = good(1);
		size_t violations, unverified;

		model->ledger.thread_count = 2;
		model->trailer.write_ns = 100;
		model->sites[1].counts.alloc_objects += cases[i].ahead;
		model->sites[1].counts.alloc_bytes += 3;
		free(verify_models(&model, 1, &violations, &unverified));
		assert_int_equal(violations, cases[i].violations);
	}
}

static void
blocks_without_an_age_are_no_violation(void **state)
{
	struct model *model = good(1);
	size_t violations, unverified;
	char *text;

	(void)state;
	model->cohorts[0].bytes--;
	model->losses.cohort_overflows = 1;
	text = verify_models(&model, 1, &violations, &unverified);
	assert_int_equal(violations, 0);
	assert_non_null(strstr(text, "skipped  ages sum to what is live"));
	free(text);
}

/* Calls left half made, blocks that their part of the table kept; a hostile
 * file's count of them is only a number. */
static void
told_losses_are_no_violation(void **state)
{
	static const struct {
		uint64_t abandoned;
		uint64_t skipped;
		size_t violations;
	} cases[] = {
		{ 1, 0, 1 },
		{ 1, 1, 0 },
		{ 0, 2, 0 },
		{ UINT64_MAX, 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct model *model = good(1);
		size_t violations, unverified;

		model->sites[1].counts.alloc_objects += 2;
		model->losses.abandoned_calls = cases[i].abandoned;
		model->losses.skipped_blocks = cases[i].skipped;
		free(verify_models(&model, 1, &violations, &unverified));
		assert_int_equal(violations, cases[i].violations);
	}
}

static void
what_can_not_be_verified_is_counted(void **state)
{
	struct model *models[] = { good(1), good(2) };
	size_t violations, unverified;
	char *text;

	(void)state;
	models[0]->truncated = true;
	models[1]->origin = ORIGIN_PROFILE;
	text = verify_models(models, 2, &violations, &unverified);
	assert_int_equal(violations, 0);
	assert_int_equal(unverified, 2);
	assert_non_null(strstr(text, "2 files not verified\n"));
	free(text);
}

static void
many_violations_are_counted_not_listed(void **state)
{
	struct snapgen *gen = snapgen_new();
	struct model *model;
	size_t violations, unverified;
	char *text;
	uint32_t i;

	(void)state;
	for (i = 0; i < 100; i++)
		snapgen_site(gen, &(struct snapgen_site){ .alloc_objects = 1,
							  .alloc_bytes = 1 });
	snapgen_header(gen)->way = WAY_EXIT;
	snapgen_ledger(gen)->thread_count = 1;
	model = comparison_load(gen);
	for (i = 1; i <= 100; i++)
		model->sites[i].counts.free_bytes = 1;
	text = verify_models(&model, 1, &violations, &unverified);
	assert_int_equal(violations, 100);
	assert_non_null(strstr(text, "violated: ... 95 more times\n"));
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_snapshots_have_no_violation),
		cmocka_unit_test(each_broken_promise_of_one_snapshot_is_told),
		cmocka_unit_test(each_broken_promise_between_two_is_told),
		cmocka_unit_test(program_of_the_one_before_is_kept),
		cmocka_unit_test(another_process_may_begin_anew),
		cmocka_unit_test(thinning_in_between_is_no_violation),
		cmocka_unit_test(running_threads_may_be_ahead_but_not_by_much),
		cmocka_unit_test(blocks_without_an_age_are_no_violation),
		cmocka_unit_test(told_losses_are_no_violation),
		cmocka_unit_test(what_can_not_be_verified_is_counted),
		cmocka_unit_test(many_violations_are_counted_not_listed),
	};

	return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
