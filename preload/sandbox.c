#include "sandbox.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "image.h"
#include "sys.h"

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

/* Not of <linux/seccomp.h> before 4.14 and 5.0. */
#ifndef SECCOMP_RET_KILL_PROCESS
#define SECCOMP_RET_KILL_PROCESS 0x80000000u
#endif
#ifndef SECCOMP_RET_USER_NOTIF
#define SECCOMP_RET_USER_NOTIF 0x7fc00000u
#endif

#define ALL_NEEDS                                                              \
	(LKS_NEED_RECORD | LKS_NEED_WRITE | LKS_NEED_CLONE | LKS_NEED_PEEK |   \
	 LKS_NEED_YIELD | LKS_NEED_BARRIER | LKS_NEED_RESIZE | LKS_NEED_MODE | \
	 LKS_NEED_SIGSTACK)

/* The low half is what is forbidden, to who installed it at least; the high half
 * counts the notes, so that one is undone only as long as it is the last. */
static _Atomic uint64_t forbidden;
#define ONE_NOTE (UINT64_C(1) << 32)

static _Atomic uint32_t forbidden_all; /* to every thread */
static _Atomic uint32_t helper_born;   /* `forbidden` when it was made */
static _Atomic int32_t helper_tid;     /* 0 = none */

/* A system call of ours, with the arguments that filters look at. */
struct call {
	uint32_t number;
	uint32_t needs;
	uint64_t arguments[6];
};

#define PLAIN(name, need)                                                      \
	{                                                                      \
		SYS_##name, need,                                              \
		{                                                              \
			0                                                      \
		}                                                              \
	}

static const struct call calls[] = {
	{ SYS_mmap,
	  LKS_NEED_RECORD,
	  { 0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	    (uint64_t)-1, 0 } },
	{ SYS_mmap,
	  LKS_NEED_RECORD,
	  { 0, 1 << 20, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, (uint64_t)-1, 0 } },
	PLAIN(munmap, LKS_NEED_RECORD),
	{ SYS_madvise, LKS_NEED_RECORD, { 0, 4096, MADV_NOHUGEPAGE } },
	{ SYS_madvise, LKS_NEED_RECORD, { 0, 4096, MADV_DONTNEED } },
	PLAIN(rt_sigprocmask, LKS_NEED_RECORD | LKS_NEED_WRITE),
	PLAIN(getpid, LKS_NEED_RECORD | LKS_NEED_WRITE),
	PLAIN(gettid, LKS_NEED_RECORD | LKS_NEED_WRITE),
	{ SYS_openat,
	  LKS_NEED_WRITE,
	  { (uint64_t)AT_FDCWD, 0, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
	    0600 } },
	{ SYS_openat,
	  LKS_NEED_WRITE,
	  { (uint64_t)AT_FDCWD, 0, O_RDONLY | O_CLOEXEC } },
	{ SYS_write, LKS_NEED_WRITE, { 9, 0, 4096 } },
	{ SYS_read, LKS_NEED_WRITE, { 9, 0, 4096 } },
	PLAIN(close, LKS_NEED_WRITE),
	PLAIN(fchmod, LKS_NEED_WRITE),
	PLAIN(renameat2, LKS_NEED_WRITE),
	PLAIN(linkat, LKS_NEED_WRITE),
	PLAIN(unlinkat, LKS_NEED_WRITE),
	PLAIN(mkdirat, LKS_NEED_WRITE),
	PLAIN(readlinkat, LKS_NEED_WRITE),
	PLAIN(newfstatat, LKS_NEED_WRITE),
	PLAIN(faccessat, LKS_NEED_WRITE),
	PLAIN(getdents64, LKS_NEED_WRITE),
	PLAIN(geteuid, LKS_NEED_WRITE),
	PLAIN(getppid, LKS_NEED_WRITE),
	PLAIN(mincore, LKS_NEED_WRITE),
	PLAIN(futex, LKS_NEED_WRITE),
	PLAIN(nanosleep, LKS_NEED_WRITE | LKS_NEED_YIELD),
	PLAIN(kill, LKS_NEED_WRITE),
	PLAIN(rt_sigaction, LKS_NEED_WRITE),
	PLAIN(rt_sigpending, LKS_NEED_WRITE),
	PLAIN(rt_sigtimedwait, LKS_NEED_WRITE),
	PLAIN(rt_sigqueueinfo, LKS_NEED_WRITE),
	{ SYS_clock_gettime, LKS_NEED_WRITE, { CLOCK_THREAD_CPUTIME_ID } },
	{ SYS_clone,
	  LKS_NEED_CLONE,
	  { CLONE_VM | CLONE_FS | CLONE_PARENT_SETTID } },
	{ SYS_mprotect, LKS_NEED_CLONE, { 0, 4096, PROT_NONE } },
	PLAIN(close_range, LKS_NEED_CLONE),
	PLAIN(prlimit64, LKS_NEED_CLONE),
	{ SYS_prctl, LKS_NEED_CLONE, { PR_SET_NAME } },
	{ SYS_wait4, LKS_NEED_CLONE, { 1, 0, WNOHANG | (uint64_t)__WCLONE } },
	PLAIN(exit, LKS_NEED_CLONE),
	PLAIN(process_vm_readv, LKS_NEED_PEEK),
	PLAIN(sched_yield, LKS_NEED_YIELD),
	PLAIN(sigaltstack, LKS_NEED_SIGSTACK),
	{ SYS_mremap, LKS_NEED_RESIZE, { 0, 4096, 8192, MREMAP_MAYMOVE } },
	PLAIN(fchmodat, LKS_NEED_MODE),
	/* MEMBARRIER_CMD_PRIVATE_EXPEDITED */
	{ SYS_membarrier, LKS_NEED_BARRIER, { 8 } },
};

/* --- the filter's machine ------------------------------------------- */

struct machine {
	uint32_t a;
	uint32_t x;
	uint32_t memory[BPF_MEMWORDS];
};

static uint32_t
data_word(const struct seccomp_data *data, uint32_t offset)
{
	uint32_t word = 0;

	if (offset % 4 == 0 && offset < sizeof(*data))
		__builtin_memcpy(&word, (const char *)data + offset, 4);
	return word;
}

/* Division by zero ends a program, as in the kernel, with 0: kill. */
static bool
compute(struct machine *m, uint16_t code, uint32_t k)
{
	uint32_t b = BPF_SRC(code) == BPF_X ? m->x : k;

	switch (BPF_OP(code)) {
	case BPF_ADD:
		m->a += b;
		break;
	case BPF_SUB:
		m->a -= b;
		break;
	case BPF_MUL:
		m->a *= b;
		break;
	case BPF_DIV:
		if (b == 0)
			return false;
		m->a /= b;
		break;
	case BPF_OR:
		m->a |= b;
		break;
	case BPF_AND:
		m->a &= b;
		break;
	case BPF_XOR:
		m->a ^= b;
		break;
	case BPF_LSH:
		m->a = b < 32 ? m->a << b : 0;
		break;
	case BPF_RSH:
		m->a = b < 32 ? m->a >> b : 0;
		break;
	case BPF_NEG:
		m->a = 0 - m->a;
		break;
	default:
		return false;
	}
	return true;
}

static bool
is_met(const struct machine *m, uint16_t code, uint32_t k)
{
	uint32_t b = BPF_SRC(code) == BPF_X ? m->x : k;

	switch (BPF_OP(code)) {
	case BPF_JEQ:
		return m->a == b;
	case BPF_JGT:
		return m->a > b;
	case BPF_JGE:
		return m->a >= b;
	default: /* BPF_JSET */
		return (m->a & b) != 0;
	}
}

/* Every step goes forward, so it ends. What the kernel would refuse to install
 * is answered with 0, which is kill: then nothing is installed. */
static uint32_t
run(const struct sock_filter *code, uint32_t count,
    const struct seccomp_data *data)
{
	struct machine m = { 0, 0, { 0 } };

	for (uint32_t at = 0; at < count; at++) {
		const struct sock_filter *f = &code[at];

		switch (BPF_CLASS(f->code)) {
		case BPF_LD:
			if (BPF_MODE(f->code) == BPF_ABS)
				m.a = data_word(data, f->k);
			else if (BPF_MODE(f->code) == BPF_IMM)
				m.a = f->k;
			else if (BPF_MODE(f->code) == BPF_MEM)
				m.a = m.memory[f->k % BPF_MEMWORDS];
			else if (BPF_MODE(f->code) == BPF_LEN)
				m.a = sizeof(*data);
			break;
		case BPF_LDX:
			if (BPF_MODE(f->code) == BPF_IMM)
				m.x = f->k;
			else if (BPF_MODE(f->code) == BPF_MEM)
				m.x = m.memory[f->k % BPF_MEMWORDS];
			else if (BPF_MODE(f->code) == BPF_LEN)
				m.x = sizeof(*data);
			break;
		case BPF_ST:
			m.memory[f->k % BPF_MEMWORDS] = m.a;
			break;
		case BPF_STX:
			m.memory[f->k % BPF_MEMWORDS] = m.x;
			break;
		case BPF_ALU:
			if (!compute(&m, f->code, f->k))
				return 0;
			break;
		case BPF_JMP:
			if (BPF_OP(f->code) == BPF_JA) {
				if (f->k >= count)
					return 0;
				at += f->k;
			} else {
				at += is_met(&m, f->code, f->k) ? f->jt : f->jf;
			}
			break;
		case BPF_RET:
			return BPF_RVAL(f->code) == BPF_A ? m.a : f->k;
		default: /* BPF_MISC */
			if (BPF_MISCOP(f->code) == BPF_TAX)
				m.x = m.a;
			else
				m.a = m.x;
			break;
		}
	}
	return 0;
}

static bool
is_harmless(uint32_t action)
{
	switch (action & 0xffff0000u) {
	case SECCOMP_RET_ALLOW:
	case SECCOMP_RET_ERRNO:
	case 0x7ffc0000u: /* SECCOMP_RET_LOG, Linux 4.14 */
		return true;
	default:
		return false;
	}
}

uint32_t
lks_sandbox_ask(const struct sock_fprog *filter, bool strict)
{
	uint32_t needs = 0;

	if (strict)
		return ALL_NEEDS;
	/* What can't be read the kernel refuses too. */
	if (filter == NULL ||
	    !lks_can_read((uintptr_t)filter, sizeof(*filter)) ||
	    filter->len == 0 ||
	    !lks_can_read((uintptr_t)filter->filter,
			  filter->len * sizeof(*filter->filter)))
		return 0;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct seccomp_data data = {
			.nr = (int)calls[i].number,
			.arch = ARCHITECTURE,
			.instruction_pointer = (uintptr_t)&lks_sandbox_ask,
		};

		for (int k = 0; k < 6; k++)
			data.args[k] = calls[i].arguments[k];
		if (!is_harmless(run(filter->filter, filter->len, &data)))
			needs |= calls[i].needs;
	}
	/* Without memory nothing can be written either. */
	if ((needs & LKS_NEED_RECORD) != 0)
		needs |= LKS_NEED_WRITE;
	return needs;
}

/* --- what is in force ------------------------------------------------- */

struct lks_sandbox_noted
lks_sandbox_note(const struct sock_fprog *filter, bool strict, bool all_threads)
{
	uint64_t before =
		atomic_load_explicit(&forbidden, memory_order_relaxed);
	uint32_t needs = ALL_NEEDS;
	uint64_t after;

	/* To ask takes a system call that may be forbidden already. */
	if ((before & LKS_NEED_RECORD) == 0)
		needs = lks_sandbox_ask(filter, strict);
	do {
		after = (before + ONE_NOTE) | needs;
	} while (!atomic_compare_exchange_weak_explicit(
		&forbidden, &before, after, memory_order_relaxed,
		memory_order_relaxed));
	if (all_threads)
		atomic_fetch_or_explicit(&forbidden_all, needs,
					 memory_order_relaxed);
	return (struct lks_sandbox_noted){ before, after };
}

void
lks_sandbox_undo(const struct lks_sandbox_noted *noted)
{
	uint64_t last = noted->after;

	if (atomic_compare_exchange_strong_explicit(
		    &forbidden, &last, noted->before, memory_order_relaxed,
		    memory_order_relaxed))
		atomic_fetch_and_explicit(&forbidden_all,
					  (uint32_t)noted->before,
					  memory_order_relaxed);
}

static bool
is_helper(void)
{
	int32_t helper =
		atomic_load_explicit(&helper_tid, memory_order_relaxed);

	/* Who may not ask who it is, is not the helper. */
	return helper != 0 &&
	       (atomic_load_explicit(&forbidden, memory_order_relaxed) &
		LKS_NEED_RECORD) == 0 &&
	       lks_sys_gettid() == helper;
}

bool
lks_sandbox_forbids(enum lks_need need)
{
	uint32_t mask = (uint32_t)atomic_load_explicit(&forbidden,
						       memory_order_relaxed);

	if (lks_likely((mask & need) == 0))
		return false;
	if (!is_helper())
		return true;
	mask = atomic_load_explicit(&forbidden_all, memory_order_relaxed) |
	       atomic_load_explicit(&helper_born, memory_order_relaxed);
	return (mask & need) != 0;
}

void
lks_sandbox_helper_made(void)
{
	atomic_store_explicit(&helper_born,
			      (uint32_t)atomic_load_explicit(
				      &forbidden, memory_order_relaxed),
			      memory_order_relaxed);
}

void
lks_sandbox_is_helper(bool is)
{
	atomic_store_explicit(&helper_tid, is ? lks_sys_gettid() : 0,
			      memory_order_relaxed);
}
