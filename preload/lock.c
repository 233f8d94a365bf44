#include "lock.h"

#include "sandbox.h"
#include "sys.h"

/*
 * Holders never sleep and hold for well under a millisecond, so a lock that is
 * not free after a short spin has a holder that lost its processor: yield. On
 * a loaded machine it gets it back within a few scheduling periods; 20,000
 * yields are some tens of milliseconds when others run and never for ever.
 */
#define LKS_LOCK_SPINS 200
#define LKS_LOCK_TRIES 20000

#ifdef LKS_DEBUG
/* Highest rank this thread holds, to check the order. Each thread's own. */
static __thread uint8_t held[8] __attribute__((tls_model("initial-exec")));
static __thread uint32_t held_count __attribute__((tls_model("initial-exec")));

void
lks_lock_check(enum lks_rank rank)
{
	if (held_count > 0 && held[(held_count - 1) & 7] > rank)
		__builtin_trap();
	held[held_count++ & 7] = (uint8_t)rank;
}

void
lks_lock_uncheck(void)
{
	held_count--;
}
#endif

static inline void
relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

LKS_NOINLINE bool
lks_lock_take_slow(struct lks_lock *lock)
{
	for (int i = 0; i < LKS_LOCK_SPINS; i++) {
		if (lks_lock_attempt(lock))
			return true;
		relax();
	}
	for (int i = 0; i < LKS_LOCK_TRIES; i++) {
		if (lks_lock_attempt(lock))
			return true;
		if (lks_sandbox_forbids(LKS_NEED_YIELD))
			relax();
		else
			lks_sys0(SYS_sched_yield);
	}
	return false;
}
