#include "lock.h"

#include "sandbox.h"
#include "state.h"
#include "sys.h"

/*
 * Holders never sleep and hold for well under a millisecond, so a lock that is
 * not free after a short spin has a holder that lost its processor: yield. Where
 * many threads yield they do so to each other, and the holder, which has used
 * its share, waits longer than all of them (met with 12 threads at load 10): so
 * sleep. All together 0.8 s, and never for ever.
 */
#define LKS_LOCK_SPINS 200
#define LKS_LOCK_YIELDS 1000
#define LKS_LOCK_SLEEPS 400
#define LKS_LOCK_BLIND 200000 /* spins where nothing else is allowed */
#define LKS_LOCK_SLEEP_NS                                                      \
	100000 /* the first; the last ones are 20 times that */

static _Atomic bool forks;    /* under way, with the locks held */
static _Atomic uint32_t lost; /* locks ever given up */

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

static bool
spin_on(struct lks_lock *lock, int spins)
{
	for (int i = 0; i < spins; i++) {
		if (lks_lock_attempt(lock))
			return true;
		relax();
	}
	return false;
}

static bool
wait_for(struct lks_lock *lock)
{
	/* Where neither of the others may be asked for. */
	if (lks_sandbox_forbids(LKS_NEED_YIELD))
		return spin_on(lock, LKS_LOCK_BLIND);
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

/* Of many that waited at a time one loses it. Who has taken it since, let go, and
 * been followed by another holder loses that one's: it is as if free next time. */
static void
lose(struct lks_lock *lock)
{
	uint32_t seen = 1;

	if (atomic_load_explicit(&forks, memory_order_relaxed) ||
	    !atomic_compare_exchange_strong_explicit(&lock->word, &seen, 2,
						     memory_order_relaxed,
						     memory_order_relaxed))
		return;
	if (atomic_fetch_add_explicit(&lost, 1, memory_order_relaxed) + 1 ==
	    LKS_LOCKS_LOST)
		lks_state_disable("locks stayed held: signal handlers jump out "
				  "of allocator calls, or threads are stopped");
}

LKS_NOINLINE bool
lks_lock_take_slow(struct lks_lock *lock)
{
	if (lks_lock_is_lost(lock))
		return false;
	if (spin_on(lock, LKS_LOCK_SPINS) || wait_for(lock))
		return true;
	lose(lock);
	return false;
}

void
lks_lock_fork_prepare(void)
{
	atomic_store_explicit(&forks, true, memory_order_relaxed);
}

void
lks_lock_fork_parent(void)
{
	atomic_store_explicit(&forks, false, memory_order_relaxed);
}

void
lks_lock_fork_child(void)
{
	atomic_store_explicit(&forks, false, memory_order_relaxed);
	atomic_store_explicit(&lost, 0, memory_order_relaxed);
}
