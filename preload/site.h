/*
 * Site counters: what each call stack allocated and freed since tracking
 * started. A site is a stack of the depot, used by its number.
 *
 * Lock-free, in stripes, so that threads do not fight for a cache line; pages
 * of counters are made when first touched. Counts of objects are in
 * 1/lks_sampler_scale() objects.
 *
 * The first stripes are shared: atomic additions. The others belong to one
 * thread each (tls.h deals them), which adds without a locked instruction: four
 * of those were 18 of the 75 ns that a recorded pair cost.
 */
#pragma once

#include "lks.h"

/* Beyond 8 of either the added memory buys nothing measurable on the machines
 * this runs on; threads without a stripe of their own share round robin. */
#define LKS_SHARED_STRIPES 8
#define LKS_OWN_STRIPES 8
#define LKS_STRIPES (LKS_SHARED_STRIPES + LKS_OWN_STRIPES)

struct lks_sites; /* one set of counters; opaque */

struct lks_site_totals {
	uint64_t alloc_objects;
	uint64_t alloc_bytes;
	uint64_t free_objects;
	uint64_t free_bytes;
};

/* The two sets: blocks by allocation site, threads by creation site (there
 * objects are threads and bytes reserved stack). */
extern struct lks_sites *const lks_heap_sites;
extern struct lks_sites *const lks_thread_sites;

/*
 * RECORD. False: no memory for the page; nothing was counted. A stripe that is
 * not shared must be the caller's own. Tolerated: without memory for a page of
 * its own a thread adds to another's, and if its owner adds to the same site
 * within the same nanoseconds, one of the two is lost.
 */
bool lks_site_alloc(struct lks_sites *sites, struct lks_stack site,
		    uint32_t stripe, uint64_t objects, uint64_t bytes);
bool lks_site_free(struct lks_sites *sites, struct lks_stack site,
		   uint32_t stripe, uint64_t objects, uint64_t bytes);

/* RECORD. Corrects what was counted as allocated, by a difference (negative
 * ones wrap). For the live table's thinning. */
void lks_site_correct(struct lks_sites *sites, struct lks_stack site,
		      uint64_t objects, uint64_t bytes);

/* WRITER. Sum over the stripes; frees are read before allocs, so alloc >=
 * free always. All zero for a site never counted. */
struct lks_site_totals lks_site_read(struct lks_sites *sites,
				     struct lks_stack site);

/* WRITER. Sum over all sites, same order of reading. */
struct lks_site_totals lks_site_sum(struct lks_sites *sites);
