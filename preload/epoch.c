#include "epoch.h"

#include "sys.h"

/* Up to here an epoch is one second, then LONG_S. */
#define SHORT_EPOCHS (1u << 19)
#define LONG_S 64u

_Atomic uint32_t lks_epoch_cached;

/* Written at boot, when no other thread runs, and where a dormant process
 * starts: nothing was recorded yet, but a thread may ask what it is. */
static _Atomic uint64_t start_monotonic_ns;
static _Atomic uint64_t start_wall_ns;
static _Atomic uint64_t late_ns;
/* Epochs never run backwards, and a child's start one later than its clock
 * says (lks_epoch_fork_child). */
static uint32_t skipped;

static uint64_t
load(_Atomic uint64_t *from)
{
	return atomic_load_explicit(from, memory_order_relaxed);
}

static void
store(_Atomic uint64_t *to, uint64_t value)
{
	atomic_store_explicit(to, value, memory_order_relaxed);
}

void
lks_epoch_init(void)
{
	store(&start_monotonic_ns, lks_clock_ns(CLOCK_MONOTONIC));
	store(&start_wall_ns, lks_clock_ns(CLOCK_REALTIME));
}

void
lks_epoch_restart(void)
{
	uint64_t now = lks_clock_ns(CLOCK_MONOTONIC);

	store(&late_ns, load(&late_ns) + now - load(&start_monotonic_ns));
	store(&start_monotonic_ns, now);
	store(&start_wall_ns, lks_clock_ns(CLOCK_REALTIME));
	skipped = 0;
	atomic_store_explicit(&lks_epoch_cached, 0, memory_order_relaxed);
}

static uint32_t
epoch_of_s(uint64_t s)
{
	uint64_t epoch = s;

	if (s >= SHORT_EPOCHS)
		epoch = SHORT_EPOCHS + (s - SHORT_EPOCHS) / LONG_S;
	return epoch > LKS_EPOCH_MAX ? LKS_EPOCH_MAX : (uint32_t)epoch;
}

uint64_t
lks_epoch_from_s(uint32_t epoch)
{
	if (epoch < SHORT_EPOCHS)
		return epoch;
	return SHORT_EPOCHS + (uint64_t)(epoch - SHORT_EPOCHS) * LONG_S;
}

uint64_t
lks_epoch_to_s(uint32_t epoch)
{
	return lks_epoch_from_s(epoch + 1);
}

uint64_t
lks_epoch_tick(void)
{
	uint64_t now = lks_clock_ns(CLOCK_MONOTONIC_COARSE);
	uint64_t start_ns = load(&start_monotonic_ns);
	uint64_t s = 0;
	uint32_t epoch;

	/* The coarse clock may lag behind the fine one of the start. */
	if (now > start_ns)
		s = (now - start_ns) / 1000000000u;
	epoch = epoch_of_s(s + skipped);
	if (epoch != lks_epoch_now())
		atomic_store_explicit(&lks_epoch_cached, epoch,
				      memory_order_relaxed);
	return now;
}

uint64_t
lks_epoch_start_monotonic_ns(void)
{
	return load(&start_monotonic_ns);
}

uint64_t
lks_epoch_start_wall_ns(void)
{
	return load(&start_wall_ns);
}

uint64_t
lks_epoch_late_ns(void)
{
	return load(&late_ns);
}

void
lks_epoch_fork_child(void)
{
	skipped += lks_epoch_now() < SHORT_EPOCHS ? 1 : LONG_S;
	lks_epoch_tick();
}
