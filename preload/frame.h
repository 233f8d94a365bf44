/*
 * One step of a walk by rules, from a frame to its caller: what the plain
 * walk (unwind_cfi) and the one that is remembered (memo) have in common.
 *
 * A step is a function of the frame, its rule, the stack's bounds, and the
 * words it reads: the return address, which is always at the caller's sp - 8
 * but for a signal's frame, the caller's bp where the rule says it is saved,
 * and with some kinds the CFA. The memo counts on that list.
 */
#pragma once

#include "rules.h"
#include "unwind.h"

/* Of a frame that is being left; becomes that of its caller. */
struct lks_frame {
	uintptr_t pc;
	uintptr_t sp;
	uintptr_t bp; /* 0: not known. No CFA is near 0, so it needs no flag. */
};

enum lks_step {
	LKS_STEP_ON,
	LKS_STEP_SKIP, /* go on, and don't write the frame that was left */
	LKS_STEP_COMPLETE,
	LKS_STEP_WRITE_COMPLETE,
	LKS_STEP_LOST,
	LKS_STEP_WRITE_LOST,
};

/* RECORD. A frame whose rule is not ordinary. On ON and SKIP *frame is its
 * caller's now; else it is of no more use. */
enum lks_step lks_frame_odd(struct lks_frame *frame, uint64_t rule,
			    const struct lks_bounds *bounds);

/* A step ends the walk, and whether the frame it came to counts. */
static inline bool
lks_step_ends(enum lks_step step)
{
	return step > LKS_STEP_SKIP;
}

static inline bool
lks_step_writes(enum lks_step step)
{
	return step == LKS_STEP_ON || step == LKS_STEP_WRITE_COMPLETE ||
	       step == LKS_STEP_WRITE_LOST;
}

static inline enum lks_walk_end
lks_step_end(enum lks_step step)
{
	return step == LKS_STEP_COMPLETE || step == LKS_STEP_WRITE_COMPLETE
		       ? LKS_WALK_COMPLETE
		       : LKS_WALK_LOST;
}

/*
 * RECORD. A frame whose rule is ordinary (lks_rule_is_ordinary). `hi` is the
 * bounds' end, aligned down. Gives ON, WRITE_COMPLETE or WRITE_LOST.
 */
static inline enum lks_step
lks_frame_ordinary(struct lks_frame *frame, uint64_t rule, uintptr_t hi)
{
	const uint32_t slot = lks_rule_slot(rule);
	const uintptr_t cfa =
		(lks_rule_kind(rule) == LKS_RULE_SP ? frame->sp : frame->bp) +
		(uintptr_t)lks_rule_offset(rule);

	/* Destructors of an ending thread run after the trampoline: at its
	 * end is whoever started it. */
	if (lks_unlikely(cfa <= frame->sp || cfa > hi ||
			 cfa % sizeof(cfa) != 0))
		return frame->sp == hi ? LKS_STEP_WRITE_COMPLETE
				       : LKS_STEP_WRITE_LOST;
	if (slot != 0) {
		const uintptr_t at = cfa - slot * 8;

		if (lks_unlikely(at < frame->sp))
			return LKS_STEP_WRITE_LOST;
		frame->bp = *(const uintptr_t *)at;
	}
	frame->pc = *(const uintptr_t *)(cfa - 8);
	frame->sp = cfa;
	return LKS_STEP_ON;
}
