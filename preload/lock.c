#include "lock.h"

#include "sandbox.h"
#include "sys.h"

/*
 * Holders never sleep and hold for well under a millisecond, so a lock that is
 * not free after a short spin has a holder that lost its processor: yield. Where
 * many threads yield they do so to each other, and the holder, which has used
 * its share, waits longer than all of them (met with 12 threads at load 10): so
 * sleep. All together a fifth of a second, and never for ever.
 */
#define LKS_LOCK_SPINS 200
#define LKS_LOCK_YIELDS 1000
#define LKS_LOCK_SLEEPS 100
#define LKS_LOCK_BLIND 200000 /* spins where nothing else is allowed */
#define LKS_LOCK_SLEEP_NS                                                      \
	100000 /* the first; the last ones are 20 times that */

#if defined(LKS_DEBUG) && LKS_DEBUG == 1
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

/* Where neither may be asked for. */
static bool
spin_on(struct lks_lock *lock)
{
	for (int i = 0; i < LKS_LOCK_BLIND; i++) {
		if (lks_lock_attempt(lock))
			return true;
		relax();
	}
	return false;
}

LKS_NOINLINE bool
lks_lock_take_slow(struct lks_lock *lock)
{
	for (int i = 0; i < LKS_LOCK_SPINS; i++) {
		if (lks_lock_attempt(lock))
			return true;
		relax();
	}
	if (lks_sandbox_forbids(LKS_NEED_YIELD))
		return spin_on(lock);
	for (int i = 0; i < LKS_LOCK_YIELDS; i++) {
		if (lks_lock_attempt(lock))
			return true;
		lks_sys0(SYS_sched_yield);
	}
	for (int i = 0; i < LKS_LOCK_SLEEPS; i++) {
		const struct timespec pause = {
			.tv_nsec = LKS_LOCK_SLEEP_NS * (i < 20 ? i + 1 : 20),
		};

		if (lks_lock_attempt(lock))
			return true;
		lks_sys2(SYS_nanosleep, &pause, NULL);
	}
	return false;
}
