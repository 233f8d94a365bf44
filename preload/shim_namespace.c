/*
 * The interposed calls that the kernel refuses to a process of several threads,
 * or one that shares its memory: unshare and setns. A host that has joined its
 * threads may make them, so our helper must not be there then, nor a cloned
 * writer.
 */
#include <errno.h>
#include <sched.h>

#include "boot.h"
#include "real.h"
#include "sandbox.h"
#include "shim.h"
#include "sigmask.h"
#include "sys.h"
#include "writer.h"

/* What unshare gives to processes of one thread only. CLONE_NEWPID it gives to
 * any, though unshare(2) says otherwise. */
#define NEEDS_ONE_THREAD                                                       \
	(CLONE_NEWUSER | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)

/* Signals are blocked in between: a request would have a writer made. */
struct aside {
	struct lks_sigmask mask;
	bool stands; /* shim_enter said yes */
};

static void
stand_aside(struct aside *aside)
{
	int host_errno = errno;

	/* Not in a vfork child. */
	aside->stands = !lks_sandbox_forbids(LKS_NEED_WRITE) &&
			lks_boot_is_complete() && shim_enter();
	if (aside->stands) {
		lks_sigmask_block(&aside->mask);
		lks_writer_stand_aside();
	}
	errno = host_errno;
}

static void
come_back(const struct aside *aside)
{
	int host_errno = errno;

	if (aside->stands) {
		lks_writer_come_back();
		lks_sigmask_restore(&aside->mask);
		shim_leave();
	}
	errno = host_errno;
}

LKS_EXPORT int
unshare(int flags)
{
	struct aside aside;
	int result;

	lks_real_resolve();
	if ((flags & NEEDS_ONE_THREAD) == 0)
		return lks_real.unshare(flags);
	stand_aside(&aside);
	result = lks_real.unshare(flags);
	come_back(&aside);
	return result;
}

/* Some namespaces only: the descriptor says which, we don't ask it. */
LKS_EXPORT int
setns(int fd, int type)
{
	struct aside aside;
	int result;

	lks_real_resolve();
	stand_aside(&aside);
	result = lks_real.setns(fd, type);
	come_back(&aside);
	return result;
}
