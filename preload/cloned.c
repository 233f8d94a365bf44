#include "cloned.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "arena.h"
#include "job.h"
#include "sandbox.h"
#include "sys.h"

/* The writer's rooms stay below 8 KiB, zlib's included. Below it lies one
 * page that faults. */
#define STACK_BYTES (64 * 1024ul)
#define GUARD_BYTES (64 * 1024ul) /* a page, whatever its size */
/* Descriptors closed one by one where close_range is missing. */
#define CLOSE_MAX 65536u
/* A writer that let go of its claim has only to end. */
#define END_YIELDS 200

static _Atomic int32_t pid;  /* of the writer that was made; 0 = none */
static char *stack_memory;   /* guard: the claim; kept for the next */
static enum lks_way way_now; /* what the writer reads at its start */
static int32_t made_by;

/*
 * The system call and what the child does after it, in one piece of assembly:
 * the child comes back on an empty stack, so nothing of the compiled function
 * that called it may be touched there. The word on top of the new stack is the
 * entry. The kernel stores the child's pid in *child_pid before it runs, so
 * nobody takes its stack for free.
 */
static long
clone_onto(char *stack_top, _Atomic int32_t *child_pid, int (*entry)(void))
{
	long flags = CLONE_VM | CLONE_FS | CLONE_PARENT_SETTID;
	/* Two words, for the alignment that calls want. */
	uintptr_t *words = (uintptr_t *)stack_top - 2;

	words[0] = (uintptr_t)entry;
#if defined(__x86_64__)
	long result;
	register long r10 __asm__("r10") = 0;
	register long r8 __asm__("r8") = 0;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "pop %%rax\n\t"
			 "pop %%rdi\n\t"
			 "call *%%rax\n\t"
			 "mov %%eax, %%edi\n\t"
			 "mov %[exit], %%eax\n\t"
			 "syscall\n\t"
			 "ud2\n"
			 "1:"
			 : "=a"(result)
			 : "a"((long)SYS_clone), "D"(flags), "S"(words),
			   "d"(child_pid), "r"(r10),
			   "r"(r8), [exit] "i"(SYS_exit)
			 : "rcx", "r11", "memory", "cc");
	return result;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = SYS_clone;
	register long x0 __asm__("x0") = flags;
	register long x1 __asm__("x1") = (long)words;
	register long x2 __asm__("x2") = (long)child_pid;
	register long x3 __asm__("x3") = 0;
	register long x4 __asm__("x4") = 0;

	__asm__ volatile("svc 0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, xzr\n\t"
			 "ldr x0, [sp], #16\n\t"
			 "blr x0\n\t"
			 "mov x8, %[exit]\n\t"
			 "svc 0\n\t"
			 "brk #0\n"
			 "1:"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3),
			   "r"(x4), [exit] "i"(SYS_exit)
			 : "memory", "cc", "x30");
	return x0;
#endif
}

/* --- in the writer --- */

static void
close_all(void)
{
	struct rlimit64 limit = { .rlim_cur = CLOSE_MAX };

	if (lks_sys3(SYS_close_range, 0, ~0u, 0) == 0)
		return;
	/* Linux before 5.9. */
	lks_sys4(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit);
	for (uint32_t fd = 0; fd < limit.rlim_cur && fd < CLOSE_MAX; fd++)
		lks_sys_close((int)fd);
}

static int
writer_main(void)
{
	int32_t self = lks_sys_getpid();

	close_all();
	lks_sys2(SYS_prctl, PR_SET_NAME, "leakshim");
	lks_job_hand_over(made_by, self);
	lks_job_serve(way_now, self);
	return 0;
}

/* --- in the host --- */

static bool
make_stack(void)
{
	char *memory;

	if (stack_memory != NULL)
		return true;
	memory = lks_arena_map_beyond_cap(GUARD_BYTES + STACK_BYTES);
	if (memory == NULL)
		return false;
	lks_sys3(SYS_mprotect, memory, GUARD_BYTES, PROT_NONE);
	stack_memory = memory;
	return true;
}

/* The former writer's end, which may be under way: its stack is still in use
 * until then. */
static bool
former_has_ended(void)
{
	for (int i = 0; i < END_YIELDS; i++) {
		if (lks_cloned_reap())
			return true;
		if (!lks_sandbox_forbids(LKS_NEED_YIELD))
			lks_sys0(SYS_sched_yield);
	}
	return false;
}

/* After unshare(CLONE_NEWPID) the next child is the first process of the new
 * namespace, and its end is the namespace's: that must not be ours. */
static bool
children_are_in_our_namespace(void)
{
	char ours[64] = "";
	char theirs[64] = "";

	lks_sys4(SYS_readlinkat, AT_FDCWD, "/proc/self/ns/pid", ours,
		 sizeof(ours) - 1);
	lks_sys4(SYS_readlinkat, AT_FDCWD, "/proc/self/ns/pid_for_children",
		 theirs, sizeof(theirs) - 1);
	/* Empty: there is no child yet, so it would be the first. Both: no
	 * /proc, nothing is known. */
	return strcmp(ours, theirs) == 0;
}

bool
lks_cloned_start(enum lks_way way, int32_t self)
{
	long child;

	if (lks_sandbox_forbids(LKS_NEED_CLONE) ||
	    !children_are_in_our_namespace())
		return false;
	if (!former_has_ended() || !make_stack())
		return false;
	way_now = way;
	made_by = self;
	child = clone_onto(stack_memory + GUARD_BYTES + STACK_BYTES, &pid,
			   writer_main);
	if (lks_sys_failed(child))
		return false;
	lks_job_hand_over(self, (int32_t)child);
	return true;
}

bool
lks_cloned_is_there(void)
{
	return atomic_load_explicit(&pid, memory_order_relaxed) != 0;
}

/* `result` of wait4 for `child`. True: it is gone. */
static bool
see_end(int32_t child, long result)
{
	int32_t seen = child;

	/* ECHILD: the host waits for all kinds of children and saw it. */
	if (result != child && result != -ECHILD)
		return false;
	lks_job_writer_died(child);
	atomic_compare_exchange_strong_explicit(
		&pid, &seen, 0, memory_order_relaxed, memory_order_relaxed);
	return true;
}

bool
lks_cloned_reap(void)
{
	int32_t child = atomic_load_explicit(&pid, memory_order_relaxed);

	if (child != 0 && lks_sandbox_forbids(LKS_NEED_CLONE))
		return false;
	return child == 0 || see_end(child, lks_sys4(SYS_wait4, child, NULL,
						     WNOHANG | __WCLONE, NULL));
}

void
lks_cloned_wait(void)
{
	int32_t child = atomic_load_explicit(&pid, memory_order_relaxed);
	long result;

	if (child == 0 || lks_sandbox_forbids(LKS_NEED_CLONE))
		return;
	do
		result = lks_sys4(SYS_wait4, child, NULL, __WCLONE, NULL);
	while (result == -EINTR);
	see_end(child, result);
}

void
lks_cloned_fork_child(void)
{
	atomic_store_explicit(&pid, 0, memory_order_relaxed);
}
