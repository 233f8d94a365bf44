/*
 * Signals kept away while we write.
 *
 * In the kernel's terms (one 64-bit set, raw system calls), because the
 * cloned writer must not touch errno. SIGXFSZ needs more than blocking: a
 * write beyond RLIMIT_FSIZE leaves it pending for this thread, and it would
 * kill the host when it is unblocked, so it is taken off again.
 */
#pragma once

#include "lks.h"

struct lks_sigmask {
	uint64_t before;
	bool xfsz_was_pending;
};

/* The set of one signal, 1 .. 64. */
static inline uint64_t
lks_sigset_of(int sig)
{
	return 1ull << (sig - 1);
}

/* glibc's own two: cancellation, and setuid for all threads. */
#define LKS_SIGSET_GLIBC (lks_sigset_of(32) | lks_sigset_of(33))

/* Any context. Blocks everything but setuid's signal, which other threads wait
 * for and whose handler makes one system call. */
void lks_sigmask_block(struct lks_sigmask *mask);
/* As it was before. */
void lks_sigmask_restore(const struct lks_sigmask *mask);

/* Any context. Replaces the calling thread's mask. */
void lks_sigmask_set(uint64_t blocked);

/* Any context. The handler that is installed for a signal, as the kernel has
 * it: SIG_DFL is 0, SIG_IGN is 1. */
uintptr_t lks_sig_handler(int sig);
