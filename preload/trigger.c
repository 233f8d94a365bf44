/*
 * One handler for both signals. What the host did to a signal that is still
 * ours is its `view`, which queries are answered with. Changes are made under
 * a lock with all signals blocked, so that neither another thread nor a
 * handler of the host's sees them halfway.
 *
 * A signal that the host waits for goes back to its default disposition, under
 * which it kills whoever has it unblocked, and the helper has. So where there
 * is a helper the signal is `leaving` until it has been blocked there: the
 * handler stays, and gives back what still reaches the helper. A handler of the
 * host's goes in at once, but not before the helper is deaf to the signal: it
 * would run there.
 */
#include "trigger.h"

#include <stdatomic.h>
#include <string.h>
#include <ucontext.h>

#include "../proto/status.h"
#include "epoch.h"
#include "ident.h"
#include "lock.h"
#include "opts.h"
#include "real.h"
#include "sandbox.h"
#include "sigmask.h"
#include "snap.h"
#include "state.h"
#include "sys.h"
#include "trim.h"
#include "writer.h"

/* How long the host's call waits for the helper, which is there at once unless
 * it is waiting for a writer. */
#define DEAF_NS 500000000u
#define DEAF_PAUSE_NS 10000000u

enum hearing { HEARS, ASKED, DEAF };

struct slot {
	_Atomic int32_t number;   /* whose handler is ours; 0 = none */
	_Atomic bool leaving;     /* is the host's again but for the handler */
	_Atomic uint32_t hearing; /* enum hearing: the helper's; a futex */
	const char *_Atomic note;
	struct sigaction view; /* guard: lock */
};

/* Changed by who holds the lock, or at boot. */
static struct lks_lock lock;
static struct slot user = { .note = "" };
static struct slot bell = { .note = "" };
static _Atomic uint64_t awaited; /* what the host ever waited for */
static bool listening; /* guard: lock; the helper's mask leaves ours open */

static int32_t
number_of(struct slot *slot)
{
	return atomic_load_explicit(&slot->number, memory_order_relaxed);
}

static bool
is_leaving(struct slot *slot)
{
	return atomic_load_explicit(&slot->leaving, memory_order_relaxed);
}

static void
set_note(struct slot *slot, const char *note)
{
	atomic_store_explicit(&slot->note, note, memory_order_relaxed);
}

/* --- the handler --- */

static void
wake_dormant(void)
{
	lks_epoch_restart();
	lks_snap_restart();
	lks_state_set(LKS_ON);
}

static void
start_or(enum lks_trigger trigger)
{
	if (lks_state_page.state != LKS_DORMANT) {
		lks_writer_request(trigger, 0);
		return;
	}
	wake_dormant();
	lks_writer_refresh(0);
}

static void
ring(uint64_t word)
{
	uint32_t token = word & 0xffffff;

	if (word >> 32 != LKS_BELL_MAGIC)
		return;
	switch ((enum lks_bell)(word >> 24 & 0xff)) {
	case LKS_BELL_SNAPSHOT:
		lks_writer_request(LKS_TRIGGER_BELL, token);
		break;
	case LKS_BELL_START:
		if (lks_state_page.state == LKS_DORMANT)
			wake_dormant();
		lks_writer_refresh(token);
		break;
	case LKS_BELL_TRIM:
		lks_trim_ask();
		lks_writer_refresh(token);
		break;
	case LKS_BELL_DUMP:
		lks_writer_dump(token);
		break;
	case LKS_BELL_MARK:
		lks_writer_mark(token);
		break;
	case LKS_BELL_SCRAPE:
		lks_writer_scrape(token);
		break;
	case LKS_BELL_REFRESH:
	default:
		/* What we do not know yet is answered, with nothing done. */
		lks_writer_refresh(token);
		break;
	}
}

/* The helper got what the host waits for. It blocks the signal from here on,
 * so that the process's other threads are asked. The kernel lets only main
 * hand on what kill() sent: then it comes from us, and not from the sender. */
static void
give_back(int sig, siginfo_t *info, ucontext_t *context)
{
	uint64_t blocked;

	if (lks_sys_gettid() != lks_writer_helper_tid())
		return;
	memcpy(&blocked, &context->uc_sigmask, sizeof(blocked));
	blocked |= lks_sigset_of(sig);
	memcpy(&context->uc_sigmask, &blocked, sizeof(blocked));
	if (lks_sys_failed(
		    lks_sys3(SYS_rt_sigqueueinfo, lks_ident.pid, sig, info)))
		lks_sys2(SYS_kill, lks_ident.pid, sig);
}

static void
on_signal(int sig, siginfo_t *info, void *context)
{
	struct slot *slot = sig == number_of(&user) ? &user : &bell;

	/* A vfork child runs it too, in our memory. */
	if (lks_sandbox_forbids(LKS_NEED_RECORD) ||
	    lks_sys_getpid() != lks_ident.pid || sig != number_of(slot))
		return;
	if (is_leaving(slot))
		give_back(sig, info, context);
	else if (slot == &user)
		start_or(LKS_TRIGGER_SIGNAL);
	else if (info->si_code == SI_QUEUE)
		ring((uint64_t)(uintptr_t)info->si_value.sival_ptr);
}

/* --- taking and losing --- */

static const char awaited_note[] = "waited for by the program";

static bool
is_waited_for(int sig)
{
	return (atomic_load_explicit(&awaited, memory_order_relaxed) &
		lks_sigset_of(sig)) != 0;
}

/* Installs the handler if nobody has; false, with a note, if somebody has. */
static bool
take(struct slot *slot, int sig)
{
	struct sigaction ours = { .sa_sigaction = on_signal };
	/* The kernel's 64 signals; see lks_sigmask_block about the one left. */
	uint64_t all = ~lks_sigset_of(33);
	struct sigaction held;

	if (is_waited_for(sig)) {
		set_note(slot, awaited_note);
		return false;
	}
	if (lks_real.sigaction(sig, NULL, &held) != 0) {
		set_note(slot, "refused by the system");
		return false;
	}
	if (held.sa_handler != SIG_DFL) {
		set_note(slot, held.sa_handler == SIG_IGN
				       ? "was ignored when the program started"
				       : "had a handler before the program "
					 "started");
		return false;
	}
	slot->view = held;
	ours.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
	memcpy(&ours.sa_mask, &all, sizeof(all));
	atomic_store_explicit(&slot->number, sig, memory_order_relaxed);
	if (lks_real.sigaction(sig, &ours, NULL) != 0) {
		atomic_store_explicit(&slot->number, 0, memory_order_relaxed);
		set_note(slot, "refused by the system");
		return false;
	}
	set_note(slot, "");
	return true;
}

/* The highest real-time signal that is free. Programs count from the lowest,
 * and the very highest is the next popular. */
static void
take_any_bell(void)
{
	bool is_awaited = false;

	for (int sig = SIGRTMAX - 1; sig >= SIGRTMIN; sig--) {
		if (sig != lks_opts.signal && take(&bell, sig))
			return;
		is_awaited |= is_waited_for(sig);
	}
	set_note(&bell,
		 is_awaited ? awaited_note : "no real-time signal is free");
}

static void
lose(struct slot *slot)
{
	atomic_store_explicit(&slot->number, 0, memory_order_relaxed);
	atomic_store_explicit(&slot->leaving, false, memory_order_relaxed);
	atomic_store_explicit(&slot->hearing, HEARS, memory_order_relaxed);
	if (slot == &bell && lks_opts.bell < 0)
		take_any_bell();
}

void
lks_trigger_init(void)
{
	if (lks_opts.signal != 0)
		take(&user, lks_opts.signal);
	if (lks_opts.bell > 0)
		take(&bell, lks_opts.bell);
	else if (lks_opts.bell < 0)
		take_any_bell();
}

/* No thread of ours has it unblocked: what is leaving goes. True: it did. */
static bool
settle(struct slot *slot)
{
	int32_t sig = number_of(slot);

	if (!is_leaving(slot))
		return false;
	/* Unless the host got past us. */
	if (lks_sig_handler(sig) == (uintptr_t)(void *)on_signal)
		lks_real.sigaction(sig, &slot->view, NULL);
	lose(slot);
	return true;
}

void
lks_trigger_fork_child(void)
{
	/* Another thread of the parent's may have held it. */
	lks_lock_init(&lock);
	listening = false;
	atomic_store_explicit(&user.hearing, HEARS, memory_order_relaxed);
	atomic_store_explicit(&bell.hearing, HEARS, memory_order_relaxed);
	settle(&user);
	settle(&bell);
}

static uint32_t
hearing_of(struct slot *slot)
{
	/* acquire: pairs with grow_deaf, whose mask is in force */
	return atomic_load_explicit(&slot->hearing, memory_order_acquire);
}

/* Called with all signals blocked and without the lock, which the helper takes.
 * Too late is tolerated: then the host's handler may run on the helper, once. */
static void
deafen_helper(struct slot *slot, int sig)
{
	uint64_t end = lks_clock_ns(CLOCK_MONOTONIC) + DEAF_NS;
	bool asked;

	if (lks_sandbox_forbids(LKS_NEED_YIELD) ||
	    !lks_lock_take(&lock, LKS_RANK_TRIGGER))
		return;
	asked = listening && number_of(slot) == sig;
	if (asked && hearing_of(slot) == HEARS)
		atomic_store_explicit(&slot->hearing, ASKED,
				      memory_order_relaxed);
	lks_lock_drop(&lock);
	if (!asked)
		return;
	lks_writer_refresh(0); /* wakes it */
	while (hearing_of(slot) == ASKED && lks_clock_ns(CLOCK_MONOTONIC) < end)
		lks_sys_futex_wait(&slot->hearing, ASKED, DEAF_PAUSE_NS);
}

/*
 * The host's own action goes in. Here and not in the caller: between taking
 * ours out and putting the host's in, the signal would kill the process. Who
 * called signal() gets what that installs, flags and all.
 */
static bool
yield_to_host(struct slot *slot, int sig, const struct sigaction *act,
	      lks_signal_call *by)
{
	if (by != NULL ? by(sig, act->sa_handler) == SIG_ERR
		       : lks_real.sigaction(sig, act, NULL) != 0)
		return false;
	set_note(slot, "taken by the program");
	lose(slot);
	return true;
}

static enum lks_trigger_answer
answer_locked(struct slot *slot, int sig, const struct sigaction *act,
	      struct sigaction *old, lks_signal_call *by)
{
	struct sigaction view = slot->view;
	struct sigaction wanted;

	if (number_of(slot) != sig)
		return LKS_TRIGGER_PASS;
	if (act != NULL) {
		wanted = *act; /* act and old may be one */
		if (wanted.sa_handler == SIG_DFL)
			slot->view = wanted;
		else if (!yield_to_host(slot, sig, &wanted, by))
			return LKS_TRIGGER_PASS;
	}
	if (old != NULL)
		*old = view;
	return LKS_TRIGGER_ANSWER;
}

enum lks_trigger_answer
lks_trigger_sigaction(int sig, const struct sigaction *act,
		      struct sigaction *old, lks_signal_call *by)
{
	enum lks_trigger_answer answer = LKS_TRIGGER_PASS;
	struct slot *slot = sig == number_of(&user) ? &user : &bell;
	const bool host_wins = act != NULL && act->sa_handler != SIG_DFL;
	struct lks_sigmask mask;

	if (sig == 0 || sig != number_of(slot) ||
	    lks_sandbox_forbids(LKS_NEED_RECORD) ||
	    lks_sys_getpid() != lks_ident.pid)
		return LKS_TRIGGER_PASS;
	lks_sigmask_block(&mask);
	if (host_wins)
		deafen_helper(slot, sig);
	if (lks_lock_take(&lock, LKS_RANK_TRIGGER)) {
		answer = answer_locked(slot, sig, act, old, by);
		/* If the system refused it, the helper hears it again. */
		if (host_wins)
			atomic_store_explicit(&slot->hearing, HEARS,
					      memory_order_relaxed);
		lks_lock_drop(&lock);
	}
	lks_sigmask_restore(&mask);
	if (answer == LKS_TRIGGER_ANSWER && number_of(slot) != sig)
		lks_writer_refresh(0); /* tell the companion */
	return answer;
}

/* True: it was ours. */
static bool
await_locked(struct slot *slot, uint64_t set)
{
	int32_t sig = number_of(slot);

	if (sig == 0 || is_leaving(slot) || (set & lks_sigset_of(sig)) == 0)
		return false;
	atomic_store_explicit(&slot->leaving, true, memory_order_relaxed);
	set_note(slot, awaited_note);
	if (!listening)
		settle(slot);
	return true;
}

void
lks_trigger_await(const sigset_t *set)
{
	struct lks_sigmask mask;
	bool lost = false;
	uint64_t wanted;

	if (set == NULL)
		return; /* for the kernel to refuse */
	memcpy(&wanted, set, sizeof(wanted));
	/* Most programs wait for the same set for ever. */
	if ((wanted & ~atomic_load_explicit(&awaited, memory_order_relaxed)) ==
		    0 ||
	    lks_sandbox_forbids(LKS_NEED_RECORD) ||
	    lks_sys_getpid() != lks_ident.pid)
		return;
	lks_sigmask_block(&mask);
	if (lks_lock_take(&lock, LKS_RANK_TRIGGER)) {
		atomic_fetch_or_explicit(&awaited, wanted,
					 memory_order_relaxed);
		lost = await_locked(&user, wanted);
		lost |= await_locked(&bell, wanted);
		lks_lock_drop(&lock);
	}
	lks_sigmask_restore(&mask);
	if (lost)
		lks_writer_refresh(0); /* tell the companion, and the helper */
}

/* --- the helper's ears --- */

static uint64_t
all_but_ours(void)
{
	uint64_t blocked = ~LKS_SIGSET_GLIBC;
	int user_number = lks_trigger_signal();
	int bell_number = lks_trigger_bell();

	if (user_number != 0 && hearing_of(&user) == HEARS)
		blocked &= ~lks_sigset_of(user_number);
	if (bell_number != 0 && hearing_of(&bell) == HEARS)
		blocked &= ~lks_sigset_of(bell_number);
	return blocked;
}

/* It blocks all signals now, and what was asked for stays blocked. */
static void
grow_deaf(struct slot *slot)
{
	if (hearing_of(slot) != ASKED)
		return;
	/* release: pairs with hearing_of */
	atomic_store_explicit(&slot->hearing, DEAF, memory_order_release);
	lks_sys_futex_wake(&slot->hearing, INT32_MAX);
}

bool
lks_trigger_listen(void)
{
	struct lks_sigmask mask;
	bool changed = false;

	lks_sigmask_block(&mask);
	if (lks_lock_take(&lock, LKS_RANK_TRIGGER)) {
		listening = true;
		changed = settle(&user);
		changed |= settle(&bell);
		mask.before = all_but_ours();
		grow_deaf(&user);
		grow_deaf(&bell);
		lks_lock_drop(&lock);
	}
	lks_sigmask_restore(&mask);
	return changed;
}

void
lks_trigger_stop_listening(void)
{
	lks_sigmask_set(~LKS_SIGSET_GLIBC);
	if (!lks_lock_take(&lock, LKS_RANK_TRIGGER))
		return;
	listening = false;
	settle(&user);
	settle(&bell);
	lks_lock_drop(&lock);
}

/* --- what is in force --- */

/* A host may get past us: by a raw system call, or by its own libc. A cloned
 * writer can't tell: its dispositions are those of the moment it was made. */
static int
in_force(struct slot *slot)
{
	int32_t number = number_of(slot);

	if (is_leaving(slot))
		return 0;
	if (number == 0 || lks_sys_getpid() != lks_ident.pid ||
	    lks_sig_handler(number) == (uintptr_t)(void *)on_signal)
		return number;
	if (atomic_compare_exchange_strong_explicit(&slot->number, &number, 0,
						    memory_order_relaxed,
						    memory_order_relaxed))
		set_note(slot, "taken by the program");
	return 0;
}

int
lks_trigger_signal(void)
{
	return in_force(&user);
}

int
lks_trigger_bell(void)
{
	return in_force(&bell);
}

const char *
lks_trigger_signal_note(void)
{
	return atomic_load_explicit(&user.note, memory_order_relaxed);
}

const char *
lks_trigger_bell_note(void)
{
	return atomic_load_explicit(&bell.note, memory_order_relaxed);
}
