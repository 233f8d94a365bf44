/*
 * Counters in pages of PAGE_SITES sites, one page per stripe, so that a
 * thread's sites share no line with another stripe's.
 */
#include "site.h"

#include <stdatomic.h>

#include "../proto/limits.h"
#include "arena.h"
#include "depot.h"

#define PAGE_SHIFT 8
#define PAGE_SITES (1u << PAGE_SHIFT)
#define PAGES ((LKS_STACKS_MAX >> PAGE_SHIFT) + 1)

struct counts {
	_Atomic uint64_t alloc_objects;
	_Atomic uint64_t alloc_bytes;
	_Atomic uint64_t free_objects;
	_Atomic uint64_t free_bytes;
};

/* 512 KiB of address space; only what is in use is touched. */
struct directory {
	struct counts *_Atomic pages[PAGES];
};

struct lks_sites {
	struct directory *_Atomic directories[LKS_STRIPES];
};

static struct lks_sites heap_sites;
static struct lks_sites thread_sites;
struct lks_sites *const lks_heap_sites = &heap_sites;
struct lks_sites *const lks_thread_sites = &thread_sites;

/* Publishes `made` (zeroed) in an empty slot. Returns what the slot then holds:
 * another thread may have been first. */
static void *
publish(void *_Atomic *slot, void *made)
{
	void *none = NULL;

	/* release: pairs with the acquire loads of find */
	return atomic_compare_exchange_strong_explicit(slot, &none, made,
						       memory_order_release,
						       memory_order_acquire)
		       ? made
		       : none;
}

static LKS_NOINLINE struct counts *
make(struct lks_sites *sites, uint32_t stripe, uint32_t site)
{
	struct directory *directory = atomic_load_explicit(
		&sites->directories[stripe], memory_order_acquire);
	struct counts *page;

	if (directory == NULL) {
		struct directory *made = lks_arena_reserve(sizeof(*made));

		if (made == NULL)
			return NULL;
		directory = publish(
			(void *_Atomic *)&sites->directories[stripe], made);
		if (directory != made)
			lks_arena_unreserve(made, sizeof(*made));
	}
	page = atomic_load_explicit(&directory->pages[site >> PAGE_SHIFT],
				    memory_order_acquire);
	if (page == NULL) {
		size_t bytes = PAGE_SITES * sizeof(*page);
		struct counts *made = lks_arena_map(bytes);

		if (made == NULL)
			return NULL;
		page = publish(
			(void *_Atomic *)&directory->pages[site >> PAGE_SHIFT],
			made);
		if (page != made)
			lks_arena_release(made, bytes);
	}
	return &page[site & (PAGE_SITES - 1)];
}

static inline struct counts *
find(struct lks_sites *sites, uint32_t stripe, uint32_t site)
{
	struct directory *directory = atomic_load_explicit(
		&sites->directories[stripe], memory_order_acquire);
	struct counts *page;

	if (lks_unlikely(directory == NULL))
		return NULL;
	page = atomic_load_explicit(&directory->pages[site >> PAGE_SHIFT],
				    memory_order_acquire);
	if (lks_unlikely(page == NULL))
		return NULL;
	return &page[site & (PAGE_SITES - 1)];
}

/* The counters of a site in the stripe, or without memory for that, in any. */
static LKS_NOINLINE struct counts *
find_elsewhere(struct lks_sites *sites, uint32_t stripe, uint32_t site)
{
	struct counts *c = make(sites, stripe, site);

	for (uint32_t i = 0; c == NULL && i < LKS_STRIPES; i++)
		c = find(sites, i, site);
	return c;
}

/* release: pairs with the fence in lks_site_read. A free of a block comes
 * after its allocation, so who sees the free also sees the allocation. */
static inline void
add(_Atomic uint64_t *count, uint64_t n, bool own)
{
	if (own)
		atomic_store_explicit(
			count,
			atomic_load_explicit(count, memory_order_relaxed) + n,
			memory_order_release);
	else
		atomic_fetch_add_explicit(count, n, memory_order_release);
}

bool
lks_site_alloc(struct lks_sites *sites, struct lks_stack site, uint32_t stripe,
	       uint64_t objects, uint64_t bytes)
{
	struct counts *c = find(sites, stripe, site.id);
	bool own = stripe >= LKS_SHARED_STRIPES;

	if (lks_unlikely(c == NULL)) {
		c = find_elsewhere(sites, stripe, site.id);
		if (c == NULL)
			return false;
		own = false;
	}
	add(&c->alloc_objects, objects, own);
	add(&c->alloc_bytes, bytes, own);
	return true;
}

bool
lks_site_free(struct lks_sites *sites, struct lks_stack site, uint32_t stripe,
	      uint64_t objects, uint64_t bytes)
{
	struct counts *c = find(sites, stripe, site.id);
	bool own = stripe >= LKS_SHARED_STRIPES;

	if (lks_unlikely(c == NULL)) {
		c = find_elsewhere(sites, stripe, site.id);
		if (c == NULL)
			return false;
		own = false;
	}
	add(&c->free_objects, objects, own);
	add(&c->free_bytes, bytes, own);
	return true;
}

void
lks_site_correct(struct lks_sites *sites, struct lks_stack site,
		 uint64_t objects, uint64_t bytes)
{
	/* In a shared stripe: whoever thins may be any thread, and a cloned
	 * writer. */
	struct counts *c = find(sites, 0, site.id);

	if (c == NULL)
		c = find_elsewhere(sites, 0, site.id);
	if (c == NULL)
		return;
	add(&c->alloc_objects, objects, false);
	add(&c->alloc_bytes, bytes, false);
}

struct lks_site_totals
lks_site_read(struct lks_sites *sites, struct lks_stack site)
{
	struct lks_site_totals sum = { 0, 0, 0, 0 };

	for (uint32_t i = 0; i < LKS_STRIPES; i++) {
		struct counts *c = find(sites, i, site.id);

		if (c == NULL)
			continue;
		sum.free_objects += atomic_load_explicit(&c->free_objects,
							 memory_order_acquire);
		sum.free_bytes += atomic_load_explicit(&c->free_bytes,
						       memory_order_acquire);
	}
	atomic_thread_fence(memory_order_acquire);
	for (uint32_t i = 0; i < LKS_STRIPES; i++) {
		struct counts *c = find(sites, i, site.id);

		if (c == NULL)
			continue;
		sum.alloc_objects += atomic_load_explicit(&c->alloc_objects,
							  memory_order_relaxed);
		sum.alloc_bytes += atomic_load_explicit(&c->alloc_bytes,
							memory_order_relaxed);
	}
	return sum;
}

struct lks_site_totals
lks_site_sum(struct lks_sites *sites)
{
	struct lks_site_totals sum = { 0, 0, 0, 0 };
	uint32_t count = lks_depot_stack_count();

	for (uint32_t id = 1; id <= count; id++) {
		struct lks_site_totals one =
			lks_site_read(sites, (struct lks_stack){ id });

		sum.alloc_objects += one.alloc_objects;
		sum.alloc_bytes += one.alloc_bytes;
		sum.free_objects += one.free_objects;
		sum.free_bytes += one.free_bytes;
	}
	return sum;
}
