/* Gates: what fails, what passes, and what can't be told. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../analyzer/gate.h"
#include "../../analyzer/gate_weigh.h"
#include "../../analyzer/xalloc.h"
#include "named.h"

#define KIB 1024
#define MIB (1024 * 1024)

/* --- options ---------------------------------------------------------------- */

static void
sizes_rates_and_shares_are_read(void **state)
{
	const struct gate_options options = { "1M", "64K/h", "3", "0.5%",
					      false };
	const struct gate_options share = { "0", NULL, NULL, "0.25", false };
	struct gate gate;
	struct err err;

	(void)state;
	assert_int_equal(gate_parse(&gate, &options, &err), 0);
	assert_true(gate.site.given && !gate.site.per_hour);
	assert_int_equal(gate.site.bytes, MIB);
	assert_true(gate.total.given && gate.total.per_hour);
	assert_int_equal(gate.total.bytes, 64 * KIB);
	assert_true(gate.threads_given);
	assert_int_equal(gate.threads, 3);
	assert_true(gate.max_loss > 0.00499 && gate.max_loss < 0.00501);
	assert_int_equal(gate_parse(&gate, &share, &err), 0);
	assert_true(gate.max_loss > 0.2499 && gate.max_loss < 0.2501);
	assert_true(gate.site.given && gate.site.bytes == 0);
}

static void
what_is_no_size_is_refused(void **state)
{
	static const struct gate_options bad[] = {
		{ "1x", NULL, NULL, NULL, false },
		{ "", NULL, NULL, NULL, false },
		{ "/h", NULL, NULL, NULL, false },
		{ "1M/d", NULL, NULL, NULL, false },
		{ "-1", NULL, NULL, NULL, false },
		{ NULL, "1M/h/h", NULL, NULL, false },
		{ NULL, NULL, "-1", NULL, false },
		{ NULL, NULL, "3x", NULL, false },
		{ NULL, NULL, NULL, "101%", false },
		{ NULL, NULL, NULL, "", false },
		{ NULL, NULL, NULL, ".", false },
		{ NULL, NULL, NULL, "-0.1", false },
		{ NULL, NULL, NULL, "0.1.1", false },
		{ NULL, NULL, NULL, "1e-3", false },
		{ "99999999999999999999999999999999999999999999999", NULL, NULL,
		  NULL, false },
		{ "64/unit", NULL, NULL, NULL, false },
		{ NULL, "64/unit", NULL, NULL, true },
		{ "/unit", NULL, NULL, NULL, true },
	};
	struct gate gate;
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(gate_parse(&gate, &bad[i], &err), -1);
}

/* --- by the work ------------------------------------------------------------ */

static enum finding
by_unit(enum verdict_kind kind, double low, double bytes)
{
	const struct gate_options options = { .fail_over = "64/unit",
					      .knows_work = true };
	struct row row = {
		.verdict = { .kind = kind, .bytes_per_hour_low = 1e9 },
		.per_unit = { .unit = "request",
			      .bytes = bytes,
			      .bytes_low = low },
		.delta = { 1000, 1000000 },
	};
	struct diff diff = { .judged = true };
	struct gate gate;
	struct err err;

	assert_int_equal(gate_parse(&gate, &options, &err), 0);
	assert_true(gate.site.per_unit && !gate.site.per_hour);
	assert_int_equal(gate.site.bytes, 64);
	if (isnan(bytes))
		row.per_unit.unit = NULL;
	return gate_weigh(&diff, &row, &gate.site).finding;
}

static void
a_limit_per_unit_is_for_what_leaks_more_for_certain(void **state)
{
	(void)state;
	assert_int_equal(by_unit(VERDICT_LEAK, 65, 70), FINDING_FOUND);
	assert_int_equal(by_unit(VERDICT_GROWING_BUFFER, 65, 70),
			 FINDING_FOUND);
	assert_int_equal(by_unit(VERDICT_LEAK, 60, 63), FINDING_NONE);
	/* The rate is above, but may be below. */
	assert_int_equal(by_unit(VERDICT_LEAK, 60, 70), FINDING_DOUBT);
	assert_int_equal(by_unit(VERDICT_INSUFFICIENT, 65, 70), FINDING_DOUBT);
	assert_int_equal(by_unit(VERDICT_INSUFFICIENT, 60, 63), FINDING_NONE);
	assert_int_equal(by_unit(VERDICT_STEADY, 65, 70), FINDING_NONE);
	assert_int_equal(by_unit(VERDICT_CACHE_FILL, 65, 70), FINDING_NONE);
	/* Not known is no pass. */
	assert_int_equal(by_unit(VERDICT_LEAK, NAN, NAN), FINDING_DOUBT);
}

/* --- judging ---------------------------------------------------------------- */

/* A process as a test tells it: what it holds at some moments. */
struct moment_of {
	uint64_t seconds;
	const struct named_site *sites;
	named_change *change;
};

struct trial {
	struct comparison *made;
	struct suppress *suppress;
	struct strbuf lines;
	size_t given; /* files; 0: as many as there are */
	size_t left_out;
};

static void
begin(struct trial *trial, const struct moment_of *moments, size_t count)
{
	struct model *models[40];
	size_t i;

	assert_true(count <= 40);
	for (i = 0; i < count; i++)
		models[i] = named_model(i + 1, moments[i].seconds,
					moments[i].sites, moments[i].change);
	*trial = (struct trial){
		.made = named_study(models, count),
		.suppress = suppress_new(),
	};
	suppress_apply(trial->suppress, trial->made->part.diff,
		       trial->made->study.resolver);
}

static enum gate_outcome
judge_by(struct trial *trial, const struct gate_options *options)
{
	const struct judge_settings settings = { .warmup_s = -1 };
	const struct inputs inputs = { .left_out = trial->left_out };
	struct gate gate;
	struct err err;

	if (trial->given)
		trial->made->part.given = trial->given;
	assert_int_equal(gate_parse(&gate, options, &err), 0);
	strbuf_clear(&trial->lines);
	return gate_judge(&gate, &trial->made->study, &inputs, &settings,
			  trial->suppress, &trial->lines);
}

static enum gate_outcome
fail_over(struct trial *trial, const char *size)
{
	const struct gate_options options = { .fail_over = size };

	return judge_by(trial, &options);
}

static void
end(struct trial *trial)
{
	named_free(trial->made);
	suppress_free(trial->suppress);
	strbuf_release(&trial->lines);
}

static void
one_lost_byte_fails_a_clean_exit_passes(void **state)
{
	static const struct named_site clean[] = {
		{ "_IO_file_doallocate@libc.so.6 < printf@libc.so.6 < "
		  "main@app",
		  1, 4096, false },
		{ 0 },
	};
	static const struct named_site lost[] = {
		{ "_IO_file_doallocate@libc.so.6 < printf@libc.so.6 < "
		  "main@app",
		  1, 4096, false },
		{ "remember@app < main@app", 1, 1, false },
		{ 0 },
	};
	struct trial trial;

	(void)state;
	begin(&trial, &(struct moment_of){ 10, clean, NULL }, 1);
	assert_int_equal(fail_over(&trial, "0"), GATE_PASSED);
	assert_string_equal(strbuf_text(&trial.lines),
			    "gate: passed: no site holds more than 0 B\n");
	end(&trial);
	begin(&trial, &(struct moment_of){ 10, lost, NULL }, 1);
	assert_int_equal(fail_over(&trial, "0"), GATE_FAILED);
	assert_string_equal(strbuf_text(&trial.lines),
			    "gate: 1 site holds more than 0 B: remember "
			    "(file.c:10) +1 B\n");
	assert_int_equal(fail_over(&trial, "1"), GATE_PASSED);
	end(&trial);
}

static void
lost_blocks_of_no_bytes_fail(void **state)
{
	static const struct named_site lost[] = {
		{ "remember@app < main@app", 1, 0, false },
		{ 0 },
	};
	struct trial trial;

	(void)state;
	begin(&trial, &(struct moment_of){ 10, lost, NULL }, 1);
	assert_int_equal(fail_over(&trial, "0"), GATE_FAILED);
	assert_int_equal(fail_over(&trial, "1"), GATE_PASSED);
	end(&trial);
}

/* A child holds what its parent did at the fork: that is not its growth. */
static void
what_a_fork_took_over_is_no_growth(void **state)
{
	static const struct named_site sites[] = {
		{ "parents@app < main@app", 10, 1000, false },
		{ "childs@app < main@app", 2, 100, false },
		{ 0 },
	};
	const struct gate_options total = { .fail_over_total = "99" };
	struct trial trial;

	(void)state;
	begin(&trial, &(struct moment_of){ 10, sites, NULL }, 1);
	named_row(trial.made, "parents")->inherited =
		(struct amount){ 10, 1000 };
	trial.made->part.diff->totals[ROW_HEAP].inherited =
		(struct amount){ 10, 1000 };
	assert_int_equal(fail_over(&trial, "99"), GATE_FAILED);
	assert_string_equal(strbuf_text(&trial.lines),
			    "gate: 1 site holds more than 99 B: childs "
			    "(file.c:10) +100 B\n");
	assert_int_equal(fail_over(&trial, "100"), GATE_PASSED);
	assert_int_equal(judge_by(&trial, &total), GATE_FAILED);
	named_row(trial.made, "childs")->fate = FATE_ACCEPTED;
	assert_int_equal(fail_over(&trial, "0"), GATE_PASSED);
	assert_int_equal(judge_by(&trial, &total), GATE_PASSED);
	end(&trial);
}

static const struct named_site before[] = {
	{ "first@app < main@app", 1, 1 * MIB, false },
	{ "second@app < main@app", 1, 1 * MIB, false },
	{ "third@app < main@app", 1, 1 * MIB, false },
	{ "fourth@app < main@app", 1, 1 * MIB, false },
	{ "shrinks@app < main@app", 1, 9 * MIB, false },
	{ "spawn@app < main@app", 2, 0, true },
	{ 0 },
};
static const struct named_site after[] = {
	{ "first@app < main@app", 2, 3 * MIB, false },
	{ "second@app < main@app", 2, 5 * MIB, false },
	{ "third@app < main@app", 2, 4 * MIB, false },
	{ "fourth@app < main@app", 2, 10 * MIB, false },
	{ "shrinks@app < main@app", 1, 2 * MIB, false },
	{ "spawn@app < main@app", 5, 0, true },
	{ 0 },
};

static void
begin_two(struct trial *trial, named_change *change_old,
	  named_change *change_new)
{
	const struct moment_of moments[] = {
		{ 10, before, change_old },
		{ 3610, after, change_new },
	};

	begin(trial, moments, 2);
}

static void
worst_sites_are_named(void **state)
{
	struct trial trial;

	(void)state;
	begin_two(&trial, NULL, NULL);
	assert_int_equal(fail_over(&trial, "1M"), GATE_FAILED);
	assert_string_equal(
		strbuf_text(&trial.lines),
		"gate: 4 sites grew more than 1.0 MiB: fourth (file.c:10) "
		"+9.0 MiB, second (file.c:10) +4.0 MiB, third (file.c:10) "
		"+3.0 MiB, ...\n");
	assert_int_equal(fail_over(&trial, "9M"), GATE_PASSED);
	assert_string_equal(strbuf_text(&trial.lines),
			    "gate: passed: no site grew more than 9.0 MiB\n");
	end(&trial);
}

static void
suppressed_and_accepted_sites_never_fail(void **state)
{
	struct trial trial;

	(void)state;
	begin_two(&trial, NULL, NULL);
	named_row(trial.made, "fourth")->fate = FATE_ACCEPTED;
	named_row(trial.made, "second")->fate = FATE_SUPPRESSED;
	assert_int_equal(fail_over(&trial, "3M"), GATE_PASSED);
	assert_int_equal(fail_over(&trial, "2M"), GATE_FAILED);
	/* What --focus hides is there. */
	named_row(trial.made, "third")->fate = FATE_FILTERED;
	assert_int_equal(fail_over(&trial, "2M"), GATE_FAILED);
	end(&trial);
}

static void
total_is_of_what_counts(void **state)
{
	const struct gate_options over11 = { .fail_over_total = "10M" };
	const struct gate_options over2 = { .fail_over_total = "2M" };
	struct trial trial;

	(void)state;
	/* 2 + 4 + 3 + 9 - 7 = 11 */
	begin_two(&trial, NULL, NULL);
	assert_int_equal(judge_by(&trial, &over11), GATE_FAILED);
	assert_string_equal(strbuf_text(&trial.lines),
			    "gate: all sites together grew more than 10.0 "
			    "MiB: +11.0 MiB\n");
	named_row(trial.made, "fourth")->fate = FATE_ACCEPTED;
	assert_int_equal(judge_by(&trial, &over2), GATE_PASSED);
	end(&trial);
}

static void
threads_that_were_added_fail(void **state)
{
	const struct gate_options over2 = { .fail_threads = "2" };
	const struct gate_options over3 = { .fail_threads = "3" };
	struct trial trial;

	(void)state;
	begin_two(&trial, NULL, NULL);
	assert_int_equal(judge_by(&trial, &over2), GATE_FAILED);
	assert_string_equal(strbuf_text(&trial.lines),
			    "gate: more than 2 threads were added: +3, by "
			    "spawn (file.c:10)\n");
	assert_int_equal(judge_by(&trial, &over3), GATE_PASSED);
	end(&trial);
}

static void
miss_a_thread(struct snapgen *gen)
{
	snapgen_losses(gen)->threads_untracked = 1;
}

static void
threads_that_were_missed_are_no_pass(void **state)
{
	const struct gate_options over2 = { .fail_threads = "2" };
	const struct gate_options over3 = { .fail_threads = "3" };
	const struct gate_options over4 = { .fail_threads = "4" };
	struct trial trial;

	(void)state;
	begin_two(&trial, NULL, miss_a_thread);
	assert_int_equal(judge_by(&trial, &over2), GATE_FAILED);
	assert_int_equal(judge_by(&trial, &over3), GATE_UNSURE);
	assert_int_equal(judge_by(&trial, &over4), GATE_PASSED);
	end(&trial);
}

/* --- what can't be told ----------------------------------------------------- */

static void
be_another(struct snapgen *gen)
{
	snapgen_header(gen)->pid++;
}

static void
be_the_first(struct snapgen *gen)
{
	snapgen_header(gen)->sequence = 1;
	snapgen_header(gen)->monotonic_ns =
		snapgen_header(gen)->start_monotonic_ns + UINT64_C(10000000000);
}

static void
be_older(struct snapgen *gen)
{
	snapgen_header(gen)->monotonic_ns =
		snapgen_header(gen)->start_monotonic_ns + 1;
}

static void
be_disabled(struct snapgen *gen)
{
	snapgen_losses(gen)->disabled_because = (char *)(uintptr_t) "no memory";
}

static void
lie_about_totals(struct snapgen *gen)
{
	snapgen_trailer(gen)->live_bytes = 1;
}

static void
what_can_not_be_compared_never_passes(void **state)
{
	static const struct {
		named_change *change;
		const char *reason;
	} blind[] = {
		{ be_another, "the snapshots are of different processes\n" },
		{ be_the_first, "both are the same snapshot\n" },
		{ be_older, "is the older one: give it first\n" },
		{ be_disabled, "tracking had stopped itself: no memory\n" },
		{ lie_about_totals,
		  "its totals are not the sums of its sites\n" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(blind) / sizeof(blind[0]); i++) {
		struct trial trial;

		/* Neither passes what did not grow nor fails what did. */
		begin_two(&trial, NULL, blind[i].change);
		assert_int_equal(fail_over(&trial, "1M"), GATE_UNSURE);
		assert_int_equal(fail_over(&trial, "1G"), GATE_UNSURE);
		assert_non_null(
			strstr(strbuf_text(&trial.lines), blind[i].reason));
		assert_memory_equal(strbuf_text(&trial.lines),
				    "gate: not enough evidence: ", 27);
		end(&trial);
	}
}

static void
truncated_snapshot_never_passes(void **state)
{
	struct trial trial;
	struct model *model;

	(void)state;
	begin_two(&trial, NULL, NULL);
	model = trial.made->part.history->snapshots[1];
	model->truncated = true;
	assert_int_equal(fail_over(&trial, "1M"), GATE_UNSURE);
	assert_int_equal(fail_over(&trial, "1G"), GATE_UNSURE);
	assert_non_null(strstr(strbuf_text(&trial.lines), "is truncated"));
	end(&trial);
}

static void
files_left_out_are_no_pass_but_may_be_a_failure(void **state)
{
	struct trial trial;

	(void)state;
	begin_two(&trial, NULL, NULL);
	trial.left_out = 1;
	assert_int_equal(fail_over(&trial, "1G"), GATE_UNSURE);
	assert_int_equal(fail_over(&trial, "1M"), GATE_FAILED);
	trial.left_out = 0;
	trial.given = 3;
	assert_int_equal(fail_over(&trial, "1G"), GATE_UNSURE);
	assert_string_equal(strbuf_text(&trial.lines),
			    "gate: not enough evidence: 1 of 3 snapshots was "
			    "left out\n");
	assert_int_equal(fail_over(&trial, "1M"), GATE_FAILED);
	end(&trial);
}

/* Events: 2 sites of a thousand objects each. */
static const struct named_site thousands[] = {
	{ "first@app < main@app", 1000, 1000, false },
	{ "second@app < main@app", 1000, 1000, false },
	{ 0 },
};

static void
lose_two(struct snapgen *gen)
{
	snapgen_losses(gen)->dropped_allocs = 1;
	snapgen_losses(gen)->dropped_frees = 1;
}

static void
lose_three(struct snapgen *gen)
{
	lose_two(gen);
	snapgen_losses(gen)->implicit_frees = 1;
}

static void
losses_beyond_the_share_are_no_pass(void **state)
{
	const struct gate_options wide = { .fail_over = "1M",
					   .max_loss = "0.2%" };
	const struct gate_options none = { .fail_over = "1M", .max_loss = "0" };
	struct trial trial;

	(void)state;
	begin(&trial, &(struct moment_of){ 10, thousands, lose_two }, 1);
	assert_int_equal(fail_over(&trial, "1M"), GATE_PASSED);
	assert_int_equal(judge_by(&trial, &none), GATE_UNSURE);
	end(&trial);
	begin(&trial, &(struct moment_of){ 10, thousands, lose_three }, 1);
	assert_int_equal(fail_over(&trial, "1M"), GATE_UNSURE);
	assert_string_equal(strbuf_text(&trial.lines),
			    "gate: not enough evidence: 3 of 2,003 events "
			    "were lost: 0.15%, more than 0.1% (--max-loss)\n");
	assert_int_equal(judge_by(&trial, &wide), GATE_PASSED);
	end(&trial);
}

/* A long life before must not hide what was lost in between. */
static void
losses_are_those_of_the_time_compared(void **state)
{
	const struct moment_of burst[] = {
		{ 10, thousands, NULL },
		{ 20, thousands, lose_two },
	};
	const struct moment_of earlier[] = {
		{ 10, thousands, lose_two },
		{ 20, thousands, lose_two },
	};
	struct trial trial;

	(void)state;
	begin(&trial, burst, 2);
	assert_int_equal(fail_over(&trial, "1M"), GATE_UNSURE);
	end(&trial);
	begin(&trial, earlier, 2);
	assert_int_equal(fail_over(&trial, "1M"), GATE_PASSED);
	end(&trial);
}

static void
start_off(struct snapgen *gen)
{
	static Leakshim__V1__Option option;
	static Leakshim__V1__Option *options[] = { &option };

	leakshim__v1__option__init(&option);
	option.key = (char *)(uintptr_t) "start";
	option.value = snapgen_bytes("off");
	snapgen_header(gen)->options = options;
	snapgen_header(gen)->n_options = 1;
}

static void
tracking_that_never_began_is_no_pass(void **state)
{
	static const struct named_site nothing[] = { { 0 } };
	struct trial trial;

	(void)state;
	begin(&trial, &(struct moment_of){ 10, nothing, start_off }, 1);
	assert_int_equal(fail_over(&trial, "0"), GATE_UNSURE);
	end(&trial);
	begin(&trial, &(struct moment_of){ 10, nothing, NULL }, 1);
	assert_int_equal(fail_over(&trial, "0"), GATE_PASSED);
	end(&trial);
}

static void
start_late_and_free_all(struct snapgen *gen)
{
	uint32_t pcs[] = { snapgen_pc(gen, 0, 0x1234), 0 };

	start_off(gen);
	snapgen_site(gen, &(struct snapgen_site){ snapgen_stack(gen, pcs), 0, 5,
						  80, 5, 80 });
}

static void
tracking_that_began_late_and_saw_all_freed_is_a_pass(void **state)
{
	static const struct named_site nothing[] = { { 0 } };
	const struct moment_of moments[] = {
		{ 10, nothing, start_late_and_free_all },
		{ 20, nothing, start_late_and_free_all },
	};
	struct trial trial;

	(void)state;
	begin(&trial, moments, 2);
	assert_int_equal(fail_over(&trial, "0"), GATE_PASSED);
	end(&trial);
}

static void
want_of_names_is_no_failure(void **state)
{
	static const struct named_site nameless[] = {
		{ "?1@libc.so.6 < main@app", 1, 4096, false },
		{ 0 },
	};
	struct trial trial;

	(void)state;
	begin(&trial, &(struct moment_of){ 10, nameless, NULL }, 1);
	assert_int_equal(fail_over(&trial, "0"), GATE_UNSURE);
	assert_int_equal(fail_over(&trial, "4K"), GATE_PASSED);
	end(&trial);
}

/* --- estimates -------------------------------------------------------------- */

static void
sample_half_a_mebibyte(struct snapgen *gen)
{
	snapgen_header(gen)->sample_bytes = 512 * KIB;
}

/* 8 MiB, of which two standard deviations are 4: sqrt(8 * 0.5) * 2. */
static void
estimates_that_straddle_the_gate_are_neither(void **state)
{
	static const struct named_site grown[] = {
		{ "first@app < main@app", 1000, 8 * MIB, false },
		{ 0 },
	};
	static const struct named_site nothing[] = {
		{ "first@app < main@app", 0, 0, false },
		{ 0 },
	};
	const struct moment_of moments[] = {
		{ 10, nothing, sample_half_a_mebibyte },
		{ 20, grown, sample_half_a_mebibyte },
	};
	struct trial trial;

	(void)state;
	begin(&trial, moments, 2);
	assert_int_equal(fail_over(&trial, "3M"), GATE_FAILED);
	assert_int_equal(fail_over(&trial, "5M"), GATE_UNSURE);
	assert_int_equal(fail_over(&trial, "11M"), GATE_UNSURE);
	assert_non_null(
		strstr(strbuf_text(&trial.lines), "the estimate is too wide"));
	assert_int_equal(fail_over(&trial, "13M"), GATE_PASSED);
	end(&trial);
}

static void
sample_too_coarse_for_the_gate_is_no_pass(void **state)
{
	static const struct named_site nothing[] = {
		{ "first@app < main@app", 0, 0, false },
		{ 0 },
	};
	struct trial trial;

	(void)state;
	begin(&trial,
	      &(struct moment_of){ 10, nothing, sample_half_a_mebibyte }, 1);
	assert_int_equal(fail_over(&trial, "0"), GATE_UNSURE);
	assert_int_equal(fail_over(&trial, "1M"), GATE_UNSURE);
	assert_string_equal(strbuf_text(&trial.lines),
			    "gate: not enough evidence: the snapshots are "
			    "samples, which can miss growth of less than 1.5 "
			    "MiB: a gate of 1.0 MiB can't pass\n");
	assert_int_equal(fail_over(&trial, "2M"), GATE_PASSED);
	end(&trial);
}

/* What a hostile file makes of the numbers is told within bounds. */

static void
thin_beyond_measure(struct snapgen *gen)
{
	snapgen_losses(gen)->thinning_shift = UINT32_MAX;
}

static void
lose_beyond_measure(struct snapgen *gen)
{
	snapgen_losses(gen)->dropped_allocs = UINT64_MAX;
	snapgen_losses(gen)->dropped_frees = UINT64_MAX;
}

static void
numbers_beyond_measure_are_bounded(void **state)
{
	static const struct named_site huge[] = {
		{ "first@app < main@app", 1, UINT64_C(1) << 61, false },
		{ 0 },
	};
	struct trial trial;

	(void)state;
	begin(&trial, &(struct moment_of){ 10, huge, thin_beyond_measure }, 1);
	named_row(trial.made, "first")->fate = FATE_ACCEPTED;
	assert_int_equal(fail_over(&trial, "1M"), GATE_UNSURE);
	assert_non_null(strstr(strbuf_text(&trial.lines),
			       "can miss growth of less than 4.0 EiB:"));
	end(&trial);
	begin(&trial, &(struct moment_of){ 10, huge, lose_beyond_measure }, 1);
	assert_int_equal(fail_over(&trial, "1M"), GATE_UNSURE);
	assert_non_null(strstr(strbuf_text(&trial.lines),
			       "evidence: 4,611,686,018,427,387,904 of "
			       "4,611,686,018,427,387,904 events were lost"));
	end(&trial);
}

/* --- rates ------------------------------------------------------------------ */

static void
rate_of_two_snapshots_is_not_enough_evidence(void **state)
{
	struct trial trial;

	(void)state;
	begin_two(&trial, NULL, NULL);
	assert_int_equal(fail_over(&trial, "1G/h"), GATE_UNSURE);
	assert_string_equal(strbuf_text(&trial.lines),
			    "gate: not enough evidence: --fail-over by the "
			    "hour needs three or more snapshots of one "
			    "process, and there are 2\n");
	assert_int_equal(fail_over(&trial, "1/h"), GATE_UNSURE);
	end(&trial);
}

/* 30 snapshots, a minute apart: one site that leaks 60 KiB in each, one that
 * holds what it has. */
static struct named_site series[30][3];

static void
begin_series(struct trial *trial, uint64_t leak, size_t count)
{
	struct moment_of moments[30];
	size_t i;

	for (i = 0; i < count; i++) {
		series[i][0] = (struct named_site){ "leaks@app < main@app",
						    100 + i * 10,
						    10000 + i * leak, false };
		series[i][1] = (struct named_site){ "steady@app < main@app",
						    100, 4 * MIB, false };
		series[i][2] = (struct named_site){ 0 };
		moments[i] =
			(struct moment_of){ 60 * (i + 1), series[i], NULL };
	}
	begin(trial, moments, count);
}

static void
leak_fails_by_the_lower_end_of_its_rate(void **state)
{
	const struct gate_options total = { .fail_over_total = "3M/h" };
	const struct gate_options wide = { .fail_over_total = "4M/h" };
	struct trial trial;

	(void)state;
	/* 60 KiB a minute are 3.52 MiB an hour. */
	begin_series(&trial, 60 * KIB, 30);
	assert_int_equal(named_row(trial.made, "leaks")->verdict.kind,
			 VERDICT_LEAK);
	assert_int_equal(fail_over(&trial, "3M/h"), GATE_FAILED);
	assert_string_equal(strbuf_text(&trial.lines),
			    "gate: 1 site grew more than 3.0 MiB/h: leaks "
			    "(file.c:10) +3.5 MiB/h\n");
	assert_int_equal(fail_over(&trial, "4M/h"), GATE_PASSED);
	assert_int_equal(fail_over(&trial, "1M"), GATE_FAILED);
	assert_int_equal(fail_over(&trial, "2M"), GATE_PASSED);
	assert_int_equal(judge_by(&trial, &total), GATE_FAILED);
	assert_int_equal(judge_by(&trial, &wide), GATE_PASSED);
	/* The slope alone is not the evidence. */
	named_row(trial.made, "leaks")->verdict.bytes_per_hour_low = 2 * MIB;
	assert_int_equal(fail_over(&trial, "3M/h"), GATE_PASSED);
	end(&trial);
}

static void
rate_that_is_no_number_is_no_pass(void **state)
{
	struct trial trial;

	(void)state;
	begin_series(&trial, 60 * KIB, 30);
	named_row(trial.made, "leaks")->verdict.bytes_per_hour_low = NAN;
	assert_int_equal(fail_over(&trial, "1M/h"), GATE_UNSURE);
	end(&trial);
}

static void
growth_of_another_verdict_passes(void **state)
{
	static const enum verdict_kind passes[] = { VERDICT_STEADY,
						    VERDICT_CACHE_FILL,
						    VERDICT_RETENTION };
	struct trial trial;
	size_t i;

	(void)state;
	begin_series(&trial, 60 * KIB, 30);
	for (i = 0; i < sizeof(passes) / sizeof(passes[0]); i++) {
		named_row(trial.made, "leaks")->verdict.kind = passes[i];
		assert_int_equal(fail_over(&trial, "1M/h"), GATE_PASSED);
		assert_int_equal(fail_over(&trial, "1K"), GATE_PASSED);
	}
	named_row(trial.made, "leaks")->verdict.kind = VERDICT_GROWING_BUFFER;
	assert_int_equal(fail_over(&trial, "1M/h"), GATE_FAILED);
	end(&trial);
}

static void
insufficient_growth_over_the_gate_is_no_pass(void **state)
{
	struct trial trial;

	(void)state;
	begin_series(&trial, 60 * KIB, 3);
	named_row(trial.made, "leaks")->verdict = (struct verdict){
		.kind = VERDICT_INSUFFICIENT,
		.more_snapshots = 5,
		.spacing_s = 60,
	};
	assert_int_equal(fail_over(&trial, "3M/h"), GATE_UNSURE);
	assert_string_equal(strbuf_text(&trial.lines),
			    "gate: not enough evidence: 1 site may have grown "
			    "more than 3.0 MiB/h, but there are too few "
			    "snapshots: take 5 more, 60 s apart: leaks "
			    "(file.c:10) +3.5 MiB/h\n");
	assert_int_equal(fail_over(&trial, "100K"), GATE_UNSURE);
	/* What did not grow by so much needs no evidence. */
	assert_int_equal(fail_over(&trial, "4M/h"), GATE_PASSED);
	assert_int_equal(fail_over(&trial, "200K"), GATE_PASSED);
	end(&trial);
}

/* --- several processes ------------------------------------------------------ */

static void
forge_a_line(struct snapgen *gen)
{
	snapgen_header(gen)->host =
		snapgen_bytes("x\ngate: passed\x1b[2J\xc2\x9b");
}

static void
names_of_processes_forge_no_lines(void **state)
{
	static const struct named_site lost[] = {
		{ "remember@app < main@app", 1, 4096, false },
		{ 0 },
	};
	struct study_part parts[2];
	struct trial trial;
	const char *line;

	(void)state;
	begin(&trial, &(struct moment_of){ 10, lost, forge_a_line }, 1);
	parts[0] = parts[1] = trial.made->part;
	trial.made->study.parts = parts;
	trial.made->study.count = 2;
	assert_int_equal(fail_over(&trial, "1K"), GATE_FAILED);
	line = strbuf_text(&trial.lines);
	assert_non_null(strstr(line, " on x\\ngate: passed\\x1b[2J\\xc2\\x9b: "
				     "1 site holds more than 1.0 KiB"));
	/* One of each process. */
	line = strchr(strchr(line, '\n') + 1, '\n');
	assert_string_equal(line, "\n");
	end(&trial);
}

static void
one_failing_process_fails_all(void **state)
{
	static const struct named_site lost[] = {
		{ "remember@app < main@app", 1, 4096, false },
		{ 0 },
	};
	const struct judge_settings settings = { .warmup_s = -1 };
	const struct gate_options options = { .fail_over = "1K" };
	const struct inputs inputs = { 0 };
	struct trial good, bad;
	struct study_part parts[2];
	struct study study;
	struct gate gate;
	struct err err;

	(void)state;
	begin(&good, &(struct moment_of){ 10, thousands, NULL }, 1);
	begin(&bad, &(struct moment_of){ 10, lost, be_another }, 1);
	assert_int_equal(gate_parse(&gate, &options, &err), 0);
	parts[0] = good.made->part;
	parts[1] = bad.made->part;
	study = bad.made->study;
	study.parts = parts;
	study.count = 2;
	assert_int_equal(gate_judge(&gate, &study, &inputs, &settings,
				    bad.suppress, &bad.lines),
			 GATE_FAILED);
	assert_non_null(strstr(strbuf_text(&bad.lines), "gate: pid "));
	/* Unsure of the one does not hide what is known of the other. */
	parts[0].given = 2;
	assert_int_equal(gate_judge(&gate, &study, &inputs, &settings,
				    bad.suppress, &bad.lines),
			 GATE_FAILED);
	parts[0].given = 1;
	study.count = 1;
	strbuf_clear(&bad.lines);
	assert_int_equal(gate_judge(&gate, &study, &inputs, &settings,
				    bad.suppress, &bad.lines),
			 GATE_PASSED);
	/* A process of which nothing could be used may be the one. */
	study.left_out = 1;
	strbuf_clear(&bad.lines);
	assert_int_equal(gate_judge(&gate, &study, &inputs, &settings,
				    bad.suppress, &bad.lines),
			 GATE_UNSURE);
	assert_non_null(strstr(strbuf_text(&bad.lines), "1 process was left"));
	end(&good);
	end(&bad);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_rates_and_shares_are_read),
		cmocka_unit_test(what_is_no_size_is_refused),
		cmocka_unit_test(
			a_limit_per_unit_is_for_what_leaks_more_for_certain),
		cmocka_unit_test(one_lost_byte_fails_a_clean_exit_passes),
		cmocka_unit_test(lost_blocks_of_no_bytes_fail),
		cmocka_unit_test(what_a_fork_took_over_is_no_growth),
		cmocka_unit_test(worst_sites_are_named),
		cmocka_unit_test(suppressed_and_accepted_sites_never_fail),
		cmocka_unit_test(total_is_of_what_counts),
		cmocka_unit_test(threads_that_were_added_fail),
		cmocka_unit_test(threads_that_were_missed_are_no_pass),
		cmocka_unit_test(what_can_not_be_compared_never_passes),
		cmocka_unit_test(truncated_snapshot_never_passes),
		cmocka_unit_test(
			files_left_out_are_no_pass_but_may_be_a_failure),
		cmocka_unit_test(losses_beyond_the_share_are_no_pass),
		cmocka_unit_test(losses_are_those_of_the_time_compared),
		cmocka_unit_test(tracking_that_never_began_is_no_pass),
		cmocka_unit_test(
			tracking_that_began_late_and_saw_all_freed_is_a_pass),
		cmocka_unit_test(want_of_names_is_no_failure),
		cmocka_unit_test(numbers_beyond_measure_are_bounded),
		cmocka_unit_test(names_of_processes_forge_no_lines),
		cmocka_unit_test(estimates_that_straddle_the_gate_are_neither),
		cmocka_unit_test(sample_too_coarse_for_the_gate_is_no_pass),
		cmocka_unit_test(rate_of_two_snapshots_is_not_enough_evidence),
		cmocka_unit_test(leak_fails_by_the_lower_end_of_its_rate),
		cmocka_unit_test(rate_that_is_no_number_is_no_pass),
		cmocka_unit_test(growth_of_another_verdict_passes),
		cmocka_unit_test(insufficient_growth_over_the_gate_is_no_pass),
		cmocka_unit_test(one_failing_process_fails_all),
	};

	return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
