/*
 * Per-thread state: a small thread-local part and a mapped block.
 *
 * Initial-exec and at most 256 bytes, because surplus static TLS is scarce in
 * hosts that dlopen. What a signal handler on the same thread may change is
 * volatile: gcc treats some libc calls as leaf functions and would otherwise
 * delete a plain store around them.
 *
 * A thread becomes known at its first recorded call, or before that in our
 * thread trampoline. Its block goes back at its end, by a pthread key whose
 * destructor puts itself off to the last round; what is allocated after that
 * (thread-local storage being torn down, atexit handlers in a last thread)
 * borrows a block for the one call.
 */
#pragma once

#include <stdatomic.h>

#include "../proto/limits.h"
#include "lks.h"
#include "memo.h"
#include "sampler.h"
#include "threads.h"
#include "unwind.h"

/* The mapped block: what a recorded call needs beyond 1 KiB of host stack. */
struct lks_thread {
	/* The thread is about to add to the deferred changes, or applies them
	 * (record.h). Here, because a block outlives its thread. */
	_Atomic uint32_t busy;
	uint64_t code[LKS_DEPTH_MAX]; /* the walk under way */
	struct lks_memo memo;
	struct lks_thread *next; /* free list; guard: its lock */
};

/* Up: nested calls pass through unrecorded. */
enum lks_guard {
	LKS_GUARD_DOWN = 0,
	LKS_GUARD_CALL, /* in an interposed call: who nests is a handler */
	LKS_GUARD_OWN,  /* in the shim: boot, fork, helper, exit */
};

/* No frame is above it. */
#define LKS_NO_CALL UINTPTR_MAX

struct lks_tls {
	/* Its bytes until the next sample are below 0 in exact mode, and 0 of a
	 * thread that is not known yet. First, for the hot path's addressing. */
	struct lks_sampler sampler;
	volatile uint8_t guard; /* enum lks_guard */
	/* Set by our handler when it found the guard up: the call's exit does
	 * what was asked (lks_writer_poll). Checked after guard went down. */
	volatile uint8_t pending;
	bool known; /* bounds, stripe and sampler are set */
	/* Between fork's handlers: whether this thread holds the rooms' locks,
	 * and what its guard and the state were. */
	bool forks;
	uint8_t fork_guard;
	uint8_t fork_state;
	bool late; /* past its key destructors: holds no block */
	uint8_t destructor_rounds;
	uint16_t closings; /* calls of dlclose under way */
	bool defers;       /* owner of the deferred changes, until it sees that
			    * it no longer is (record.h) */
	uint32_t quiet;    /* ticks since it looked for others */
	uint8_t stripe;    /* of the site counters; its own, or a shared one */
	uint32_t ticks;    /* recorded calls until the clock is read */
	uint32_t pace;     /* what ticks begins from, 1 .. LKS_TICK_CALLS */
	uint64_t tick_ns;  /* CLOCK_MONOTONIC when it was */
	/* The frame of the interposed call under way, LKS_NO_CALL: none. Set
	 * before the guard goes up and cleared after it went down, so that it
	 * is never another call's while the guard is LKS_GUARD_CALL: a handler
	 * that comes in between leaves it cleared. */
	volatile uintptr_t call_frame;
	int64_t net_bytes;        /* live bytes not yet reported */
	struct lks_thread *block; /* NULL until the first walk */
	struct lks_bounds bounds;
	struct lks_thread_ref self; /* thread ledger; entry 0 = not in it */
};

extern __thread struct lks_tls lks_tls
	__attribute__((tls_model("initial-exec")));

_Static_assert(sizeof(struct lks_tls) <= 256, "surplus static TLS is scarce");

/* The clock is read on every 16th recorded call of a thread, which is a third
 * of a nanosecond a call; on each one where that would be rare, so that a
 * slow program's blocks get the right age too. In between it doubles. */
#define LKS_TICK_CALLS 16
#define LKS_TICK_RARE_NS 100000000u

/* BOOT. False: no key to be had; blocks then stay with their threads. */
bool lks_tls_init(void);

/* RECORD, guard up. Makes the calling thread known. `bounds` NULL: found from
 * the process (main) or the thread pointer (threads we did not start). */
void lks_tls_learn(const struct lks_bounds *bounds);

/* RECORD, known. The block, NULL: no memory. */
struct lks_thread *lks_tls_block_slow(void);

/* Blocks that are not in use keep a small memo for the next thread, up to as
 * many; what is more goes back to the kernel. */
#define LKS_SPARE_MEMOS 8

/* RECORD. A late thread's call is over: its block goes back. */
void lks_tls_give_back(void);

static inline struct lks_thread *
lks_tls_block(void)
{
	return lks_likely(lks_tls.block != NULL) ? lks_tls.block
						 : lks_tls_block_slow();
}

/* RECORD, when ticks ran out: reads the clock, and reports net_bytes when they
 * are many. */
void lks_tls_tick(void);

/* How much a thread may gain or lose unreported: on=grow is right to that per
 * thread. */
#define LKS_NET_BYTES (64 * 1024)

/* Guard up again, serves what a handler left to do, guard down. */
void lks_tls_leave_slow(void);

/* Any context of a host thread. Guard down, and what a handler left to do
 * meanwhile is done. In this order: a handler that comes in between finds the
 * guard down and acts by itself; one that came before left its mark. */
static inline void
lks_tls_leave(void)
{
	lks_tls.guard = LKS_GUARD_DOWN;
	lks_tls.call_frame = LKS_NO_CALL;
	lks_compiler_barrier();
	if (lks_unlikely(lks_tls.pending))
		lks_tls_leave_slow();
}

/* FORK, in the child. */
void lks_tls_fork_child(void);
