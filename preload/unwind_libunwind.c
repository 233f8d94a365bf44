/*
 * libunwind as a backend: the oracle for cfi, and a diagnosis.
 *
 * Opened at boot and by dlopen only. Linking it would put its _Unwind_*
 * functions before libgcc's in hosts that don't link libgcc themselves;
 * opening it later would take the loader's lock inside a hook. It takes locks
 * of its own and the loader's all the same, so a threaded host may deadlock:
 * the status file warns of that.
 *
 * unw_step and not unw_backtrace, although that is faster: its cache outlives
 * dlclose, and it does not say why it ended.
 */
#include <dlfcn.h>
#include <ucontext.h>

#include "arch.h"
#include "rules.h"
#include "unwind.h"

#if LKS_ARCH_CFI

/* unw_cursor_t is 127 words in every 1.x; unw_context_t is a ucontext_t. */
struct cursor {
	uint64_t opaque[256];
};

static struct {
	int (*getcontext)(ucontext_t *);
	int (*init_local)(struct cursor *, ucontext_t *);
	int (*step)(struct cursor *);
	int (*get_reg)(struct cursor *, int, uintptr_t *);
	void (*flush_cache)(void *, uintptr_t, uintptr_t);
	void **local_addr_space;
} lib; /* boot */

static bool
resolve(void *handle, const char *name, void *slot)
{
	*(void **)slot = dlsym(handle, name);
	return *(void **)slot != NULL;
}

bool
lks_unwind_libunwind_open(void)
{
	void *handle = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);

	return handle != NULL &&
	       resolve(handle, "_Ux86_64_getcontext", &lib.getcontext) &&
	       resolve(handle, "_ULx86_64_init_local", &lib.init_local) &&
	       resolve(handle, "_ULx86_64_step", &lib.step) &&
	       resolve(handle, "_ULx86_64_get_reg", &lib.get_reg) &&
	       resolve(handle, "_Ux86_64_flush_cache", &lib.flush_cache) &&
	       resolve(handle, "_ULx86_64_local_addr_space",
		       &lib.local_addr_space);
}

/* It keeps rules of its own, and is not told when a module goes. */
static void
forget_modules(uint64_t salt)
{
	static _Atomic uint64_t kept;

	if (atomic_exchange_explicit(&kept, salt, memory_order_relaxed) != salt)
		lib.flush_cache(*lib.local_addr_space, 0, 0);
}

/* Frames of ours come first: steps until the one that regs describe. */
static bool
seek(struct cursor *cursor, const struct lks_regs *regs)
{
	uintptr_t pc;
	uintptr_t sp;

	do {
		if (lib.get_reg(cursor, LKS_DWARF_RA, &pc) < 0 ||
		    lib.get_reg(cursor, LKS_DWARF_SP, &sp) < 0)
			return false;
		if (pc == regs->pc && sp == regs->sp)
			return true;
	} while (sp <= regs->sp && lib.step(cursor) > 0);
	return false;
}

/* Bounds only tell where the trampoline is: what may be read it finds out by
 * asking the kernel. */
struct lks_walk
lks_unwind_libunwind(const struct lks_regs *regs,
		     const struct lks_bounds *bounds, uint64_t *code,
		     uint32_t cap)
{
	const uint64_t salt = lks_rules_salt();
	uintptr_t pc = regs->pc;
	uintptr_t sp;
	struct cursor cursor;
	ucontext_t context;
	uint32_t count = 0;

	if (cap == 0)
		return (struct lks_walk){ 0, LKS_WALK_DEPTH };
	forget_modules(salt);
	if (lib.getcontext(&context) != 0 ||
	    lib.init_local(&cursor, &context) != 0 || !seek(&cursor, regs)) {
		code[0] =
			lks_code(pc, lks_rule_module(lks_rules_get(pc, salt)));
		return (struct lks_walk){ 1, LKS_WALK_LOST };
	}
	for (;;) {
		const uint64_t rule = lks_rules_get(pc, salt);
		const bool hidden = (rule & LKS_RULE_HIDDEN) != 0;
		int more;

		if (pc == 0)
			break;
		if (!hidden) {
			if (count == cap)
				return (struct lks_walk){ count,
							  LKS_WALK_DEPTH };
			code[count++] = lks_code(pc, lks_rule_module(rule));
		}
		more = lib.step(&cursor);
		if (more == 0)
			break;
		if (more < 0 || lib.get_reg(&cursor, LKS_DWARF_RA, &pc) < 0 ||
		    lib.get_reg(&cursor, LKS_DWARF_SP, &sp) < 0)
			return (struct lks_walk){ count, LKS_WALK_LOST };
		/* The thread trampoline is where the bounds end. */
		if (hidden && sp >= bounds->hi)
			break;
		/* Interrupted there: as if it had called. */
		if (lks_rule_kind(rule) == LKS_RULE_SIGNAL)
			pc++;
	}
	return (struct lks_walk){ count, LKS_WALK_COMPLETE };
}

#else

/* Its functions have other names elsewhere, and nothing to be an oracle of. */
bool
lks_unwind_libunwind_open(void)
{
	return false;
}

struct lks_walk
lks_unwind_libunwind(const struct lks_regs *regs,
		     const struct lks_bounds *bounds, uint64_t *code,
		     uint32_t cap)
{
	return lks_unwind_fp(regs, bounds, code, cap);
}

#endif
