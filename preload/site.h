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

#include <stdatomic.h>

#include "../proto/limits.h"
#include "lks.h"

/* Beyond 8 of either the added memory buys nothing measurable on the machines
 * this runs on; threads without a stripe of their own share round robin. */
#define LKS_SHARED_STRIPES 8
#define LKS_OWN_STRIPES 8
#define LKS_STRIPES (LKS_SHARED_STRIPES + LKS_OWN_STRIPES)

#define LKS_SITE_PAGE_SHIFT 8
#define LKS_SITE_PAGES ((LKS_STACKS_MAX >> LKS_SITE_PAGE_SHIFT) + 1)

/* Of a site in one stripe: allocated, freed. */
struct lks_site_counts {
	_Atomic uint64_t objects[2];
	_Atomic uint64_t bytes[2];
};

/* 512 KiB of address space; only what is in use is touched. */
struct lks_site_directory {
	struct lks_site_counts *_Atomic pages[LKS_SITE_PAGES];
};

/* One set of counters. */
struct lks_sites {
	struct lks_site_directory *_Atomic directories[LKS_STRIPES];
};

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

enum lks_site_which { LKS_SITE_ALLOC, LKS_SITE_FREE };

/* The counters, NULL: none yet. */
static inline struct lks_site_counts *
lks_site_find(struct lks_sites *sites, uint32_t stripe, uint32_t site)
{
	struct lks_site_directory *directory = atomic_load_explicit(
		&sites->directories[stripe], memory_order_acquire);
	struct lks_site_counts *page;

	if (lks_unlikely(directory == NULL))
		return NULL;
	page = atomic_load_explicit(
		&directory->pages[site >> LKS_SITE_PAGE_SHIFT],
		memory_order_acquire);
	if (lks_unlikely(page == NULL))
		return NULL;
	return &page[site & ((1u << LKS_SITE_PAGE_SHIFT) - 1)];
}

/* Of a stripe of the caller's own. release: pairs with the fence in
 * lks_site_read. A free of a block comes after its allocation, so who sees the
 * free also sees the allocation. */
static inline void
lks_site_raise(struct lks_site_counts *c, enum lks_site_which which,
	       uint64_t objects, uint64_t bytes)
{
	objects +=
		atomic_load_explicit(&c->objects[which], memory_order_relaxed);
	bytes += atomic_load_explicit(&c->bytes[which], memory_order_relaxed);
	atomic_store_explicit(&c->objects[which], objects,
			      memory_order_release);
	atomic_store_explicit(&c->bytes[which], bytes, memory_order_release);
}

bool lks_site_add_slow(struct lks_sites *sites, struct lks_stack site,
		       uint32_t stripe, enum lks_site_which which,
		       uint64_t objects, uint64_t bytes);

/* The same, either of the two, and inline. */
static inline bool
lks_site_add(struct lks_sites *sites, struct lks_stack site, uint32_t stripe,
	     enum lks_site_which which, uint64_t objects, uint64_t bytes)
{
	struct lks_site_counts *c = lks_site_find(sites, stripe, site.id);

	if (lks_unlikely(stripe < LKS_SHARED_STRIPES || c == NULL))
		return lks_site_add_slow(sites, site, stripe, which, objects,
					 bytes);
	lks_site_raise(c, which, objects, bytes);
	return true;
}

/* One block of `bytes` that was allocated and freed again. False: there are no
 * counters for it yet, or shared ones; nothing was counted. */
static inline bool
lks_site_add_both(struct lks_sites *sites, struct lks_stack site,
		  uint32_t stripe, uint64_t bytes)
{
	struct lks_site_counts *c = lks_site_find(sites, stripe, site.id);

	if (lks_unlikely(stripe < LKS_SHARED_STRIPES || c == NULL))
		return false;
	lks_site_raise(c, LKS_SITE_ALLOC, 1, bytes);
	lks_site_raise(c, LKS_SITE_FREE, 1, bytes);
	return true;
}

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
