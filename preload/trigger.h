/*
 * The signals: the user's (signal=) and the companion's bell, and what the
 * host may see of them, which is nothing.
 *
 * Installed at boot only over a default disposition. When the host installs a
 * handler of its own later, or ignores the signal, the host wins: ours is
 * withdrawn (for the bell, another free signal is taken). While ours is in
 * force, queries of the disposition are answered as without us.
 */
#pragma once

#include <signal.h>

#include "lks.h"

/* BOOT. Installs both, by the real sigaction. */
void lks_trigger_init(void);

/* FORK, in the child: dispositions are inherited, nothing is lost. */
void lks_trigger_fork_child(void);

/*
 * HOT (host's sigaction and signal wrappers). What to do with the host's call
 * on signal `sig`:
 */
enum lks_trigger_answer {
	LKS_TRIGGER_PASS,   /* not ours: call the real function */
	LKS_TRIGGER_ANSWER, /* ours stays: fill *old with what the host would
			     * see without us, return success, do not call */
};
/* `act` NULL = a query. Withdraws ours first when the host wins. */
enum lks_trigger_answer lks_trigger_sigaction(int sig,
					      const struct sigaction *act,
					      struct sigaction *old);

/* Numbers in force, 0 = none; and who took it, or "". WRITER-safe. */
int lks_trigger_signal(void);
int lks_trigger_bell(void);
const char *lks_trigger_signal_note(void);
const char *lks_trigger_bell_note(void);
