/*
 * What the interposed functions share: entering and leaving, recording and
 * forgetting a block. Only shim*.c include this.
 */
#pragma once

#include "filter.h"
#include "lks.h"
#include "real.h"
#include "record.h"
#include "state.h"
#include "tls.h"
#include "unwind.h"

/*
 * HOT. True: the call is to be recorded, the guard is up and shim_leave must
 * follow. False: pass through (off, nested, or not ready yet).
 */
bool shim_enter_slow(uintptr_t frame);

static inline __attribute__((always_inline)) bool
shim_enter(void)
{
	/* Of the interposed function: shim*.c have frame pointers. */
	const uintptr_t frame = (uintptr_t)__builtin_frame_address(0);

	if (lks_likely(lks_is_on() && lks_tls.guard == LKS_GUARD_DOWN)) {
		lks_tls.call_frame = frame;
		lks_tls.guard = LKS_GUARD_CALL;
		return true;
	}
	return shim_enter_slow(frame);
}

static inline void
shim_leave(void)
{
	lks_tls_leave();
}

/*
 * HOT. True: sampling decided that a block of `size` bytes is not recorded.
 * Sizes of 2^63 and more can't be had and are left to the slow path.
 */
static inline bool
shim_is_skipped(size_t size)
{
	int64_t left = lks_tls.sampler.left - (int64_t)(size | (size == 0));

	if ((int64_t)((uint64_t)left | size) < 0)
		return false;
	lks_tls.sampler.left = left;
	return true;
}

/*
 * HOT. True: the call is the next allocator's, by a tail call. In the sampled
 * modes and the dormant state nearly all are.
 */
static inline bool
shim_passes(size_t size)
{
	return shim_is_skipped(size) || lks_unlikely(lks_is_dormant());
}

static inline bool
shim_free_passes(const void *p)
{
	return (lks_filter_excludes(p) || lks_unlikely(lks_is_dormant())) &&
	       lks_likely(!lks_bootstrap_owns(p));
}

/*
 * RECORD, guard up, after shim_is_skipped said no (or with no such question
 * asked). Records that the next allocator returned p for `size` bytes to the
 * caller described by regs.
 */
void shim_record(void *p, size_t size, const struct lks_regs *regs);

/* RECORD. The site of the caller: its call stack, interned. */
struct lks_stack shim_capture(const struct lks_regs *regs);

/* RECORD. Takes p's record out, before the real free. */
static inline void
shim_forget(void *p)
{
	if (lks_unlikely(!lks_tls.known))
		lks_tls_learn(NULL);
	lks_record_remove((uintptr_t)p);
}

/*
 * HOT. malloc (alignment 0) or aligned_alloc, and free, for the other shim
 * rooms: by name they would be the linker's --wrap'ed ones.
 */
void *shim_alloc(size_t alignment, size_t size, const struct lks_regs *regs);
void shim_free(void *p);

/* BOOT. shim_new.c: who provides operator new. */
void shim_new_resolve(void);
