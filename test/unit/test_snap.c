#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../preload/cohorts.h"
#include "../../preload/depot.h"
#include "../../preload/epoch.h"
#include "../../preload/livetab.h"
#include "../../preload/sampler.h"
#include "../../preload/scratch.h"
#include "../../preload/site.h"
#include "../../preload/snap.h"
#include "preload_env.h"

static struct lks_snap snap;

static struct lks_stack
stack_of(uint64_t pc)
{
	uint64_t code = lks_code(pc, 0);

	return lks_depot_intern(&code, 1, false);
}

static void
insert(uintptr_t address, struct lks_stack site, uint64_t size, uint32_t epoch)
{
	struct lks_block b = { address, size, site, epoch, 0 };
	struct lks_block old;

	assert_int_equal(lks_livetab_insert(&b, &old), LKS_INSERTED);
}

static void
take(uintptr_t address)
{
	struct lks_block old;

	assert_int_equal(lks_livetab_take(address, &old), LKS_TAKEN);
}

static void
take_snap(void)
{
	lks_scratch_clear();
	snap = (struct lks_snap){ .sequence = 1 };
	assert_true(lks_snap_take(&snap));
}

static void
live_is_summed_per_site_from_the_live_table(void **state)
{
	struct lks_stack a = stack_of(0x1000);
	struct lks_stack b = stack_of(0x2000);

	(void)state;
	preload_env_boot("");
	for (uintptr_t i = 0; i < 1000; i++)
		insert(0x100000 + i * 16, i % 4 == 0 ? a : b, i, 0);
	take_snap();
	assert_int_equal(snap.live[a.id].objects, 250);
	assert_int_equal(snap.live[b.id].objects, 750);
	assert_int_equal(snap.live_sum.bytes, 999 * 1000 / 2);
	/* Sites are numbered without gaps, in the order of their stacks. */
	assert_int_equal(snap.row_count, 2);
	assert_int_equal(snap.sites[a.id].row, 1);
	assert_int_equal(snap.sites[b.id].row, 2);
	for (uintptr_t i = 0; i < 1000; i++)
		take(0x100000 + i * 16);
}

static void
sampled_blocks_count_with_their_weight(void **state)
{
	struct lks_stack a = stack_of(0x3000);
	struct lks_weight weight;

	(void)state;
	preload_env_boot("sample=512K");
	insert(0x200000, a, 1000, 0);
	weight = lks_sampler_weight(1000);
	take_snap();
	assert_int_equal(snap.live[a.id].objects, weight.objects);
	assert_int_equal(snap.live[a.id].bytes, weight.bytes);
	take(0x200000);
}

static void
blocks_from_before_the_fork_are_inherited(void **state)
{
	struct lks_stack a = stack_of(0x4000);

	(void)state;
	preload_env_boot("");
	insert(0x300000, a, 100, 4);
	insert(0x300010, a, 20, 5);
	insert(0x300020, a, 3, 6);
	lks_snap_fork_child(5);
	take_snap();
	assert_int_equal(snap.live[a.id].bytes, 123);
	assert_int_equal(snap.inherited[a.id].objects, 1);
	assert_int_equal(snap.inherited[a.id].bytes, 100);
	assert_int_equal(lks_snap_inherited_before_s(), 5);
	lks_snap_fork_child(0);
	take_snap();
	assert_null(snap.inherited);
	take(0x300000);
	take(0x300010);
	take(0x300020);
}

static void
cohorts_come_by_site_then_age_and_sum_to_live(void **state)
{
	struct lks_stack site[3];
	uint64_t bytes = 0;

	(void)state;
	preload_env_boot("");
	for (uintptr_t i = 0; i < 3; i++)
		site[i] = stack_of(0x5000 + i * 16);
	/* Birth epochs ahead of the clock stand for any age. */
	for (uint32_t i = 0; i < 300; i++)
		insert(0x400000 + i * 16, site[i % 3], 1 + i,
		       i < 150 ? 0 : lks_epoch_now());
	take_snap();
	assert_true(snap.cohort_count >= 3);
	for (uint32_t i = 0; i < snap.cohort_count; i++) {
		const struct lks_snap_cohort *c = &snap.cohorts[i];

		bytes += c->bytes;
		assert_true(c->bin < snap.bin_count);
		if (i > 0)
			assert_true(
				c[-1].row < c->row ||
				(c[-1].row == c->row && c[-1].bin < c->bin));
	}
	assert_int_equal(bytes, snap.live_sum.bytes);
	for (uint32_t i = 0; i < 300; i++)
		take(0x400000 + i * 16);
}

static void
bins_cover_every_second_once(void **state)
{
	static const uint64_t ends[] = { 1,     2,      5,        64,      3600,
					 86399, 604800, 1u << 20, 31536000 };
	struct lks_snap_bin bins[LKS_COHORTS];

	(void)state;
	for (size_t k = 0; k < sizeof(ends) / sizeof(ends[0]); k++) {
		uint32_t n = lks_cohorts_bins(ends[k], bins);

		assert_in_range(n, 1, LKS_COHORTS);
		assert_int_equal(bins[0].from_s, 0);
		assert_int_equal(bins[n - 1].to_s, ends[k]);
		for (uint32_t i = 0; i < n; i++) {
			assert_true(bins[i].from_s < bins[i].to_s);
			if (i > 0)
				assert_int_equal(bins[i].from_s,
						 bins[i - 1].to_s);
		}
	}
}

static void
later_bins_are_unions_of_earlier_ones(void **state)
{
	struct lks_snap_bin early[LKS_COHORTS];
	struct lks_snap_bin late[LKS_COHORTS];

	(void)state;
	for (uint64_t e = 1; e < 5000; e = e * 3 / 2 + 1) {
		uint32_t n = lks_cohorts_bins(e, early);

		for (uint64_t l = e + 1; l < 50000; l = l * 5 / 3 + 1) {
			uint32_t m = lks_cohorts_bins(l, late);

			/* Every edge of a late bin is an early edge too. */
			for (uint32_t i = 0; i < m; i++) {
				bool found = late[i].to_s >= e;

				for (uint32_t k = 0; k < n; k++)
					if (early[k].to_s == late[i].to_s)
						found = true;
				assert_true(found);
			}
		}
	}
}

static void
cohorts_beyond_the_table_are_counted(void **state)
{
	struct lks_cohorts c;

	(void)state;
	lks_scratch_clear();
	snap = (struct lks_snap){ .sequence = 1 };
	assert_true(lks_cohorts_init(&c, &snap, 0));
	for (uint32_t i = 1; i <= LKS_SNAP_COHORTS_MAX + 5; i++)
		lks_cohorts_add(&c, i, 0, 1, 1);
	assert_int_equal(c.count, LKS_SNAP_COHORTS_MAX);
	assert_int_equal(c.overflows, 5);
	lks_cohorts_add(&c, 1, 0, 1, 1); /* known ones still count */
	assert_int_equal(c.overflows, 5);
	lks_scratch_clear();
}

/* --- conservation, which debug builds check --- */

enum flaw {
	NO_FLAW,
	NOT_INSERTED,
	NOT_COUNTED,
	OTHER_SIZE,
	OTHER_SITE,
	NOT_TAKEN_OUT,
	FREE_NOT_COUNTED,
	FLAWS
};

/* A hundred blocks of a site, half of them freed, by the rules but for one. */
static void
come_and_go(enum flaw flaw)
{
	const struct lks_stack a = stack_of(0x6000);
	const struct lks_stack b = stack_of(0x6010);

	for (uintptr_t i = 0; i < 100; i++) {
		const uintptr_t address = 0x500000 + i * 16;
		const bool freed = i % 2 == 0;
		/* One that stays, one that goes. */
		const bool flawed = i == (flaw < NOT_TAKEN_OUT ? 43u : 42u);

		if (!flawed || flaw != NOT_INSERTED)
			insert(address, flawed && flaw == OTHER_SITE ? b : a,
			       flawed && flaw == OTHER_SIZE ? 11 : 10, 0);
		if (!flawed || flaw != NOT_COUNTED)
			assert_true(
				lks_site_alloc(lks_heap_sites, a, 0, 1, 10));
		if (!freed)
			continue;
		if (!flawed || flaw != NOT_TAKEN_OUT)
			take(address);
		if (!flawed || flaw != FREE_NOT_COUNTED)
			lks_site_free(lks_heap_sites, a, 0, 1, 10);
	}
}

/* How a process ends that takes its last snapshot after that. */
static int
end_of_one_with(enum flaw flaw)
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGILL, SIG_DFL); /* cmocka's */
		come_and_go(flaw);
		lks_scratch_clear();
		snap = (struct lks_snap){ .sequence = 1, .way = LKS_WAY_EXIT };
		_exit(lks_snap_take(&snap) ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void
unbalanced_books_trap(void **state)
{
	(void)state;
#ifdef __SANITIZE_THREAD__
	puts("books are looked at in a process of one thread, and "
	     "ThreadSanitizer has one of its own");
	skip();
#endif
	preload_env_boot("");
	assert_int_equal(end_of_one_with(NO_FLAW), 0);
	for (enum flaw flaw = NO_FLAW + 1; flaw < FLAWS; flaw++)
		assert_int_equal(end_of_one_with(flaw), -SIGILL);
}

static int
boot(void **state)
{
	(void)state;
	preload_env_boot("");
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(live_is_summed_per_site_from_the_live_table),
		cmocka_unit_test(sampled_blocks_count_with_their_weight),
		cmocka_unit_test(blocks_from_before_the_fork_are_inherited),
		cmocka_unit_test(cohorts_come_by_site_then_age_and_sum_to_live),
		cmocka_unit_test(bins_cover_every_second_once),
		cmocka_unit_test(later_bins_are_unions_of_earlier_ones),
		cmocka_unit_test(cohorts_beyond_the_table_are_counted),
		cmocka_unit_test(unbalanced_books_trap),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
