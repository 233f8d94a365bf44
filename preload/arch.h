/*
 * What the unwinder must know of the machine, and nothing else does.
 *
 * LKS_ARCH_CFI says whether compact rules are worked out here. Where they are
 * not, the fp backend is the only one of our own, and lks_unwind_init() says
 * so by the kind it returns.
 */
#pragma once

#include "unwind.h"

#if defined(__x86_64__)

#include <ucontext.h>

#define LKS_ARCH_CFI 1

/* DWARF numbers, System V ABI AMD64, figure 3.36. */
#define LKS_DWARF_BP 6
#define LKS_DWARF_SP 7
#define LKS_DWARF_RA 16

/* A return address as it lies on the stack, without authentication bits. */
static inline uintptr_t
lks_arch_strip(uintptr_t pc)
{
	return pc;
}

/* True if the code at `at` is the kernel's way back from a handler:
 * mov $15,%rax; syscall. */
static inline bool
lks_arch_is_sigreturn(uintptr_t at, uintptr_t end)
{
	static const uint8_t want[9] = { 0x48, 0xc7, 0xc0, 0x0f, 0x00,
					 0x00, 0x00, 0x0f, 0x05 };
	const volatile uint8_t *code = (const volatile uint8_t *)at;

	if (end - at < sizeof(want) || at > end)
		return false;
	for (size_t i = 0; i < sizeof(want); i++)
		if (code[i] != want[i])
			return false;
	return true;
}

/* What a handler interrupted. `sp` is the stack pointer of the sigreturn
 * frame: the kernel's ucontext lies there. False: not inside the bounds. */
static inline bool
lks_arch_interrupted(uintptr_t sp, const struct lks_bounds *bounds,
		     struct lks_regs *out)
{
	const greg_t *gregs;

	if (sp < bounds->lo || sp >= bounds->hi ||
	    bounds->hi - sp < sizeof(ucontext_t))
		return false;
	gregs = ((const ucontext_t *)sp)->uc_mcontext.gregs;
	out->pc = (uintptr_t)gregs[REG_RIP];
	out->sp = (uintptr_t)gregs[REG_RSP];
	out->bp = (uintptr_t)gregs[REG_RBP];
	return true;
}

#elif defined(__aarch64__)

#define LKS_ARCH_CFI 0

/* xpaclri: a hint, so older processors ignore it. */
static inline uintptr_t
lks_arch_strip(uintptr_t pc)
{
	register uintptr_t x30 __asm__("x30") = pc;

	__asm__("hint #7" : "+r"(x30));
	return x30;
}

#else
#error "arch.h does not know this machine"
#endif
