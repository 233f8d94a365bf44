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
	if (lks_trigger_sigaction(sig, act, &seen) == LKS_TRIGGER_PASS)
		return lks_real.sigaction(sig, act, old);
	if (old != NULL)
		*old = seen;
	return 0;
}

/* The answer to signal() and its kin, as without us; false: not ours. */
static bool
answered(int sig, handler *function, handler **old)
{
	struct sigaction act = { .sa_handler = function };
	struct sigaction seen;

	lks_real_resolve();
	if (lks_trigger_sigaction(sig, &act, &seen) == LKS_TRIGGER_PASS)
		return false;
	*old = seen.sa_handler;
	return true;
}

LKS_EXPORT handler *
signal(int sig, handler *function)
{
	handler *old;

	return answered(sig, function, &old) ? old
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
	handler *old;

	return answered(sig, function, &old)
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
	handler *old;

	/* SIG_HOLD blocks the signal and leaves its disposition alone. */
	if (function != SIG_HOLD && answered(sig, function, &old))
		return old;
	lks_real_resolve();
	return lks_real.sigset(sig, function);
}

LKS_EXPORT int
sigignore(int sig)
{
	handler *old;

	return answered(sig, SIG_IGN, &old) ? 0 : lks_real.sigignore(sig);
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
