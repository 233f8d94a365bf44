/*
 * Stops in the middle of the shim's own instructions: calls are run one
 * instruction at a time, and the Nth that is the shim's calls `at_step` from a
 * signal handler. Without the shim there is no such instruction.
 */
#pragma once

#include <link.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

#define TRAP_FLAG 0x100 /* of the processor: an exception per instruction */

static struct {
	uintptr_t from;
	uintptr_t to;
} shim_code;
static volatile long steps_left;
static void (*at_step)(void);

static int
find_shim_code(struct dl_phdr_info *info, size_t size, void *unused)
{
	(void)size;
	(void)unused;
	if (strstr(info->dlpi_name, "libleakshim") == NULL)
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

		if (segment->p_type != PT_LOAD ||
		    (segment->p_flags & PF_X) == 0)
			continue;
		shim_code.from = info->dlpi_addr + segment->p_vaddr;
		shim_code.to = shim_code.from + segment->p_memsz;
	}
	return 1;
}

static void
on_trap(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	uintptr_t pc = (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];

	(void)sig;
	(void)info;
	if (pc < shim_code.from || pc >= shim_code.to || --steps_left > 0)
		return;
	uc->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
	if (steps_left == 0)
		at_step();
}

static void
prepare_steps(long step, void (*then)(void))
{
	struct sigaction act = { .sa_sigaction = on_trap,
				 .sa_flags = SA_SIGINFO };

	dl_iterate_phdr(find_shim_code, NULL);
	steps_left = step;
	at_step = then;
	sigaction(SIGTRAP, &act, NULL);
}

/* If `now`; without a branch, for there to be one call of what follows. */
static inline void
begin_steps(int now)
{
	const uintptr_t flag = (uintptr_t)now * TRAP_FLAG;

	__asm__ volatile("pushfq\n\t"
			 "orq %0, (%%rsp)\n\t"
			 "popfq" ::"r"(flag)
			 : "memory", "cc");
}

static inline void
end_steps(void)
{
	__asm__ volatile("pushfq\n\t"
			 "andq %0, (%%rsp)\n\t"
			 "popfq" ::"i"(~TRAP_FLAG)
			 : "memory", "cc");
}
