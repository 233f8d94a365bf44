/*
 * The interposed signal functions: the host sees its own dispositions, never
 * ours, and gets the signals that it waits for (trigger.h).
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

#include "real.h"
#include "shim.h"
#include "sigmask.h"
#include "trigger.h"

typedef void handler(int);

/* Other names of signal and sysv_signal that programs are linked to. */
handler *bsd_signal(int sig, handler *function);
handler *ssignal(int sig, handler *function);
handler *__sysv_signal(int sig, handler *function);

LKS_EXPORT int
sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	struct sigaction seen;

	lks_real_resolve();
	if (lks_trigger_sigaction(sig, act, &seen, NULL) == LKS_TRIGGER_PASS)
		return lks_real.sigaction(sig, act, old);
	if (old != NULL)
		*old = seen;
	return 0;
}

/* The answer to signal() and its kin, as without us; false: not ours. `act` is
 * what the call installs; `by` installs it, NULL: sigaction does. */
static bool
answered(int sig, const struct sigaction *act, lks_signal_call *by,
	 handler **old)
{
	struct sigaction seen;

	lks_real_resolve();
	if (lks_trigger_sigaction(sig, act, &seen, by) == LKS_TRIGGER_PASS)
		return false;
	*old = seen.sa_handler;
	return true;
}

LKS_EXPORT handler *
signal(int sig, handler *function)
{
	struct sigaction act = { .sa_handler = function,
				 .sa_flags = SA_RESTART };
	handler *old;

	if (sig > 0 && sig < NSIG) {
		const uint64_t itself = lks_sigset_of(sig);

		memcpy(&act.sa_mask, &itself, sizeof(itself));
	}
	/* siginterrupt() may have said otherwise of the flags: libc knows. */
	return answered(sig, &act, lks_real.signal, &old)
		       ? old
		       : lks_real.signal(sig, function);
}

LKS_EXPORT handler *
bsd_signal(int sig, handler *function)
{
	return signal(sig, function);
}

LKS_EXPORT handler *
ssignal(int sig, handler *function)
{
	return signal(sig, function);
}

LKS_EXPORT handler *
sysv_signal(int sig, handler *function)
{
	struct sigaction act = { .sa_handler = function,
				 .sa_flags = (int)SA_RESETHAND | SA_NODEFER };
	handler *old;

	return answered(sig, &act, lks_real.sysv_signal, &old)
		       ? old
		       : lks_real.sysv_signal(sig, function);
}

LKS_EXPORT handler *
__sysv_signal(int sig, handler *function)
{
	return sysv_signal(sig, function);
}

LKS_EXPORT handler *
sigset(int sig, handler *function)
{
	struct sigaction act = { .sa_handler = function };
	struct lks_sigmask mask;
	handler *old;
	bool held;

	/* SIG_HOLD blocks the signal and leaves its disposition alone. */
	if (function == SIG_HOLD || !answered(sig, &act, NULL, &old)) {
		lks_real_resolve();
		return lks_real.sigset(sig, function);
	}
	lks_sigmask_block(&mask);
	held = (mask.before & lks_sigset_of(sig)) != 0;
	mask.before &= ~lks_sigset_of(sig);
	lks_sigmask_restore(&mask);
	return held ? SIG_HOLD : old;
}

LKS_EXPORT int
sigignore(int sig)
{
	struct sigaction act = { .sa_handler = SIG_IGN };
	handler *old;

	return answered(sig, &act, NULL, &old) ? 0 : lks_real.sigignore(sig);
}

/*
 * Waiting instead of handling. Nothing of ours is up during the real call: it
 * may wait for ever, and the host may cancel it or leave it by longjmp.
 */
static void
awaits(const sigset_t *set)
{
	int host_errno = errno;

	lks_real_resolve();
	lks_trigger_await(set);
	errno = host_errno;
}

LKS_EXPORT int
sigwait(const sigset_t *set, int *sig)
{
	awaits(set);
	return lks_real.sigwait(set, sig);
}

LKS_EXPORT int
sigwaitinfo(const sigset_t *set, siginfo_t *info)
{
	awaits(set);
	return lks_real.sigwaitinfo(set, info);
}

LKS_EXPORT int
sigtimedwait(const sigset_t *set, siginfo_t *info,
	     const struct timespec *timeout)
{
	awaits(set);
	return lks_real.sigtimedwait(set, info, timeout);
}

LKS_EXPORT int
signalfd(int fd, const sigset_t *set, int flags)
{
	awaits(set);
	return lks_real.signalfd(fd, set, flags);
}
