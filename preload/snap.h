/*
 * A snapshot in memory: a consistent copy of everything that goes to the file.
 *
 * The live table is copied shard by shard, each under its lock for at most a
 * fraction of a millisecond, and folded into sums per site and into age
 * cohorts; site counters are read after it. So live is exact for each shard
 * at its moment, and allocated minus freed agrees with it but for what
 * happened meanwhile. All arrays are scratch (scratch.h).
 */
#pragma once

#include "../proto/limits.h"
#include "ledger.h"
#include "lks.h"
#include "site.h"
#include "writer.h"

/* As in snapshot.proto's Way. */
enum lks_way {
	LKS_WAY_HELPER = 1,
	LKS_WAY_CLONE = 2,
	LKS_WAY_HOST = 3,
	LKS_WAY_EXIT = 4,
};

struct lks_snap_live {
	uint64_t objects; /* in 1/lks_sampler_scale() */
	uint64_t bytes;
};

/* By stack number; two sums a site, so that folding millions of blocks into
 * them stays in the processor's cache. */
struct lks_snap_site {
	struct lks_site_totals totals;
	uint32_t row; /* number in the file; 0 = all zero, left out */
};

/* Born in [from_s, to_s) after the start of tracking. */
struct lks_snap_bin {
	uint64_t from_s;
	uint64_t to_s;
};

struct lks_snap_cohort {
	uint32_t row; /* of the site */
	uint32_t bin;
	uint64_t objects;
	uint64_t bytes;
};

struct lks_snap_threads {
	uint32_t stack; /* creation site */
	uint64_t start; /* code of the start function plus one; 0 = unknown */
	struct lks_site_totals totals; /* objects are threads */
	uint64_t running;
	uint64_t running_detached;
	uint64_t exited_unjoined;
	uint64_t held_stack_bytes;
};

struct lks_block; /* livetab.h */

/* Gets the blocks of one shard, and may reorder them. False: enough, with the
 * reason in the sink. */
typedef bool lks_snap_visit(void *visitor, struct lks_block *blocks,
			    uint32_t count);

struct lks_snap {
	/* Set by the caller, who clears the rest. */
	enum lks_trigger trigger;
	enum lks_way way;
	uint64_t sequence;
	uint64_t request_ns; /* CLOCK_MONOTONIC of the request */
	/* NULL: blocks are summed and forgotten. The times and bins of the
	 * snapshot are set before its first call. */
	lks_snap_visit *visit;
	void *visitor;

	uint64_t wall_ns;
	uint64_t monotonic_ns;
	struct lks_snap_bin bins[LKS_COHORTS]; /* oldest first */
	uint32_t bin_count;
	struct lks_snap_site *sites; /* these three by stack number */
	struct lks_snap_live *live;
	struct lks_snap_live *inherited; /* NULL in what is no fork's child */
	uint32_t stack_count;
	struct lks_snap_cohort *cohorts; /* by row, then bin */
	uint32_t cohort_count;
	struct lks_snap_threads *threads; /* by stack number */
	uint32_t thread_count;
	uint32_t node_count;   /* depot nodes that the sites may name */
	uint32_t module_count; /* modules that the nodes may name */
	struct lks_ledger ledger;
	bool has_ledger;

	/* Sums over the sites, and how many have a row. */
	uint32_t row_count;
	struct lks_site_totals totals;
	struct lks_snap_live live_sum;
};

/* Pairs of site and age told apart: 100 k sites with ten ages each. What is
 * beyond counts in cohort_overflows. */
#define LKS_SNAP_COHORTS_MAX (1u << 20)

/* WRITER. False: no scratch, or a shard stayed locked; lks_snap_error() says
 * which. "": the visitor had enough. */
bool lks_snap_take(struct lks_snap *snap);
const char *lks_snap_error(void);

/* FORK, in the child: `epoch` is its first (lks_epoch_fork_child). Blocks born
 * before it count as inherited. */
void lks_snap_fork_child(uint32_t epoch);
/* Any context, before anything is recorded: nothing was inherited. */
void lks_snap_restart(void);
/* First second that is the process's own, 0 = not a fork's child. */
uint64_t lks_snap_inherited_before_s(void);

/* Any context. The longest that a host thread was ever held for a snapshot:
 * tells of one more hold; the maximum so far. */
void lks_hold_tell(uint64_t ns);
uint64_t lks_hold_longest_ns(void);
