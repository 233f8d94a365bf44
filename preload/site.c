/*
 * Counters in pages of PAGE_SITES sites, one page per stripe, so that a
 * thread's sites share no line with another stripe's.
 */
#include "site.h"

#include <stdatomic.h>

#include "../proto/limits.h"
#include "arena.h"
#include "depot.h"

#define PAGE_SHIFT LKS_SITE_PAGE_SHIFT
#define PAGE_SITES (1u << PAGE_SHIFT)

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

static LKS_NOINLINE struct lks_site_counts *
make(struct lks_sites *sites, uint32_t stripe, uint32_t site)
{
	struct lks_site_directory *directory = atomic_load_explicit(
		&sites->directories[stripe], memory_order_acquire);
	struct lks_site_counts *page;

	if (directory == NULL) {
		struct lks_site_directory *made =
			lks_arena_reserve(sizeof(*made));

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
		struct lks_site_counts *made = lks_arena_map(bytes);

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

/* The counters of a site in the stripe, or without memory for that, in any. */
static LKS_NOINLINE struct lks_site_counts *
find_elsewhere(struct lks_sites *sites, uint32_t stripe, uint32_t site)
{
	struct lks_site_counts *c = make(sites, stripe, site);

	for (uint32_t i = 0; c == NULL && i < LKS_STRIPES; i++)
		c = lks_site_find(sites, i, site);
	return c;
}

/* release: as lks_site_add */
static void
add_shared(struct lks_site_counts *c, enum lks_site_which which,
	   uint64_t objects, uint64_t bytes)
{
	atomic_fetch_add_explicit(&c->objects[which], objects,
				  memory_order_release);
	atomic_fetch_add_explicit(&c->bytes[which], bytes,
				  memory_order_release);
}

LKS_NOINLINE bool
lks_site_add_slow(struct lks_sites *sites, struct lks_stack site,
		  uint32_t stripe, enum lks_site_which which, uint64_t objects,
		  uint64_t bytes)
{
	struct lks_site_counts *c = lks_site_find(sites, stripe, site.id);

	if (lks_unlikely(c == NULL)) {
		c = find_elsewhere(sites, stripe, site.id);
		if (c == NULL)
			return false;
	}
	add_shared(c, which, objects, bytes);
	return true;
}

bool
lks_site_alloc(struct lks_sites *sites, struct lks_stack site, uint32_t stripe,
	       uint64_t objects, uint64_t bytes)
{
	return lks_site_add(sites, site, stripe, LKS_SITE_ALLOC, objects,
			    bytes);
}

bool
lks_site_free(struct lks_sites *sites, struct lks_stack site, uint32_t stripe,
	      uint64_t objects, uint64_t bytes)
{
	return lks_site_add(sites, site, stripe, LKS_SITE_FREE, objects, bytes);
}

void
lks_site_correct(struct lks_sites *sites, struct lks_stack site,
		 uint64_t objects, uint64_t bytes)
{
	/* In a shared stripe: whoever thins may be any thread, and a cloned
	 * writer. */
	struct lks_site_counts *c = lks_site_find(sites, 0, site.id);

	if (c == NULL)
		c = find_elsewhere(sites, 0, site.id);
	if (c == NULL)
		return;
	add_shared(c, LKS_SITE_ALLOC, objects, bytes);
}

struct lks_site_totals
lks_site_read(struct lks_sites *sites, struct lks_stack site)
{
	struct lks_site_totals sum = { 0, 0, 0, 0 };

	for (uint32_t i = 0; i < LKS_STRIPES; i++) {
		struct lks_site_counts *c = lks_site_find(sites, i, site.id);

		if (c == NULL)
			continue;
		sum.free_objects += atomic_load_explicit(
			&c->objects[LKS_SITE_FREE], memory_order_acquire);
		sum.free_bytes += atomic_load_explicit(&c->bytes[LKS_SITE_FREE],
						       memory_order_acquire);
	}
	atomic_thread_fence(memory_order_acquire);
	for (uint32_t i = 0; i < LKS_STRIPES; i++) {
		struct lks_site_counts *c = lks_site_find(sites, i, site.id);

		if (c == NULL)
			continue;
		sum.alloc_objects += atomic_load_explicit(
			&c->objects[LKS_SITE_ALLOC], memory_order_relaxed);
		sum.alloc_bytes += atomic_load_explicit(
			&c->bytes[LKS_SITE_ALLOC], memory_order_relaxed);
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
