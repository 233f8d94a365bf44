#include "unwind.h"

#include "arch.h"
#include "rules.h"

static enum lks_unwind_kind kind; /* boot */

#if LKS_ARCH_CFI
#define OUR_OWN LKS_UNWIND_CFI
#else
#define OUR_OWN LKS_UNWIND_FP
#endif

enum lks_unwind_kind
lks_unwind_init(enum lks_unwind_kind wanted)
{
	lks_rules_init();
	kind = wanted;
	if (kind == LKS_UNWIND_LIBUNWIND && !lks_unwind_libunwind_open())
		kind = OUR_OWN;
	if (kind == LKS_UNWIND_CFI)
		kind = OUR_OWN;
	return kind;
}

enum lks_unwind_kind
lks_unwind_kind(void)
{
	return kind;
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
	switch (kind) {
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
