/*
 * The unwinder seam: from a register state to code addresses.
 *
 * Backends: cfi (default: one compact rule per pc from .eh_frame), fp (frame
 * pointers), libunwind (the oracle; diagnosis only, opened at boot).
 *
 * A walk starts in the caller of an interposed function, so frames of the
 * shim are never on it. Only addresses inside the given stack bounds are
 * read; nothing is locked, nothing is allocated but pages of the rule table.
 */
#pragma once

#include "lks.h"

/* What the caller of an interposed function has in its registers when the
 * call returns: pc is the return address, sp the stack pointer after return
 * (the CFA of the interposed function), bp its frame register. */
struct lks_regs {
	uintptr_t pc;
	uintptr_t sp;
	uintptr_t bp;
};

/*
 * The thread's stack: [lo, hi) may be read. hi == 0: nothing is known. Of a
 * thread we started, hi is the end of the trampoline's frame: its caller's
 * stack pointer. Walks end there, and the trampoline is not written; other
 * functions of the shim on a stack are skipped.
 */
struct lks_bounds {
	uintptr_t lo;
	uintptr_t hi;
};

enum lks_walk_end {
	LKS_WALK_COMPLETE = 0, /* reached the thread's outermost frame */
	LKS_WALK_DEPTH,        /* more frames than asked for */
	LKS_WALK_LOST,         /* no rule, or a value that can't be right */
};

struct lks_walk {
	uint32_t count; /* frames written, innermost first */
	enum lks_walk_end end;
};

enum lks_unwind_kind {
	LKS_UNWIND_CFI,
	LKS_UNWIND_FP,
	LKS_UNWIND_LIBUNWIND,
};

/* BOOT. Picks the backend; a missing one falls back to cfi, and the returned
 * kind says so. May dlopen (libunwind), under the caller's guard. */
enum lks_unwind_kind lks_unwind_init(enum lks_unwind_kind wanted);

/* The backend in force, written at boot. RECORD. */
extern enum lks_unwind_kind lks_unwind_in_force;

static inline enum lks_unwind_kind
lks_unwind_kind(void)
{
	return lks_unwind_in_force;
}

static inline bool
lks_unwind_is_cfi(void)
{
	return lks_unwind_in_force == LKS_UNWIND_CFI;
}

/* "cfi", "fp", "libunwind". */
const char *lks_unwind_name(enum lks_unwind_kind kind);

/*
 * RECORD. Writes at most `cap` code addresses (lks_code) of the stack that
 * starts at `regs`, innermost first: code[0] is regs->pc. Each is a return
 * address; a pc interrupted by a signal is stored plus one, so that "minus
 * one" holds for every frame. Never fails: at worst count is 1 and end is
 * LKS_WALK_LOST. Stack use below 512 bytes (libunwind excepted).
 */
struct lks_walk lks_unwind(const struct lks_regs *regs,
			   const struct lks_bounds *bounds, uint64_t *code,
			   uint32_t cap);

/* Any thread, any time: rules and modules may have changed (dlclose). Empties
 * the rule table; walks under way finish with what they read. */
void lks_unwind_flush(void);

/* The backends, for lks_unwind() and the tests that compare them. */
struct lks_walk lks_unwind_cfi(const struct lks_regs *regs,
			       const struct lks_bounds *bounds, uint64_t *code,
			       uint32_t cap);
struct lks_walk lks_unwind_fp(const struct lks_regs *regs,
			      const struct lks_bounds *bounds, uint64_t *code,
			      uint32_t cap);
struct lks_walk lks_unwind_libunwind(const struct lks_regs *regs,
				     const struct lks_bounds *bounds,
				     uint64_t *code, uint32_t cap);
bool lks_unwind_libunwind_open(void);

/* The regs of the interposed function's caller. Only in a function compiled
 * with a frame pointer (Makefile: shim*.c), not inlined into another. */
#define LKS_REGS_OF_CALLER()                                                   \
	((struct lks_regs){                                                    \
		.pc = (uintptr_t)__builtin_return_address(0),                  \
		.sp = (uintptr_t)__builtin_frame_address(0) +                  \
		      2 * sizeof(void *),                                      \
		.bp = *(uintptr_t *)__builtin_frame_address(0),                \
	})
