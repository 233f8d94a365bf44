#include "boot.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <time.h>
#include <unistd.h>

#include "arena.h"
#include "counters.h"
#include "depot.h"
#include "epoch.h"
#include "filter.h"
#include "ident.h"
#include "livetab.h"
#include "lock.h"
#include "modmap.h"
#include "msg.h"
#include "opts.h"
#include "real.h"
#include "record.h"
#include "rules.h"
#include "sampler.h"
#include "sandbox.h"
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
/* The constructor is through, and this process is ours to report on. Written
 * by it and in forked children, when no other thread runs. */
static bool complete;

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

/* A runtime that is its own allocator, and would be broken by another or hide
 * from it. */
static const char *
sanitizer(void)
{
	static const char *const symbols[][2] = {
		{ "__asan_init", "AddressSanitizer is in the program" },
		{ "__tsan_init", "ThreadSanitizer is in the program" },
		{ "__msan_init", "MemorySanitizer is in the program" },
		{ "__hwasan_init", "HWAddressSanitizer is in the program" },
		{ "__lsan_do_leak_check", "LeakSanitizer is in the program" },
		/* Its tools that replace malloc do so behind our back. */
		{ "_vgr10010ZU_libcZdsoZa_malloc",
		  "valgrind runs the program" },
	};
	const char *found = NULL;

	for (size_t i = 0;
	     i < sizeof(symbols) / sizeof(symbols[0]) && found == NULL; i++)
		if (dlsym(RTLD_DEFAULT, symbols[i][0]) != NULL)
			found = symbols[i][1];
	lks_real_forget_errors();
	return found;
}

/* Set-user-ID, or file capabilities. The loader leaves us out of such programs,
 * but where the system itself names us (/etc/ld.so.preload): then whoever
 * starts them must not say what is written, and where. */
static bool
has_anothers_rights(void)
{
	return getauxval(AT_SECURE) != 0;
}

static void
boot_early(void)
{
	const char *why;

	lks_state_init();
	lks_ident_init();
	lks_opts_parse(has_anothers_rights() ? NULL : getenv("LEAKSHIM"));
	lks_arena_init(lks_opts_memory());
	lks_epoch_init();
	lks_sampler_init(lks_opts.sample,
			 lks_opts.seed != 0 ? lks_opts.seed : random_seed());
	if (lks_opts.sample > 1)
		lks_filter_init();
	lks_record_init();
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
	if (has_anothers_rights())
		lks_state_disable("the program has another's rights");
	else if (why != NULL)
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
	int host_errno = errno;
	bool known;

	if (atomic_load_explicit(&early, memory_order_acquire) == BOOT_EARLY)
		return true;
	/* Up during the look-ups too: a dlsym that fails allocates. */
	lks_tls.guard = LKS_GUARD_OWN;
	known = lks_real_resolve();
	lks_tls.guard = LKS_GUARD_DOWN;
	errno = host_errno;
	/* libc's constructor, the first of all, sets the environment. */
	if (!known || environ == NULL)
		return false;
	if (!atomic_compare_exchange_strong_explicit(
		    &early, &none, BOOT_UNDER_WAY, memory_order_acquire,
		    memory_order_relaxed))
		return false;
	lks_tls.guard = LKS_GUARD_OWN;
	boot_early();
	lks_tls.guard = LKS_GUARD_DOWN;
	errno = host_errno;
	/* release: pairs with the acquire above; tables are ready */
	atomic_store_explicit(&early, BOOT_EARLY, memory_order_release);
	return true;
}

/*
 * Two threads can fork at once: libc lets others in between our handlers. The
 * one that has `forking` holds the rooms' locks for both; the other waits for
 * it, since the kernel would have it wait anyway, and if that takes too long
 * forks without: in its child a room can tell what was being changed.
 */
#define FORK_WAITS 25
#define FORK_WAIT_NS 5000000u

static struct lks_lock forking;

static bool
take_forking(void)
{
	const struct timespec pause = { 0, FORK_WAIT_NS };

	for (int i = 0; i < FORK_WAITS; i++) {
		if (lks_lock_take(&forking, LKS_RANK_FORK))
			return true;
		lks_sys2(SYS_nanosleep, &pause, NULL);
	}
	return false;
}

static void
fork_prepare(void)
{
	/* Up until after the fork: what libc allocates in between must not
	 * wait for locks that we hold. */
	lks_tls.fork_guard = lks_tls.guard;
	lks_tls.fork_state = (uint8_t)lks_state_page.state;
	lks_tls.guard = LKS_GUARD_OWN;
	lks_tls.forks = false;
	/* Off, and no system call is to be made: the child is off too. */
	if (lks_sandbox_forbids(LKS_NEED_RECORD))
		return;
	/* In a handler that interrupted a call of ours, this thread may hold
	 * a lock itself: no use to wait for it. */
	lks_tls.forks = lks_tls.fork_guard == LKS_GUARD_DOWN && take_forking();
	if (!lks_tls.forks)
		return;
	lks_lock_fork_prepare();
	lks_writer_fork_prepare();
	lks_threads_fork_prepare();
	lks_modmap_fork_prepare();
	lks_record_fork_prepare();
	lks_livetab_fork_prepare();
	lks_arena_fork_prepare();
}

static void
leave_fork(void)
{
	if (lks_tls.fork_guard == LKS_GUARD_DOWN)
		shim_leave();
	else
		lks_tls.guard = lks_tls.fork_guard;
}

static void
fork_parent(void)
{
	if (lks_tls.forks) {
		lks_arena_fork_parent();
		lks_livetab_fork_parent();
		lks_record_fork_parent();
		lks_modmap_fork_release();
		lks_threads_fork_parent();
		lks_writer_fork_parent();
		lks_lock_fork_parent();
		lks_lock_drop(&forking);
		/* What another thread had deferred was made by this one: its
		 * frees are growth of that one's taken back. Who only forks
		 * never ticks. */
		if (lks_tls.net_bytes <= -LKS_NET_BYTES) {
			lks_writer_report_net(lks_tls.net_bytes);
			lks_tls.net_bytes = 0;
		}
	}
	lks_tls.forks = false;
	leave_fork();
}

/* The tables and the identity of a child. The kernel has wiped the state page:
 * this process is off until `state` is set here. */
static void
become_child(enum lks_state state)
{
	lks_counters_clear();
	lks_arena_fork_child();
	lks_livetab_fork_child();
	lks_record_fork_child();
	lks_modmap_fork_release();
	lks_rules_fork_child(lks_tls.closings);
	/* What the parent's other threads had begun stays half done here. The
	 * ledger counts all but main, which is another one, or is this one. */
	lks_ident.fork_threads += lks_threads_running();
	lks_threads_fork_child(lks_tls.self);
	lks_tls_fork_child();
	lks_epoch_fork_child();
	lks_ident_fork_child();
	lks_msg_fork_child();
	lks_lock_init(&forking);
	lks_lock_fork_child();
	lks_tls.forks = false;
	lks_tls.pending = 0;
	if (!lks_opts.follow_fork) {
		lks_state_disable("follow= leaves forked children out");
		complete = false;
	} else if (lks_state_reason() == NULL) {
		lks_state_set(state);
	}
}

static void
fork_child(void)
{
	if (lks_sandbox_forbids(LKS_NEED_RECORD)) {
		leave_fork();
		return;
	}
	become_child((enum lks_state)lks_tls.fork_state);
	lks_trigger_fork_child();
	lks_writer_fork_child();
	leave_fork();
}

static void
at_exit(void *unused)
{
	(void)unused;
	/* First: who we are is a system call too. */
	if (lks_sandbox_forbids(LKS_NEED_WRITE) || !lks_boot_is_complete())
		return;
	/* A handler that interrupted a call of ours calls exit(). */
	if (lks_tls.guard == LKS_GUARD_CALL)
		lks_count(abandoned_calls);
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

/* Symbols of the executable and of what is preloaded before us precede ours:
 * the calls of an allocator there never come here. */
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
		lks_msg("the malloc of %s comes before ours: what it "
			"allocates is not seen",
			info.dli_fname);
}

static void
open_libunwind(void)
{
	enum lks_unwind_kind got;

	if (lks_opts.unwind != LKS_UNWIND_LIBUNWIND)
		return;
	got = lks_unwind_init(lks_opts.unwind);
	if (got != lks_opts.unwind)
		lks_msg("unwind=libunwind: there is no libunwind.so.8, %s is "
			"used",
			lks_unwind_name(got));
	lks_opts.unwind = got;
}

bool
lks_boot_is_complete(void)
{
	return complete && lks_sys_getpid() == lks_ident.pid;
}

__attribute__((constructor(101))) static void
boot(void)
{
	int host_errno = errno;

	if (!lks_boot_early())
		return;
	lks_tls.guard = LKS_GUARD_OWN;
	/* Another library's constructor forked, before there were handlers. */
	if (lks_sys_getpid() != lks_ident.pid)
		become_child(lks_opts.start_off ? LKS_DORMANT : LKS_ON);
	if (lks_state_reason() != NULL) {
		/* Nobody asked for one with another's rights. */
		if (!has_anothers_rights() && lks_opts_tracks(lks_ident.name))
			lks_msg("not tracking: %s", lks_state_reason());
		lks_msg_quiet();
	} else {
		warn_of_own_malloc();
		open_libunwind();
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
		complete = true;
	}
	shim_leave(); /* a signal may have come by now */
	errno = host_errno;
}
