#include "snap.h"

#include <stdatomic.h>

#include "cohorts.h"
#include "counters.h"
#include "depot.h"
#include "epoch.h"
#include "ident.h"
#include "livetab.h"
#include "modmap.h"
#include "opts.h"
#include "sampler.h"
#include "scratch.h"
#include "sys.h"
#include "threads.h"

/* A shard's lock that timed out is tried again if it is not lost: its holder is
 * in the middle of a fork of many gigabytes. */
#define SHARD_ATTEMPTS 4
#define SHARD_PAUSE_NS 20000000u

/* Blocks between a prefetch and its use: some hundred nanoseconds. */
#define AHEAD 16

static const char *error = "";
static uint32_t inherited_epoch; /* set in a forked child; 0 = none */
static _Atomic uint64_t longest_hold_ns;

struct gather {
	struct lks_snap *snap;
	struct lks_cohorts cohorts;
	struct lks_granules granules;
	struct lks_block *blocks; /* one shard's copy */
	uint32_t block_cap;
	uint32_t site_cap; /* entries in snap->sites */
	uint64_t skipped;  /* live blocks of shards that can't be had */
};

void
lks_hold_tell(uint64_t ns)
{
	uint64_t longest =
		atomic_load_explicit(&longest_hold_ns, memory_order_relaxed);

	while (ns > longest &&
	       !atomic_compare_exchange_weak_explicit(
		       &longest_hold_ns, &longest, ns, memory_order_relaxed,
		       memory_order_relaxed))
		;
}

uint64_t
lks_hold_longest_ns(void)
{
	return atomic_load_explicit(&longest_hold_ns, memory_order_relaxed);
}

void
lks_snap_fork_child(uint32_t epoch)
{
	inherited_epoch = epoch;
	atomic_store_explicit(&longest_hold_ns, 0, memory_order_relaxed);
}

void
lks_snap_restart(void)
{
	inherited_epoch = 0;
}

uint64_t
lks_snap_inherited_before_s(void)
{
	return inherited_epoch == 0 ? 0 : lks_epoch_from_s(inherited_epoch);
}

const char *
lks_snap_error(void)
{
	return error;
}

static bool
fail(const char *why)
{
	error = why;
	return false;
}

/* --- live blocks --- */

/* Room for sites 0 .. id: stacks are interned while we copy. */
static LKS_NOINLINE bool
reach_site_slow(struct gather *g, uint32_t id)
{
	struct lks_snap *snap = g->snap;
	size_t had = g->site_cap;
	size_t cap = id + id / 8 + 1024;

	snap->sites = lks_scratch_grow(snap->sites, had * sizeof(*snap->sites),
				       cap * sizeof(*snap->sites));
	snap->live = lks_scratch_grow(snap->live, had * sizeof(*snap->live),
				      cap * sizeof(*snap->live));
	if (inherited_epoch != 0)
		snap->inherited = lks_scratch_grow(
			snap->inherited, had * sizeof(*snap->inherited),
			cap * sizeof(*snap->inherited));
	if (snap->sites == NULL || snap->live == NULL ||
	    (inherited_epoch != 0 && snap->inherited == NULL))
		return fail("no memory for the sums of sites");
	g->site_cap = (uint32_t)cap;
	return true;
}

static inline bool
reach_site(struct gather *g, uint32_t id)
{
	return lks_likely(id < g->site_cap) || reach_site_slow(g, id);
}

static inline void
add_block(struct gather *g, const struct lks_block *b)
{
	struct lks_weight weight = lks_livetab_weight(b);
	struct lks_snap_live *live = &g->snap->live[b->site.id];

	live->objects += weight.objects;
	live->bytes += weight.bytes;
	if (lks_unlikely(b->epoch < inherited_epoch)) {
		live = &g->snap->inherited[b->site.id];
		live->objects += weight.objects;
		live->bytes += weight.bytes;
	}
	lks_cohorts_add(&g->cohorts, b->site.id, b->epoch, weight.objects,
			weight.bytes);
	lks_granules_add(&g->granules, b->address);
}

/* Blocks come in the order of a hash, so what they are added to is spread:
 * each is announced some blocks ahead. */
static bool
fold(struct gather *g, uint32_t count)
{
	const struct lks_block *blocks = g->blocks;

	for (uint32_t i = 0; i < count + AHEAD; i++) {
		if (i < count) {
			if (!reach_site(g, blocks[i].site.id))
				return false;
			__builtin_prefetch(&g->snap->live[blocks[i].site.id],
					   1);
			lks_cohorts_expect(&g->cohorts, blocks[i].site.id,
					   blocks[i].epoch);
		}
		if (i >= AHEAD)
			add_block(g, &blocks[i - AHEAD]);
	}
	return true;
}

/* A larger buffer, its pages present: they must not be faulted in under a
 * shard's lock. */
static bool
reach_block(struct gather *g, uint32_t count)
{
	size_t bytes;

	/* The shard may grow before we come again. */
	g->block_cap = count + count / 8 + 64;
	bytes = g->block_cap * sizeof(*g->blocks);
	lks_scratch_drop(g->blocks);
	g->blocks = lks_scratch_map(bytes);
	if (g->blocks == NULL)
		return fail("no memory for the copy of a shard");
	for (size_t at = 0; at < bytes; at += 4096)
		((volatile char *)g->blocks)[at] = 0;
	return true;
}

/*
 * A shard that stayed locked. When its holder will not come back, or has no time
 * to, because the process ends, the snapshot goes without it and says so; else
 * there will be a better one.
 */
static bool
skip_shard(struct gather *g, uint32_t shard)
{
	if (g->snap->way != LKS_WAY_EXIT && !lks_livetab_is_lost(shard))
		return fail("a shard of the live table stayed locked");
	g->skipped += lks_livetab_count(shard);
	return true;
}

/* Copies one shard; its count, UINT32_MAX: no memory, or it stayed locked and
 * is not to be skipped. */
static uint32_t
copy_shard(struct gather *g, uint32_t shard)
{
	for (int attempt = 0; attempt < SHARD_ATTEMPTS &&
			      (attempt == 0 || !lks_livetab_is_lost(shard));) {
		uint64_t before = lks_clock_ns(CLOCK_MONOTONIC);
		uint32_t n = lks_livetab_copy(shard, g->blocks, g->block_cap);

		if (n == UINT32_MAX) {
			/* Nobody wakes us: a pause. */
			static const uint32_t word;

			attempt++;
			lks_sys_futex_wait(&word, 0, SHARD_PAUSE_NS);
			continue;
		}
		lks_hold_tell(lks_clock_ns(CLOCK_MONOTONIC) - before);
		if (n <= g->block_cap)
			return n;
		if (!reach_block(g, n))
			return UINT32_MAX;
	}
	return skip_shard(g, shard) ? 0 : UINT32_MAX;
}

static bool
gather_live(struct gather *g)
{
	for (uint32_t i = 0; i < LKS_SHARDS; i++) {
		uint32_t n = copy_shard(g, i);

		if (n == UINT32_MAX || !fold(g, n))
			return false;
		if (g->snap->visit != NULL &&
		    !g->snap->visit(g->snap->visitor, g->blocks, n))
			return false;
	}
	/* What this snapshot lacks, not what all before it did. */
	atomic_store_explicit(&lks_counters.skipped_blocks, g->skipped,
			      memory_order_relaxed);
	return true;
}

/* --- site counters --- */

static void
add_totals(struct lks_site_totals *sum, const struct lks_site_totals *one)
{
	sum->alloc_objects += one->alloc_objects;
	sum->alloc_bytes += one->alloc_bytes;
	sum->free_objects += one->free_objects;
	sum->free_bytes += one->free_bytes;
}

static bool
gather_sites(struct gather *g)
{
	struct lks_snap *snap = g->snap;

	/* After the live table: every site seen there is counted. */
	snap->stack_count = lks_depot_stack_count();
	if (!reach_site(g, snap->stack_count))
		return false;
	for (uint32_t id = 1; id <= snap->stack_count; id++) {
		struct lks_snap_site *site = &snap->sites[id];

		site->totals =
			lks_site_read(lks_heap_sites, (struct lks_stack){ id });
		if (site->totals.alloc_objects == 0 &&
		    snap->live[id].objects == 0)
			continue;
		site->row = ++snap->row_count;
		add_totals(&snap->totals, &site->totals);
		snap->live_sum.objects += snap->live[id].objects;
		snap->live_sum.bytes += snap->live[id].bytes;
	}
	return true;
}

/* --- threads --- */

static struct lks_snap_threads *
find_threads(const struct lks_snap *snap, uint32_t stack)
{
	uint32_t low = 0;
	uint32_t high = snap->thread_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (snap->threads[middle].stack < stack)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == snap->thread_count || snap->threads[low].stack != stack)
		return NULL;
	return &snap->threads[low];
}

static void
add_thread(const struct lks_snap *snap, const struct lks_thread_info *info)
{
	struct lks_snap_threads *t = find_threads(snap, info->site.id);

	if (t == NULL)
		return; /* created after its site's counters were read */
	if (info->state == LKS_THREAD_EXITED)
		t->exited_unjoined++;
	else
		t->running++;
	if (info->detached && info->state != LKS_THREAD_EXITED)
		t->running_detached++;
	t->held_stack_bytes += info->stack_bytes;
	/* Plus one, as of every pc that did not make a call (unwind.h). */
	if (t->start == 0 && info->start != 0)
		t->start =
			lks_code(info->start + 1, lks_modmap_find(info->start));
}

static bool
gather_threads(struct lks_snap *snap)
{
	struct lks_thread_info info;
	uint32_t cap = 0;
	uint32_t entries;

	for (uint32_t id = 1; id <= snap->stack_count; id++) {
		struct lks_site_totals totals = lks_site_read(
			lks_thread_sites, (struct lks_stack){ id });

		if (totals.alloc_objects == 0)
			continue;
		if (snap->thread_count == cap) {
			size_t size = sizeof(*snap->threads);
			uint32_t more = cap == 0 ? 64 : 2 * cap;

			snap->threads = lks_scratch_grow(
				snap->threads, cap * size, more * size);
			if (snap->threads == NULL)
				return fail("no memory for thread sites");
			cap = more;
		}
		snap->threads[snap->thread_count++] =
			(struct lks_snap_threads){ .stack = id,
						   .totals = totals };
	}
	entries = lks_threads_entry_count();
	for (uint32_t i = 1; i <= entries; i++)
		if (lks_threads_get(i, &info))
			add_thread(snap, &info);
	return true;
}

#ifdef LKS_DEBUG
/*
 * What was allocated and not freed is what the table holds, of each site, to
 * the unit: where no thread of the host's is in the middle of a call. Of a forked
 * child, its parent's were (snapshot.proto, fork_threads), and a call that
 * nobody returned to may be half made.
 */
static void
check_conservation(const struct lks_snap *snap)
{
	uint64_t slack =
		(lks_ident.fork_threads + lks_count_get(abandoned_calls) +
		 lks_count_get(skipped_blocks)) *
		lks_sampler_scale();
	uint64_t live = 0;

	if ((snap->way != LKS_WAY_EXIT && snap->way != LKS_WAY_HOST) ||
	    lks_ident_stat_field(LKS_STAT_THREADS) != 1)
		return;
	for (uint32_t id = 1; id <= snap->stack_count; id++) {
		const struct lks_site_totals *t = &snap->sites[id].totals;
		uint64_t objects = t->alloc_objects - t->free_objects;
		uint64_t bytes = t->alloc_bytes - t->free_bytes;

		live += snap->live[id].bytes;
		if (slack == 0 && (objects != snap->live[id].objects ||
				   bytes != snap->live[id].bytes))
			__builtin_trap();
		if (objects + slack - snap->live[id].objects > 2 * slack)
			__builtin_trap();
	}
	if (live != snap->live_sum.bytes)
		__builtin_trap();
}
#endif

bool
lks_snap_take(struct lks_snap *snap)
{
	struct gather g = { .snap = snap };
	bool taken;

	error = "";
	lks_epoch_tick();
	lks_modmap_refresh();
	snap->wall_ns = lks_clock_ns(CLOCK_REALTIME);
	snap->monotonic_ns = lks_clock_ns(CLOCK_MONOTONIC);
	taken = lks_granules_init(&g.granules) &&
		lks_cohorts_init(&g.cohorts, snap, lks_epoch_now());
	if (!taken)
		return fail("no memory for the copy");
	if (!gather_live(&g) || !gather_sites(&g))
		return false;
	if (!lks_cohorts_finish(&g.cohorts, snap))
		return fail("no memory for the age cohorts");
	if (!gather_threads(snap))
		return false;
#ifdef LKS_DEBUG
	check_conservation(snap);
#endif
	/* Last, so that everything that names them was read before. */
	snap->node_count = lks_depot_node_count();
	snap->module_count = lks_modmap_count();
	snap->has_ledger = lks_ledger_measure(
		&snap->ledger, &g.granules, snap->live_sum.bytes,
		lks_opts.deep && snap->way == LKS_WAY_HELPER);
	lks_scratch_drop(g.granules.slots);
	lks_scratch_drop(g.blocks);
	return true;
}
