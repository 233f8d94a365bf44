/*
 * The signals: the user's (signal=) and the companion's bell, and what the
 * host may see of them, which is nothing.
 *
 * Installed at boot only over a default disposition. When the host installs a
 * handler of its own later, or ignores the signal, the host wins: ours is
 * withdrawn (for the bell, another free signal is taken). While ours is in
 * force, queries of the disposition are answered as without us.
 *
 * The same when it waits for the signal instead: sigwait and its kin leave the
 * disposition alone, so the first such call tells. What comes before it, while
 * all of the host's threads block the signal, is taken for a request: a host
 * that blocks everything must be askable.
 */
#pragma once

#include <signal.h>

#include "lks.h"

/* BOOT. Installs both, by the real sigaction. */
void lks_trigger_init(void);

/* FORK, in the child: dispositions are inherited, nothing is lost. */
void lks_trigger_fork_child(void);

/*
 * RECORD (host's sigaction and signal wrappers). What to do with the host's call
 * on signal `sig`:
 */
enum lks_trigger_answer {
	LKS_TRIGGER_PASS,   /* not ours: call the real function */
	LKS_TRIGGER_ANSWER, /* ours stays: fill *old with what the host would
			     * see without us, return success, do not call */
};
/* Of the kind of signal(). */
typedef void (*lks_signal_call(int sig, void (*function)(int)))(int);

/* `act` NULL = a query. Withdraws ours first when the host wins: what it wants
 * is then installed by `by`, NULL = by sigaction, when the helper has blocked the
 * signal: that is waited for, half a second at most. */
enum lks_trigger_answer lks_trigger_sigaction(int sig,
					      const struct sigaction *act,
					      struct sigaction *old,
					      lks_signal_call *by);

/* RECORD (sigwait and its kin, before the real call). The host waits for the
 * signals of `set`, which may be NULL: what is ours of them is withdrawn. */
void lks_trigger_await(const sigset_t *set);

/* The helper, before each of its sleeps. Replaces its signal mask: all blocked
 * but ours. True: another signal is in force now. */
bool lks_trigger_listen(void) __attribute__((warn_unused_result));
/* Its end. All signals are blocked after it. */
void lks_trigger_stop_listening(void);

/* Numbers in force, 0 = none; and who took it, or "". WRITER-safe. */
int lks_trigger_signal(void);
int lks_trigger_bell(void);
const char *lks_trigger_signal_note(void);
const char *lks_trigger_bell_note(void);
