#include "filter.h"

#include "arena.h"

#define SATURATED 255u

/* What excludes nothing. */
static _Atomic uint8_t one = 1;

struct lks_filter lks_filter = { .table = &one, .mask = 0 };

void
lks_filter_init(void)
{
	_Atomic uint8_t *table;

	if (lks_filter_counts())
		return;
	table = lks_arena_reserve(LKS_FILTER_BYTES);
	if (table == NULL)
		return;
	atomic_store_explicit(&lks_filter.table, table, memory_order_relaxed);
	/* release: pairs with lks_filter_excludes; the old mask fits both */
	atomic_store_explicit(&lks_filter.mask, LKS_FILTER_BYTES - 1,
			      memory_order_release);
}

/* A count that was full no longer says how many there are, so it stays. */
static void
change(uintptr_t address, int by)
{
	const uint64_t mask =
		atomic_load_explicit(&lks_filter.mask, memory_order_relaxed);
	_Atomic uint8_t *table =
		atomic_load_explicit(&lks_filter.table, memory_order_relaxed);
	_Atomic uint8_t *count = &table[lks_filter_place(address, mask)];
	uint8_t old = atomic_load_explicit(count, memory_order_relaxed);

	do {
		if (old == SATURATED || (old == 0 && by < 0))
			return;
	} while (!atomic_compare_exchange_weak_explicit(
		count, &old, (uint8_t)(old + by), memory_order_relaxed,
		memory_order_relaxed));
}

void
lks_filter_add_slow(uintptr_t address)
{
	change(address, 1);
}

void
lks_filter_remove_slow(uintptr_t address)
{
	change(address, -1);
}
