/*
 * Site counters: what each call stack allocated and freed since tracking
 * started. A site is a stack of the depot, used by its number.
 *
 * Lock-free, LKS_STRIPES copies so that threads do not fight for a cache
 * line, pages of counters made when first touched. Counts of objects are in
 * 1/lks_sampler_scale() objects.
 */
#pragma once

#include "lks.h"

/* Stripes: beyond 8 the added memory buys nothing measurable on the machines
 * this runs on; threads share them round robin. */
#define LKS_STRIPES 8

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

/* RECORD. False: no memory for the page; nothing was counted. */
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
