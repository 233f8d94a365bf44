/*
 * Leaving without exit(), and unloading: _exit, _Exit, dlclose.
 *
 * exit() and quick_exit() need no wrapper: boot.c registers handlers that run
 * after all others.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

#include "boot.h"
#include "counters.h"
#include "modmap.h"
#include "real.h"
#include "rules.h"
#include "sandbox.h"
#include "shim.h"
#include "writer.h"

LKS_EXPORT _Noreturn void
_exit(int status)
{
	lks_real_resolve();
	/* A vfork child shares our memory but is not us: its end is not ours.
	 * No guard asked: a handler may leave in the middle of a call. */
	if (!lks_sandbox_forbids(LKS_NEED_WRITE) && lks_boot_is_complete()) {
		if (lks_tls.guard == LKS_GUARD_CALL)
			lks_count(abandoned_calls);
		lks_tls.guard = LKS_GUARD_OWN;
		lks_writer_exit();
	}
	lks_real._exit(status);
}

LKS_EXPORT _Noreturn void
_Exit(int status)
{
	_exit(status);
}

LKS_EXPORT int
dlclose(void *handle)
{
	int result;

	lks_real_resolve();
	lks_tls.closings++;
	lks_rules_doubt();
	/* Destructors run in there: the host's code, recorded as any. One that
	 * leaves by longjmp leaves the doubt too: time, no wrong stack. */
	result = lks_real.dlclose(handle);
	if (result == 0 && shim_enter()) {
		lks_modmap_refresh();
		shim_leave();
	}
	lks_rules_trust();
	lks_tls.closings--;
	return result;
}
