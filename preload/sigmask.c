#include "sigmask.h"

#include <signal.h>

#include "sys.h"

#define SET_BYTES sizeof(uint64_t)

void
lks_sigmask_set(uint64_t blocked)
{
	lks_sys4(SYS_rt_sigprocmask, SIG_SETMASK, &blocked, NULL, SET_BYTES);
}

static bool
xfsz_is_pending(void)
{
	uint64_t pending = 0;

	lks_sys2(SYS_rt_sigpending, &pending, SET_BYTES);
	return (pending & lks_sigset_of(SIGXFSZ)) != 0;
}

void
lks_sigmask_block(struct lks_sigmask *mask)
{
	uint64_t all = ~lks_sigset_of(33);

	mask->before = 0;
	lks_sys4(SYS_rt_sigprocmask, SIG_SETMASK, &all, &mask->before,
		 SET_BYTES);
	mask->xfsz_was_pending = xfsz_is_pending();
}

void
lks_sigmask_restore(const struct lks_sigmask *mask)
{
	uint64_t xfsz = lks_sigset_of(SIGXFSZ);
	struct timespec at_once = { 0, 0 };

	if (!mask->xfsz_was_pending && xfsz_is_pending())
		lks_sys4(SYS_rt_sigtimedwait, &xfsz, NULL, &at_once, SET_BYTES);
	lks_sigmask_set(mask->before);
}

uintptr_t
lks_sig_handler(int sig)
{
	/* The kernel's struct sigaction: handler, flags, restorer, mask. */
	uint64_t action[4] = { 0 };

	lks_sys4(SYS_rt_sigaction, sig, NULL, action, SET_BYTES);
	return (uintptr_t)action[0];
}
