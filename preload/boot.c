#include "boot.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "counters.h"
#include "depot.h"
#include "epoch.h"
#include "ident.h"
#include "livetab.h"
#include "modmap.h"
#include "msg.h"
#include "opts.h"
#include "real.h"
#include "sampler.h"
#include "shim.h"
#include "sys.h"
#include "threads.h"
#include "trigger.h"
#include "writer.h"

/* glibc's, behind atexit and at_quick_exit: these take the handler's object,
 * and NULL means: not one that goes away. */
int __cxa_atexit(void (*function)(void *), void *argument, void *object);
int __cxa_at_quick_exit(void (*function)(void *), void *object);

enum { BOOT_NONE, BOOT_UNDER_WAY, BOOT_EARLY };

static _Atomic int early;

static uint64_t
random_seed(void)
{
	uint64_t seed = 0;

	if (lks_sys3(SYS_getrandom, &seed, sizeof(seed), 0) !=
	    (long)sizeof(seed))
		seed = lks_clock_ns(CLOCK_MONOTONIC) ^
		       (uint64_t)lks_sys_getpid() << 40;
	return seed;
}

static bool
make_tables(void)
{
	return lks_depot_init() && lks_livetab_init() && lks_modmap_init();
}

/* A runtime that is its own allocator and would be broken by another. */
static const char *
sanitizer(void)
{
	static const char *const symbols[][2] = {
		{ "__asan_init", "AddressSanitizer is in the program" },
		{ "__tsan_init", "ThreadSanitizer is in the program" },
		{ "__msan_init", "MemorySanitizer is in the program" },
		{ "__hwasan_init", "HWAddressSanitizer is in the program" },
		{ "__lsan_do_leak_check", "LeakSanitizer is in the program" },
	};
	const char *found = NULL;

	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++)
		if (dlsym(RTLD_DEFAULT, symbols[i][0]) != NULL)
			found = symbols[i][1];
	/* The failed look-ups are not the host's business. */
	dlerror();
	return found;
}

static void
boot_early(void)
{
	const char *why;

	lks_state_init();
	lks_ident_init();
	lks_opts_parse(getenv("LEAKSHIM"));
	lks_arena_init(lks_opts_memory());
	lks_epoch_init();
	lks_sampler_init(lks_opts.sample,
			 lks_opts.seed != 0 ? lks_opts.seed : random_seed());
	lks_tls_init();
	shim_new_resolve();
	if (!make_tables()) {
		lks_state_disable("no memory for the tables");
		return;
	}
	/* libunwind is opened by the constructor: never from a malloc. */
	lks_unwind_init(lks_opts.unwind == LKS_UNWIND_LIBUNWIND
				? LKS_UNWIND_CFI
				: lks_opts.unwind);
	why = sanitizer();
	if (why != NULL)
		lks_state_disable(why);
	else if (!lks_opts_tracks(lks_ident.name))
		lks_state_disable("only= names other programs");
	else
		lks_state_set(lks_opts.start_off ? LKS_DORMANT : LKS_ON);
}

LKS_NOINLINE bool
lks_boot_early(void)
{
	int none = BOOT_NONE;
	int host_errno;
	bool known;

	if (atomic_load_explicit(&early, memory_order_acquire) == BOOT_EARLY)
		return true;
	/* Up during the look-ups too: a dlsym that fails allocates. */
	lks_tls.guard = LKS_GUARD_OWN;
	known = lks_real_resolve();
	lks_tls.guard = LKS_GUARD_DOWN;
	/* libc's constructor, the first of all, sets the environment. */
	if (!known || environ == NULL)
		return false;
	if (!atomic_compare_exchange_strong_explicit(
		    &early, &none, BOOT_UNDER_WAY, memory_order_acquire,
		    memory_order_relaxed))
		return false;
	host_errno = errno;
	lks_tls.guard = LKS_GUARD_OWN;
	boot_early();
	lks_tls.guard = LKS_GUARD_DOWN;
	errno = host_errno;
	/* release: pairs with the acquire above; tables are ready */
	atomic_store_explicit(&early, BOOT_EARLY, memory_order_release);
	return true;
}

static void
fork_prepare(void)
{
	/* Up until after the fork: what libc allocates in between must not
	 * wait for locks that we hold. */
	lks_tls.guard = LKS_GUARD_OWN;
	lks_writer_fork_prepare();
	lks_threads_fork_prepare();
	lks_modmap_fork_prepare();
	lks_livetab_fork_prepare();
	lks_arena_fork_prepare();
}

static void
fork_parent(void)
{
	lks_arena_fork_parent();
	lks_livetab_fork_parent();
	lks_modmap_fork_release();
	lks_threads_fork_parent();
	lks_writer_fork_parent();
	shim_leave();
}

static void
fork_child(void)
{
	/* The kernel has wiped the state page: this process is off until the
	 * last line. */
	lks_arena_fork_child();
	lks_livetab_fork_child();
	lks_modmap_fork_release();
	lks_threads_fork_child(lks_tls.self);
	lks_tls_fork_child();
	lks_counters_clear();
	lks_epoch_fork_child();
	lks_ident_fork_child();
	lks_tls.pending = 0;
	if (!lks_opts.follow_fork)
		lks_state_disable("follow= leaves forked children out");
	else if (lks_state_reason() == NULL)
		lks_state_set(lks_opts.start_off ? LKS_DORMANT : LKS_ON);
	lks_trigger_fork_child();
	lks_writer_fork_child();
	lks_tls.guard = LKS_GUARD_DOWN;
}

static void
at_exit(void *unused)
{
	(void)unused;
	/* Stays up: what libc frees after this goes by. */
	lks_tls.guard = LKS_GUARD_OWN;
	lks_writer_exit();
	lks_tls.guard = LKS_GUARD_DOWN;
}

/* follow=fork: programs that this one starts are not to load us. Cuts our
 * name out of the environment's LD_PRELOAD, in place. */
static void
leave_environment(void)
{
	char *value = getenv("LD_PRELOAD");
	char *to = value;
	bool first = true;

	if (value == NULL)
		return;
	for (char *from = value; *from != '\0';) {
		size_t n = strcspn(from, ": ");
		size_t gap = strspn(from + n, ": ");
		bool ours = memmem(from, n, "libleakshim.so", 14) != NULL;

		if (!ours && n > 0) {
			if (!first)
				*to++ = ':';
			memmove(to, from, n);
			to += n;
			first = false;
		}
		from += n + gap;
	}
	*to = '\0';
	if (to == value)
		unsetenv("LD_PRELOAD");
}

/* Symbols of the executable precede ours: with an allocator linked into it,
 * its calls never come here. */
static void
warn_of_own_malloc(void)
{
	void *found = dlsym(RTLD_DEFAULT, "malloc");
	const ElfW(Sym) * symbol;
	void *entry = NULL;
	Dl_info info;

	if (found == NULL || lks_modmap_is_shim((uintptr_t)found))
		return;
	/* A program that is not position-independent and takes malloc's
	 * address has an entry for it, undefined, that leads to ours. */
	if (dladdr1(found, &info, &entry, RTLD_DL_SYMENT) == 0)
		return;
	symbol = entry;
	if (symbol != NULL && symbol->st_shndx != SHN_UNDEF)
		lks_msg("%s brings its own malloc: what it allocates is not "
			"seen",
			lks_ident.name);
}

__attribute__((constructor(101))) static void
boot(void)
{
	int host_errno = errno;

	if (!lks_boot_early())
		return;
	lks_tls.guard = LKS_GUARD_OWN;
	if (lks_state_reason() != NULL) {
		if (lks_opts_tracks(lks_ident.name))
			lks_msg("not tracking: %s", lks_state_reason());
	} else {
		warn_of_own_malloc();
		if (lks_opts.unwind == LKS_UNWIND_LIBUNWIND)
			lks_opts.unwind = lks_unwind_init(lks_opts.unwind);
		pthread_atfork(fork_prepare, fork_parent, fork_child);
		/* Registered before the loader's own finalizer, hence run
		 * after all destructors. */
		__cxa_atexit(at_exit, NULL, NULL);
		__cxa_at_quick_exit(at_exit, NULL);
		/* First: the status file says which signals are in force. */
		lks_trigger_init();
		lks_writer_init();
		if (!lks_opts.follow_exec)
			leave_environment();
	}
	lks_msg_quiet();
	shim_leave(); /* a signal may have come by now */
	errno = host_errno;
}
