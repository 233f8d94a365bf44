/*
 * Mappings are kept in a fixed table of ranges (for the ledger, and so that
 * adjacent ones can be told from the host's, with which the kernel may merge
 * them). Small permanent memory is cut from chunks.
 */
#include "arena.h"

#include <stdatomic.h>
#include <sys/mman.h>

#include "counters.h"
#include "lock.h"
#include "sandbox.h"
#include "sys.h"

/* Live table shards, depot and counter pages, scratch: a few hundred ranges in
 * practice. What finds no room here is only missing from the ledger's line. */
#define RANGES_MAX 8192
#define PAGE 4096ul
#define CHUNK (64 * 1024ul)

static struct lks_lock lock;
static struct lks_range ranges[RANGES_MAX]; /* guard: lock */
static uint32_t range_count;                /* guard: lock */
static char *chunk;                         /* guard: lock */
static size_t chunk_left;                   /* guard: lock */
static bool fork_holds;                     /* guard: lock, when true */
static _Atomic uint64_t mapped_bytes;
static _Atomic uint64_t cap_bytes = UINT64_MAX;

void
lks_arena_init(uint64_t cap)
{
	atomic_store_explicit(&cap_bytes, cap, memory_order_relaxed);
}

static size_t
round_to_pages(size_t bytes)
{
	return (bytes + PAGE - 1) & ~(PAGE - 1);
}

uint64_t
lks_arena_bytes(void)
{
	return atomic_load_explicit(&mapped_bytes, memory_order_relaxed);
}

uint64_t
lks_arena_cap(void)
{
	return atomic_load_explicit(&cap_bytes, memory_order_relaxed);
}

bool
lks_arena_is_tight(size_t bytes)
{
	return lks_arena_bytes() + round_to_pages(bytes) > lks_arena_cap();
}

static void
range_add_locked(uintptr_t start, uintptr_t end)
{
	/* The kernel hands out neighbours downwards: grow one where we can. */
	for (uint32_t i = range_count; i > 0 && i + 8 > range_count; i--) {
		struct lks_range *r = &ranges[i - 1];

		if (r->start == end) {
			r->start = start;
			return;
		}
		if (r->end == start) {
			r->end = end;
			return;
		}
	}
	if (range_count < RANGES_MAX)
		ranges[range_count++] = (struct lks_range){ start, end };
}

static void
range_remove_locked(uintptr_t start, uintptr_t end)
{
	for (uint32_t i = 0; i < range_count; i++) {
		struct lks_range *r = &ranges[i];

		if (start < r->start || end > r->end)
			continue;
		if (start > r->start && end < r->end) {
			if (range_count < RANGES_MAX)
				ranges[range_count++] =
					(struct lks_range){ end, r->end };
			r->end = start;
		} else if (start > r->start) {
			r->end = start;
		} else if (end < r->end) {
			r->start = end;
		} else {
			*r = ranges[--range_count];
		}
		return;
	}
}

/* Memory is obtained before the lock. */
static void *
map_pages(size_t bytes)
{
	long result = lks_sys6(SYS_mmap, 0, (long)bytes, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			       0);

	if (lks_sys_failed(result)) {
		lks_count(map_failures);
		return NULL;
	}
	/* Sparse tables must cost what they touch; older kernels say EINVAL. */
	lks_sys3(SYS_madvise, result, bytes, MADV_NOHUGEPAGE);
	return (void *)result;
}

static void
add_range(uintptr_t start, size_t bytes)
{
	if (lks_lock_take(&lock, LKS_RANK_ARENA)) {
		range_add_locked(start, start + bytes);
		lks_lock_drop(&lock);
	}
}

/* Before the kernel has the pages: afterwards another thread may. */
static void
remove_range(uintptr_t start, size_t bytes)
{
	if (lks_lock_take(&lock, LKS_RANK_ARENA)) {
		range_remove_locked(start, start + bytes);
		lks_lock_drop(&lock);
	}
}

void *
lks_arena_reserve(size_t bytes)
{
	void *pages;

	bytes = round_to_pages(bytes);
	if (bytes == 0)
		return NULL;
	pages = map_pages(bytes);
	if (pages != NULL)
		add_range((uintptr_t)pages, bytes);
	return pages;
}

void *
lks_arena_map_beyond_cap(size_t bytes)
{
	void *pages = lks_arena_reserve(bytes);

	if (pages != NULL)
		atomic_fetch_add_explicit(&mapped_bytes, round_to_pages(bytes),
					  memory_order_relaxed);
	return pages;
}

void *
lks_arena_map(size_t bytes)
{
	if (lks_unlikely(lks_arena_is_tight(bytes)))
		return NULL; /* what could not be kept is counted by the asker */
	return lks_arena_map_beyond_cap(bytes);
}

void
lks_arena_unreserve(void *pages, size_t bytes)
{
	bytes = round_to_pages(bytes);
	if (pages == NULL || bytes == 0)
		return;
	remove_range((uintptr_t)pages, bytes);
	lks_sys2(SYS_munmap, pages, bytes);
}

void
lks_arena_release(void *pages, size_t bytes)
{
	if (pages == NULL)
		return;
	lks_arena_unreserve(pages, bytes);
	atomic_fetch_sub_explicit(&mapped_bytes, round_to_pages(bytes),
				  memory_order_relaxed);
}

void *
lks_arena_resize(void *pages, size_t had, size_t wanted)
{
	const uintptr_t old = (uintptr_t)pages;
	long result;

	had = round_to_pages(had);
	wanted = round_to_pages(wanted);
	if (lks_unlikely(wanted > had && lks_arena_is_tight(wanted - had)) ||
	    lks_sandbox_forbids(LKS_NEED_RESIZE))
		return NULL;
	remove_range(old, had);
	result = lks_sys5(SYS_mremap, pages, had, wanted, MREMAP_MAYMOVE, 0);
	if (lks_sys_failed(result)) {
		add_range(old, had);
		lks_count(map_failures);
		return NULL;
	}
	add_range((uintptr_t)result, wanted);
	/* Unsigned: less wraps, and is right. */
	atomic_fetch_add_explicit(&mapped_bytes, (uint64_t)wanted - had,
				  memory_order_relaxed);
	return (void *)result;
}

void *
lks_arena_permanent(size_t bytes)
{
	void *memory = NULL;
	char *fresh = NULL;

	bytes = (bytes + 15) & ~(size_t)15;
	if (bytes > CHUNK / 4)
		return lks_arena_map(bytes);
	for (;;) {
		if (!lks_lock_take(&lock, LKS_RANK_ARENA))
			break;
		if (fresh != NULL) {
			/* What was left of the old chunk is given up: less
			 * than a quarter of it. */
			chunk = fresh;
			chunk_left = CHUNK;
		}
		if (chunk_left >= bytes) {
			memory = chunk;
			chunk += bytes;
			chunk_left -= bytes;
		}
		lks_lock_drop(&lock);
		if (memory != NULL || fresh != NULL)
			break;
		fresh = lks_arena_map(CHUNK);
		if (fresh == NULL)
			break;
	}
	return memory;
}

uint32_t
lks_arena_ranges(struct lks_range *out, uint32_t cap)
{
	uint32_t n;

	if (!lks_lock_take(&lock, LKS_RANK_ARENA))
		return 0;
	n = range_count;
	for (uint32_t i = 0; i < n && i < cap; i++)
		out[i] = ranges[i];
	lks_lock_drop(&lock);
	return n;
}

void
lks_arena_fork_prepare(void)
{
	fork_holds = lks_lock_take(&lock, LKS_RANK_ARENA);
}

void
lks_arena_fork_parent(void)
{
	if (fork_holds)
		lks_lock_drop(&lock);
	fork_holds = false;
}

void
lks_arena_fork_child(void)
{
	/* Whoever held it is not here; at worst a range is missing. */
	fork_holds = false;
	lks_lock_init(&lock);
}
