/*
 * Sockets whose client may take so long, and no longer, for what is its turn:
 * one that sends or reads a byte now and then would hold its connection for
 * ever.
 *
 * A socket that is overdue is shut down, which whoever polls it then notices;
 * it is never closed here. All functions are thread-safe.
 */
#pragma once

struct patience;
struct patience_turn;

/* Starts a thread that looks. NULL with errno. */
struct patience *patience_new(unsigned int seconds)
	__attribute__((warn_unused_result));
void patience_free(struct patience *patience); /* NULL; no turn is left */

/* The client's turn begins. `fd` is borrowed until patience_end(), which comes
 * before it is closed. */
struct patience_turn *patience_begin(struct patience *patience, int fd)
	__attribute__((warn_unused_result));
/* It is ours now: nothing is overdue. */
void patience_pause(struct patience_turn *turn);
/* The client's again, from now on. */
void patience_restart(struct patience_turn *turn);
void patience_end(struct patience_turn *turn);
