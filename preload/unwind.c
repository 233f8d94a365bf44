#include "unwind.h"

#include "arch.h"
#include "rules.h"

enum lks_unwind_kind lks_unwind_in_force;

#if LKS_ARCH_CFI
#define OUR_OWN LKS_UNWIND_CFI
#else
#define OUR_OWN LKS_UNWIND_FP
#endif

enum lks_unwind_kind
lks_unwind_init(enum lks_unwind_kind wanted)
{
	lks_rules_init();
	if (wanted == LKS_UNWIND_CFI ||
	    (wanted == LKS_UNWIND_LIBUNWIND && !lks_unwind_libunwind_open()))
		wanted = OUR_OWN;
	lks_unwind_in_force = wanted;
	return wanted;
}

const char *
lks_unwind_name(enum lks_unwind_kind which)
{
	static const char *const names[] = {
		[LKS_UNWIND_CFI] = "cfi",
		[LKS_UNWIND_FP] = "fp",
		[LKS_UNWIND_LIBUNWIND] = "libunwind",
	};

	return names[which];
}

struct lks_walk
lks_unwind(const struct lks_regs *regs, const struct lks_bounds *bounds,
	   uint64_t *code, uint32_t cap)
{
	switch (lks_unwind_in_force) {
	case LKS_UNWIND_FP:
		return lks_unwind_fp(regs, bounds, code, cap);
	case LKS_UNWIND_LIBUNWIND:
		return lks_unwind_libunwind(regs, bounds, code, cap);
	case LKS_UNWIND_CFI:
		break;
	}
	return lks_unwind_cfi(regs, bounds, code, cap);
}

void
lks_unwind_flush(void)
{
	lks_rules_flush();
}
