/*
 * The interposed ways to install a seccomp filter: prctl, and syscall, which
 * libseccomp calls. Both are passed on as they came; only what concerns filters
 * is looked at before (sandbox.h).
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "boot.h"
#include "msg.h"
#include "real.h"
#include "record.h"
#include "sandbox.h"
#include "shim.h"
#include "state.h"
#include "sys.h"
#include "writer.h"

struct sock_fprog;

/* Variadic in libc's headers. Integers are passed alike either way, in the
 * registers and on the stack, so these can be handed on by a jump. */
long shim_syscall(long number, long a, long b, long c, long d, long e,
		  long f) __asm__("syscall");
int shim_prctl(int option, unsigned long a, unsigned long b, unsigned long c,
	       unsigned long d) __asm__("prctl");

/* What is about to be installed. */
struct coming {
	const struct sock_fprog *filter;
	bool strict;
	bool all_threads;
	struct lks_sandbox_noted noted;
};

/* The last that can be written, while it may be. */
static void
tell(uint32_t needs)
{
	if ((needs & LKS_NEED_RECORD) != 0)
		lks_msg("tracking ends: a seccomp filter of the program kills "
			"for what it needs");
	else if ((needs & LKS_NEED_WRITE) != 0)
		lks_msg("no more snapshots, no status: a seccomp filter of the "
			"program kills for what they need");
	else
		return;
	lks_writer_refresh(0);
	lks_writer_settle();
}

/* While the barrier may still be asked for. The guard is up: a handler must not
 * add to what is being applied. */
static void
stop_deferring(void)
{
	const uint8_t guard = lks_tls.guard;

	lks_tls.guard = LKS_GUARD_OWN;
	lks_record_stop();
	if (guard == LKS_GUARD_DOWN)
		shim_leave();
	else
		lks_tls.guard = guard;
}

static void
comes(struct coming *c)
{
	int host_errno = errno;

	/* Not in a vfork child. */
	if (!lks_sandbox_forbids(LKS_NEED_RECORD) && lks_boot_is_complete() &&
	    lks_state_reason() == NULL) {
		const uint32_t needs = lks_sandbox_ask(c->filter, c->strict);

		if ((needs & LKS_NEED_BARRIER) != 0)
			stop_deferring();
		if (!lks_sandbox_forbids(LKS_NEED_WRITE))
			tell(needs);
	}
	c->noted = lks_sandbox_note(c->filter, c->strict, c->all_threads);
	errno = host_errno;
}

static void
came(const struct coming *c, bool installed)
{
	if (!installed)
		lks_sandbox_undo(&c->noted);
	else if (lks_sandbox_forbids(LKS_NEED_RECORD))
		lks_state_disable("a seccomp filter of the program kills for "
				  "what tracking needs");
}

static LKS_NOINLINE long
seccomp_call(long operation, long flags, long filter, long d, long e, long f)
{
	struct coming c = {
		.filter = (const struct sock_fprog *)filter,
		.strict = operation == SECCOMP_SET_MODE_STRICT,
		.all_threads = (flags & SECCOMP_FILTER_FLAG_TSYNC) != 0,
	};
	long result;

	comes(&c);
	result = lks_real.syscall(SYS_seccomp, operation, flags, filter, d, e,
				  f);
	/* With TSYNC a positive answer is a thread that refused. */
	came(&c,
	     result == 0 || (result > 0 &&
			     (flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0));
	return result;
}

static LKS_NOINLINE int
prctl_seccomp(unsigned long mode, unsigned long filter, unsigned long c_,
	      unsigned long d)
{
	struct coming c = {
		.filter = (const struct sock_fprog *)filter,
		.strict = mode == SECCOMP_MODE_STRICT,
	};
	int result;

	comes(&c);
	result = lks_real.prctl(PR_SET_SECCOMP, mode, filter, c_, d);
	came(&c, result == 0);
	return result;
}

/* Before libc is known: nobody installs filters then. */
static long
by_ourselves(long number, long a, long b, long c, long d, long e, long f)
{
	long result = lks_sys6(number, a, b, c, d, e, f);

	if (!lks_sys_failed(result))
		return result;
	errno = (int)-result;
	return -1;
}

LKS_EXPORT long
shim_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	if (lks_unlikely(!lks_real_resolve()))
		return by_ourselves(number, a, b, c, d, e, f);
	if (lks_unlikely(number == SYS_seccomp) &&
	    (a == SECCOMP_SET_MODE_STRICT || a == SECCOMP_SET_MODE_FILTER))
		return seccomp_call(a, b, c, d, e, f);
	if (lks_unlikely(number == SYS_prctl && a == PR_SET_SECCOMP))
		return prctl_seccomp((unsigned long)b, (unsigned long)c,
				     (unsigned long)d, (unsigned long)e);
	return lks_real.syscall(number, a, b, c, d, e, f);
}

LKS_EXPORT int
shim_prctl(int option, unsigned long a, unsigned long b, unsigned long c,
	   unsigned long d)
{
	if (lks_unlikely(!lks_real_resolve()))
		return (int)by_ourselves(SYS_prctl, option, (long)a, (long)b,
					 (long)c, (long)d, 0);
	if (lks_unlikely(option == PR_SET_SECCOMP) &&
	    (a == SECCOMP_MODE_STRICT || a == SECCOMP_MODE_FILTER))
		return prctl_seccomp(a, b, c, d);
	return lks_real.prctl(option, a, b, c, d);
}
