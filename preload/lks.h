/*
 * leakshim's preloadable object: the front door.
 *
 *	host thread  malloc -> shim -> sampler -> unwind -> depot -> livetab -> site
 *	             free   -> shim --------------------> livetab -> site
 *	             pthread_create -> shim_thread -> unwind -> depot -> threads
 *	writer       site, depot, livetab, modmap, threads, ledger
 *	                    -> snap -> encode -> sink;  status
 *
 * Only the shim*.c rooms are interposed and see the host; every other room is
 * plain C that unit tests link and run under sanitizers without interposition.
 *
 * THE LAWS (each has a test)
 * 1. The host behaves as without us: pointers, errno, output, exit status. We
 *    write to descriptor 2 only in the constructor, and only for a bad option
 *    or a refusal; afterwards to log=FILE and the next snapshot.
 * 2. Never the host's allocator, stdio or locale from our code. Our memory is
 *    mmap'd (arena). Undefined symbols are an allow-list (scripts/check-imports).
 * 3. Never abort, never exit, never block without bound. On doubt: disable,
 *    pass through, say why in the next snapshot.
 * 4. Take the record out of the live table while the address is still ours
 *    (before the real free or realloc); put it back if the call fails.
 * 5. Every loss has a counter (counters.h) and ships in every snapshot.
 * 6. Every table has a named bound with its reason; what happens at the bound
 *    is defined, counted and tested.
 *
 * CONTEXTS, one tag per function in the headers
 *	HOT     every host call: no lock, no system call, bounded
 *	RECORD  host thread inside the guard: leaf locks and mmap only
 *	WRITER  async-signal-safe: helper thread, cloned writer or handler
 *	BOOT    the first call or the constructor; FORK atfork handlers;
 *	EXIT    the exiting thread
 *
 * System calls go through sys.h, which never touches errno: the cloned writer
 * shares the host thread's thread-local storage, so errno is not its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LKS_VERSION "0.1.0"

#define lks_likely(x) __builtin_expect(!!(x), 1)
#define lks_unlikely(x) __builtin_expect(!!(x), 0)
#define LKS_EXPORT __attribute__((visibility("default")))
#define LKS_NOINLINE __attribute__((noinline))

/* Keeps the compiler from moving memory accesses across; same thread only. */
#define lks_compiler_barrier() __asm__ volatile("" ::: "memory")

/*
 * Lock ranks: a thread may take a lock only of a higher rank than those it
 * holds. All are leaves in practice; debug builds check the order (lock.h).
 */
enum lks_rank {
	LKS_RANK_FORK = 0,    /* one fork at a time */
	LKS_RANK_TRIGGER = 1, /* which signals are ours */
	LKS_RANK_SCRATCH,     /* memory of the snapshot under way */
	LKS_RANK_THREADS,     /* thread ledger */
	LKS_RANK_MODMAP,      /* module list */
	LKS_RANK_RECORD,      /* whose the deferred changes are */
	LKS_RANK_SHARD,       /* one shard of the live table */
	LKS_RANK_ARENA,       /* page lists */
	LKS_RANK_MARKS,       /* the list of marks */
};

/* A call stack in the depot, and by its number also a site. 0 = none. */
struct lks_stack {
	uint32_t id;
};

/*
 * A code address: run-time return address in the low 48 bits, number of its
 * module (modmap.h) in the high 16. So the same address in a library that was
 * mapped there later is another frame.
 */
#define LKS_PC_BITS 48
#define LKS_PC_MASK ((1ull << LKS_PC_BITS) - 1)

static inline uint64_t
lks_code(uintptr_t pc, uint32_t module)
{
	return ((uint64_t)pc & LKS_PC_MASK) | (uint64_t)module << LKS_PC_BITS;
}

static inline uintptr_t
lks_code_pc(uint64_t code)
{
	return (uintptr_t)(code & LKS_PC_MASK);
}

static inline uint32_t
lks_code_module(uint64_t code)
{
	return (uint32_t)(code >> LKS_PC_BITS);
}
