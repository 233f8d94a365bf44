/*
 * The default backend: one table probe and one or two stack reads per frame.
 *
 * Whatever the stack holds, a walk ends: the CFA of an ordinary frame is
 * strictly above the last, and the frames that may jump (a signal's) are
 * written, so that the cap counts them. Whatever the rules say, only aligned
 * words between a frame's stack pointer and the end of the stack are read.
 */
#include "arch.h"
#include "frame.h"

/* A word of the stack, not below the frame. */
static bool
read_word(const struct lks_frame *frame, uintptr_t hi, uintptr_t at,
	  uintptr_t *out)
{
	if (at % sizeof(*out) != 0 || at < frame->sp || at >= hi ||
	    hi - at < sizeof(*out))
		return false;
	*out = *(const uintptr_t *)at;
	return true;
}

/* *(base + near) + add */
static bool
read_cfa(const struct lks_frame *frame, uintptr_t hi, uintptr_t base,
	 uint64_t rule, uintptr_t *cfa)
{
	if (!read_word(frame, hi, base + (uintptr_t)lks_rule_near(rule), cfa))
		return false;
	*cfa += (uintptr_t)lks_rule_add(rule);
	return true;
}

/* The caller of a frame with any rule that has one. False: lost. */
static bool
step(struct lks_frame *frame, uint64_t rule, uintptr_t hi)
{
	uintptr_t cfa;
	uintptr_t pc;
	uintptr_t bp = frame->bp;
	uint32_t slot = lks_rule_slot(rule);

	switch (lks_rule_kind(rule)) {
	case LKS_RULE_SP_LOST:
		bp = 0;
		__attribute__((fallthrough));
	case LKS_RULE_SP:
		cfa = frame->sp + (uintptr_t)lks_rule_offset(rule);
		break;
	case LKS_RULE_BP_LOST:
		bp = 0;
		__attribute__((fallthrough));
	case LKS_RULE_BP:
		cfa = frame->bp + (uintptr_t)lks_rule_offset(rule);
		break;
	case LKS_RULE_SP_DEREF:
		if (!read_cfa(frame, hi, frame->sp, rule, &cfa))
			return false;
		break;
	case LKS_RULE_REALIGNED:
		if (!read_word(frame, hi, frame->bp, &bp))
			return false;
		__attribute__((fallthrough));
	case LKS_RULE_BP_DEREF:
		if (!read_cfa(frame, hi, frame->bp, rule, &cfa))
			return false;
		break;
	case LKS_RULE_NONE:
	case LKS_RULE_SIGNAL:
	case LKS_RULE_OUTERMOST:
	default:
		return false;
	}
	if (cfa <= frame->sp ||
	    (slot != 0 && !read_word(frame, hi, cfa - slot * 8, &bp)) ||
	    !read_word(frame, hi, cfa - 8, &pc))
		return false;
	*frame = (struct lks_frame){ pc, cfa, bp };
	return true;
}

/* From the kernel's frame of a handler to what it interrupted, which may be
 * on another stack: then we are lost. */
static bool
step_signal(struct lks_frame *frame, const struct lks_bounds *bounds)
{
#if LKS_ARCH_CFI
	struct lks_regs regs;

	if (!lks_arch_interrupted(frame->sp, bounds, &regs) ||
	    regs.sp % sizeof(uintptr_t) != 0 || regs.sp < bounds->lo ||
	    regs.sp >= bounds->hi)
		return false;
	frame->pc = regs.pc + 1; /* as if it were a return address */
	frame->sp = regs.sp;
	frame->bp = regs.bp;
	return true;
#else
	(void)frame;
	(void)bounds;
	return false;
#endif
}

LKS_NOINLINE enum lks_step
lks_frame_odd(struct lks_frame *frame, uint64_t rule,
	      const struct lks_bounds *bounds)
{
	struct lks_frame caller = *frame;
	bool hidden = (rule & LKS_RULE_HIDDEN) != 0;

	switch (lks_rule_kind(rule)) {
	case LKS_RULE_OUTERMOST:
		return LKS_STEP_WRITE_COMPLETE;
	case LKS_RULE_NONE:
		/* Some threads and coroutines start from address 0. What is
		 * above 48 bits is no code, so the last rule was wrong. */
		if (frame->pc == 0)
			return LKS_STEP_COMPLETE;
		/* The loader's entry, which runs constructors, has none: it
		 * stands where the stack began. */
		if (frame->sp == bounds->hi)
			return LKS_STEP_WRITE_COMPLETE;
		if (hidden || frame->pc > LKS_PC_MASK)
			return LKS_STEP_LOST;
		return LKS_STEP_WRITE_LOST;
	case LKS_RULE_SIGNAL:
		if (!step_signal(&caller, bounds))
			return LKS_STEP_WRITE_LOST;
		break;
	case LKS_RULE_SP:
	case LKS_RULE_BP:
	case LKS_RULE_SP_LOST:
	case LKS_RULE_BP_LOST:
	case LKS_RULE_SP_DEREF:
	case LKS_RULE_BP_DEREF:
	case LKS_RULE_REALIGNED:
		if (!step(&caller, rule, bounds->hi))
			return hidden ? LKS_STEP_LOST : LKS_STEP_WRITE_LOST;
		break;
	}
	*frame = caller;
	if (!hidden)
		return LKS_STEP_ON;
	/* The thread trampoline is where the bounds end. */
	return caller.sp >= bounds->hi ? LKS_STEP_COMPLETE : LKS_STEP_SKIP;
}

struct lks_walk
lks_unwind_cfi(const struct lks_regs *regs, const struct lks_bounds *bounds,
	       uint64_t *code, uint32_t cap)
{
	const uint64_t salt = lks_rules_salt();
	const uintptr_t hi = bounds->hi & ~(sizeof(uintptr_t) - 1);
	struct lks_frame frame = { regs->pc, regs->sp, regs->bp };
	uint32_t count = 0;
	enum lks_walk_end end = LKS_WALK_DEPTH;

	if (lks_unlikely(cap == 0))
		return (struct lks_walk){ 0, LKS_WALK_DEPTH };
	if (lks_unlikely(frame.sp < bounds->lo || frame.sp >= hi ||
			 frame.sp % sizeof(frame.sp) != 0)) {
		/* A coroutine, an alternate stack, or a thread we know
		 * nothing of. */
		code[0] = lks_code(regs->pc, lks_rule_module(lks_rules_get(
						     regs->pc, salt)));
		return (struct lks_walk){ 1, LKS_WALK_LOST };
	}
	for (;;) {
		const uint64_t rule = lks_rules_get(frame.pc, salt);
		const uint64_t here = lks_code(frame.pc, lks_rule_module(rule));
		const bool ordinary = lks_rule_is_ordinary(rule);
		enum lks_step step;

		if (lks_unlikely(ordinary && count == cap))
			break;
		step = lks_likely(ordinary)
			       ? lks_frame_ordinary(&frame, rule, hi)
			       : lks_frame_odd(&frame, rule, bounds);
		if (lks_likely(lks_step_writes(step))) {
			if (count == cap)
				break;
			code[count++] = here;
		}
		if (lks_unlikely(lks_step_ends(step))) {
			end = lks_step_end(step);
			break;
		}
	}
	return (struct lks_walk){ count, end };
}
