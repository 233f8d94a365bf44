/*
 * Frame pointers: each frame register points at the caller's, and the return
 * address lies above it (x86-64 and aarch64 alike).
 *
 * Only right where everything on the stack was compiled with frame pointers.
 * Code without them uses the register for other things; then the chain breaks
 * (LOST) or skips callers, which nothing here can see.
 */
#include "arch.h"
#include "rules.h"
#include "unwind.h"

struct lks_walk
lks_unwind_fp(const struct lks_regs *regs, const struct lks_bounds *bounds,
	      uint64_t *code, uint32_t cap)
{
	const uint64_t salt = lks_rules_salt();
	uintptr_t pc = lks_arch_strip(regs->pc);
	uintptr_t bp = regs->bp;
	uintptr_t above = regs->sp; /* the next frame is not below */
	uint32_t count = 0;

	for (;;) {
		const uint64_t rule = lks_rules_get(pc, salt);
		const bool hidden = (rule & LKS_RULE_HIDDEN) != 0;
		const bool outermost = lks_rule_kind(rule) ==
				       LKS_RULE_OUTERMOST;
		const uintptr_t *frame = (const uintptr_t *)bp;

		if (pc == 0)
			break;
		if (!hidden) {
			if (count == cap)
				return (struct lks_walk){ count,
							  LKS_WALK_DEPTH };
			code[count++] = lks_code(pc, lks_rule_module(rule));
		}
		/* Threads and processes start with a frame register of 0. */
		if (outermost || bp == 0)
			break;
		if (bp % sizeof(*frame) != 0 || bp < above || bp < bounds->lo ||
		    bp >= bounds->hi || bounds->hi - bp < 2 * sizeof(*frame))
			return (struct lks_walk){ count, LKS_WALK_LOST };
		bp = frame[0];
		pc = lks_arch_strip(frame[1]);
		above = (uintptr_t)(frame + 2);
		/* The thread trampoline is where the bounds end. */
		if (hidden && above >= bounds->hi)
			break;
		if (pc > LKS_PC_MASK)
			return (struct lks_walk){ count, LKS_WALK_LOST };
	}
	return (struct lks_walk){ count, LKS_WALK_COMPLETE };
}
