/*
 * What of the growth is accepted: the suppressions and the baseline that the
 * command line names, applied to a study.
 */
#pragma once

#include <stdbool.h>

#include "baseline.h"
#include "err.h"
#include "options.h"
#include "strbuf.h"
#include "study.h"
#include "suppress.h"

struct accept {
	struct suppress *suppress;
	struct baseline *baseline; /* --baseline; NULL = none */
	struct baseline *target;   /* --write-baseline; NULL = none */
	int64_t today;
};

/* Loads all files. -1 and `err`: one can't be read. Release it either way. */
int accept_open(struct accept *accept, const struct settings *settings,
		struct err *err) __attribute__((warn_unused_result));
void accept_release(struct accept *accept);

/* Sets the fates of a study's rows. Adds lines for people. */
void accept_apply(struct accept *accept, struct study *study,
		  struct strbuf *lines);

/*
 * Writes --write-baseline, if there is one. 0: done; -1 and `err`: it can't be
 * written, or (ERR_STEP) what grew can't be told, and nothing was written.
 * Adds a line on what was.
 */
int accept_write(struct accept *accept, const struct study *study,
		 double max_loss, struct strbuf *lines, struct err *err)
	__attribute__((warn_unused_result));
