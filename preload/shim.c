/*
 * The interposed malloc family. Thin: each function asks whether the call is
 * to be recorded, calls the next allocator, and hands over.
 *
 * The order is law 4: a record is written after the real call returned the
 * block and before the host sees it; it is taken out before the real free or
 * realloc gets the address, because afterwards another thread may own it.
 */
#include "shim.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "boot.h"
#include "counters.h"
#include "depot.h"
#include "opts.h"
#include "oracle.h"
#include "real.h"
#include "record.h"
#include "sampler.h"
#include "sandbox.h"
#include "sys.h"
#include "writer.h"

/* Declared by no header of glibc 2.36. */
void cfree(void *p);
void free_sized(void *p, size_t size);
void free_aligned_sized(void *p, size_t alignment, size_t size);

static bool
is_on_its_stack(uintptr_t frame)
{
	return frame >= lks_tls.bounds.lo && frame < lks_tls.bounds.hi;
}

static bool
is_on_signal_stack(void)
{
	stack_t stack = { .ss_flags = 0 };

	return lks_sandbox_forbids(LKS_NEED_SIGSTACK) ||
	       lks_sys_failed(lks_sys2(SYS_sigaltstack, NULL, &stack)) ||
	       (stack.ss_flags & SS_ONSTACK) != 0;
}

/*
 * A handler that interrupts a call runs below it on the stack, or on one of its
 * own. So who calls from above has left the former call behind: a handler
 * jumped out of it, and nobody will take the guard down. One that calls from
 * further below is taken for a handler until a higher one comes. Taken wrongly
 * for one that left: a handler on a stack with SS_AUTODISARM, which the kernel
 * doesn't tell of, inside of the thread's own, that allocates where it
 * interrupted a call.
 */
static bool
left_call_behind(uintptr_t frame)
{
	return frame >= lks_tls.call_frame && is_on_its_stack(frame) &&
	       is_on_its_stack(lks_tls.call_frame) && !is_on_signal_stack();
}

/* What the call left behind was about to change of its thread's. Locks that it
 * held are seen to by who finds them held (lock.h). */
static void
clean_up_after_call(void)
{
	lks_count(abandoned_calls);
	if (lks_tls.block != NULL)
		lks_memo_forget(&lks_tls.block->memo);
	lks_record_recover();
}

LKS_NOINLINE bool
shim_enter_slow(uintptr_t frame)
{
	if (lks_tls.guard == LKS_GUARD_CALL && left_call_behind(frame)) {
		lks_tls.guard = LKS_GUARD_OWN;
		clean_up_after_call();
		lks_tls.guard = LKS_GUARD_DOWN;
	}
	if (lks_tls.guard != LKS_GUARD_DOWN) {
		if (lks_tls.guard == LKS_GUARD_CALL)
			lks_count(reentrant_calls);
		return false;
	}
	if (lks_state_page.state == LKS_DORMANT)
		return false;
	if (!lks_boot_early()) {
		lks_count(early_calls);
		return false;
	}
	if (!lks_is_on())
		return false;
	lks_tls.call_frame = frame;
	lks_tls.guard = LKS_GUARD_CALL;
	return true;
}

/* Of a thread that has no block yet, or none of its own, and by other
 * backends. */
static LKS_NOINLINE struct lks_captured
capture_plainly(const struct lks_regs *regs)
{
	struct lks_thread *block = lks_tls_block();
	struct lks_captured captured;
	struct lks_walk walk;
	uint64_t one;
	uint64_t *code = &one;
	uint32_t depth = 1;

	if (lks_likely(block != NULL)) {
		code = block->code;
		depth = lks_opts.depth;
	} else {
		lks_count(late_calls);
	}
	if (block != NULL && lks_unwind_is_cfi() && !lks_tls.late) {
		captured = lks_memo_capture(&block->memo, regs, &lks_tls.bounds,
					    code, depth);
	} else {
		walk = lks_unwind(regs, &lks_tls.bounds, code, depth);
		captured.stack = lks_depot_intern(
			code, walk.count, walk.end != LKS_WALK_COMPLETE);
		captured.end = walk.end;
	}
	if (lks_unlikely(lks_tls.late))
		lks_tls_give_back();
	return captured;
}

static inline __attribute__((always_inline)) struct lks_stack
capture(const struct lks_regs *regs)
{
	struct lks_thread *block = lks_tls.block;
	struct lks_captured captured;

	/* Who is late gives its block back after each call. */
	if (lks_likely(block != NULL && lks_unwind_is_cfi() && !lks_tls.late))
		captured = lks_memo_capture(&block->memo, regs, &lks_tls.bounds,
					    block->code, lks_opts.depth);
	else
		captured = capture_plainly(regs);
#ifdef LKS_ORACLE
	lks_oracle_compare(regs, &lks_tls.bounds, captured);
#endif
	if (lks_unlikely(captured.end != LKS_WALK_COMPLETE))
		lks_count(truncated_stacks);
	return captured.stack;
}

struct lks_stack
shim_capture(const struct lks_regs *regs)
{
	return capture(regs);
}

static inline void
tick(void)
{
	if (lks_unlikely(--lks_tls.ticks == 0 ||
			 lks_tls.net_bytes >= LKS_NET_BYTES))
		lks_tls_tick();
}

/* Inlined into malloc, whose cost is mostly this. */
static inline __attribute__((always_inline)) void
record(void *p, size_t size, const struct lks_regs *regs)
{
	struct lks_stack site;

	if (lks_unlikely(!lks_tls.known)) {
		lks_tls_learn(NULL);
		/* Only now the thread knows how far its first sample is. */
		if (shim_is_skipped(size))
			return;
	}
	tick(); /* before it gets its age */
	site = capture(regs);
	if (lks_unlikely(site.id == lks_depot_overflow().id))
		lks_count(depot_overflows);
	lks_record_add((uintptr_t)p, size, site);
	lks_sampler_next(&lks_tls.sampler);
}

LKS_NOINLINE void
shim_record(void *p, size_t size, const struct lks_regs *regs)
{
	record(p, size, regs);
}

/* malloc before there is a next allocator. */
static void *
early_alloc(size_t alignment, size_t size)
{
	void *p = lks_bootstrap_alloc(alignment, size);

	if (p == NULL)
		errno = ENOMEM;
	return p;
}

void *
shim_alloc(size_t alignment, size_t size, const struct lks_regs *regs)
{
	void *p;

	if (!shim_enter()) {
		if (!lks_real_is_known())
			return early_alloc(alignment, size);
		return alignment == 0 ? lks_real.malloc(size)
				      : lks_real.aligned_alloc(alignment, size);
	}
	p = alignment == 0 ? lks_real.malloc(size)
			   : lks_real.aligned_alloc(alignment, size);
	if (lks_likely(p != NULL))
		shim_record(p, size, regs);
	shim_leave();
	return p;
}

static LKS_NOINLINE void *
malloc_recorded(size_t size)
{
	struct lks_regs regs = LKS_REGS_OF_CALLER();
	void *p;

	if (!shim_enter())
		return lks_real_is_known() ? lks_real.malloc(size)
					   : early_alloc(0, size);
	p = lks_real.malloc(size);
	if (lks_likely(p != NULL))
		record(p, size, &regs);
	shim_leave();
	return p;
}

LKS_EXPORT void *
malloc(size_t size)
{
	if (shim_passes(size))
		return lks_real.malloc(size);
	return malloc_recorded(size);
}

void
shim_free(void *p)
{
	if (p == NULL || lks_unlikely(lks_bootstrap_owns(p)))
		return;
	if (!shim_enter()) {
		/* Nothing of before the next allocator gets here. */
		if (lks_real_is_known())
			lks_real.free(p);
		return;
	}
	shim_forget(p);
	lks_real.free(p);
	shim_leave();
}

LKS_EXPORT void
free(void *p)
{
	if (shim_free_passes(p))
		lks_real.free(p);
	else
		shim_free(p);
}

LKS_EXPORT void
cfree(void *p)
{
	shim_free(p);
}

/* The next allocator's own would be told the size, which it may do without. */
LKS_EXPORT void
free_sized(void *p, size_t size)
{
	(void)size;
	shim_free(p);
}

LKS_EXPORT void
free_aligned_sized(void *p, size_t alignment, size_t size)
{
	(void)alignment;
	(void)size;
	shim_free(p);
}

static LKS_NOINLINE void *
calloc_recorded(size_t count, size_t size)
{
	struct lks_regs regs = LKS_REGS_OF_CALLER();
	size_t bytes;
	void *p;

	if (!shim_enter()) {
		if (lks_real_is_known())
			return lks_real.calloc(count, size);
		if (__builtin_mul_overflow(count, size, &bytes)) {
			errno = ENOMEM;
			return NULL;
		}
		return early_alloc(0, bytes); /* never reused: still zero */
	}
	p = lks_real.calloc(count, size);
	if (lks_likely(p != NULL))
		shim_record(p, count * size, &regs);
	shim_leave();
	return p;
}

LKS_EXPORT void *
calloc(size_t count, size_t size)
{
	size_t bytes;

	if (!__builtin_mul_overflow(count, size, &bytes) && shim_passes(bytes))
		return lks_real.calloc(count, size);
	return calloc_recorded(count, size);
}

/* A bootstrap block moves to the next allocator, or within the bootstrap
 * arena while there is none. */
static void *
realloc_bootstrap(void *p, size_t size)
{
	size_t old = lks_bootstrap_size(p);
	void *q = lks_real_is_known() ? lks_real.malloc(size)
				      : early_alloc(0, size);

	if (q != NULL)
		memcpy(q, p, old < size ? old : size);
	return q;
}

/*
 * The one place that knows the realloc rule:
 *
 *	returned non-NULL       old freed, new allocated
 *	NULL, size > 0          failed: the old block lives
 *	NULL, size 0            freed (glibc, tcmalloc), unless ENOMEM says
 *	                        that a new empty block was not to be had
 */
static void *
realloc_known(void *p, size_t size, const struct lks_regs *regs)
{
	struct lks_held held;
	int host_errno = errno;
	void *q;

	if (lks_unlikely(!lks_tls.known))
		lks_tls_learn(NULL);
	lks_record_hold((uintptr_t)p, &held);
	errno = 0;
	q = lks_real.realloc(p, size);
	if (q == NULL && (size > 0 || errno == ENOMEM))
		lks_record_put_back(&held);
	else
		lks_record_drop(&held);
	if (errno == 0)
		errno = host_errno;
	if (q != NULL && !shim_is_skipped(size))
		shim_record(q, size, regs);
	return q;
}

static LKS_NOINLINE void *
realloc_from(void *p, size_t size, const struct lks_regs *regs)
{
	void *q;

	if (!shim_enter()) {
		if (lks_bootstrap_owns(p))
			return realloc_bootstrap(p, size);
		return lks_real_is_known() ? lks_real.realloc(p, size)
					   : early_alloc(0, size);
	}
	if (p == NULL) {
		q = lks_real.realloc(NULL, size);
		if (q != NULL && !shim_is_skipped(size))
			shim_record(q, size, regs);
	} else if (lks_unlikely(lks_bootstrap_owns(p))) {
		q = realloc_bootstrap(p, size);
		if (q != NULL && !shim_is_skipped(size))
			shim_record(q, size, regs);
	} else {
		q = realloc_known(p, size, regs);
	}
	shim_leave();
	return q;
}

static LKS_NOINLINE void *
realloc_recorded(void *p, size_t size)
{
	struct lks_regs regs = LKS_REGS_OF_CALLER();

	return realloc_from(p, size, &regs);
}

LKS_EXPORT void *
realloc(void *p, size_t size)
{
	/* The old block first: what is skipped is counted as skipped. */
	if (shim_free_passes(p) && shim_passes(size))
		return lks_real.realloc(p, size);
	return realloc_recorded(p, size);
}

LKS_EXPORT void *
reallocarray(void *p, size_t count, size_t size)
{
	struct lks_regs regs = LKS_REGS_OF_CALLER();
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc_from(p, bytes, &regs);
}

/*
 * The aligned ones are rare enough to do without a hot half. Each is the same
 * around another call, hence the macro: `call` is the real call, `early` what
 * to return while there is none.
 */
#define ALIGNED(size, call, early)                                             \
	do {                                                                   \
		struct lks_regs regs = LKS_REGS_OF_CALLER();                   \
		void *p_;                                                      \
                                                                               \
		if (!shim_enter())                                             \
			return lks_real_is_known() ? (call) : (early);         \
		p_ = (call);                                                   \
		if (p_ != NULL && !shim_is_skipped(size))                      \
			shim_record(p_, (size), &regs);                        \
		shim_leave();                                                  \
		return p_;                                                     \
	} while (0)

LKS_EXPORT void *
memalign(size_t alignment, size_t size)
{
	ALIGNED(size, lks_real.memalign(alignment, size),
		early_alloc(alignment, size));
}

LKS_EXPORT void *
aligned_alloc(size_t alignment, size_t size)
{
	ALIGNED(size, lks_real.aligned_alloc(alignment, size),
		early_alloc(alignment, size));
}

LKS_EXPORT void *
valloc(size_t size)
{
	ALIGNED(size, lks_real.valloc(size), early_alloc(4096, size));
}

LKS_EXPORT void *
pvalloc(size_t size)
{
	ALIGNED(size, lks_real.pvalloc(size), early_alloc(4096, size));
}

LKS_EXPORT int
posix_memalign(void **out, size_t alignment, size_t size)
{
	struct lks_regs regs = LKS_REGS_OF_CALLER();
	int error;

	if (!shim_enter()) {
		if (lks_real_is_known())
			return lks_real.posix_memalign(out, alignment, size);
		if (alignment % sizeof(void *) != 0 ||
		    (alignment & (alignment - 1)) != 0 || alignment == 0)
			return EINVAL;
		*out = lks_bootstrap_alloc(alignment, size);
		return *out != NULL ? 0 : ENOMEM;
	}
	error = lks_real.posix_memalign(out, alignment, size);
	if (error == 0 && *out != NULL && !shim_is_skipped(size))
		shim_record(*out, size, &regs);
	shim_leave();
	return error;
}

LKS_EXPORT size_t
malloc_usable_size(void *p)
{
	if (lks_bootstrap_owns(p))
		return lks_bootstrap_size(p);
	return lks_real.malloc_usable_size != NULL && p != NULL
		       ? lks_real.malloc_usable_size(p)
		       : 0;
}
