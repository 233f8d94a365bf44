/*
 * Programs that only start another one, with the environment that they have:
 * env, nice, timeout, a shell with one simple command. Their options are known
 * well enough to find the command behind them; nothing is looked up or run.
 */
#pragma once

#include <stdbool.h>

#include "words.h"

/* What becomes of the environment on the way. */
struct wrapper_effect {
	/* How LD_PRELOAD gets lost ("env -i"), NULL = it lasts. Borrowed for
	 * ever. */
	const char *drops;
	struct words assigned; /* NAME=VALUE, in order; owned by the caller */
};

/* The base name of a program is that of a wrapper, or of a shell. Pure. */
bool wrapper_is(const char *base);
bool wrapper_is_shell(const char *base);

/*
 * The command behind the wrapper or the shell that `words` begins with takes
 * the place of the line. False: there is none, or no simple one, and the line
 * is as it was, but for words of env -S, which are split. `effect` is added
 * to.
 */
bool wrapper_unwrap(struct words *words, struct wrapper_effect *effect);
