/*
 * A trial of the shim's options before a program is started with them. The
 * shim itself is the judge, so that what `run` accepts and what the shim
 * accepts can't drift apart.
 */
#pragma once

#include "../analyzer/err.h"
#include "../analyzer/strbuf.h"

/*
 * Lets `library` read `options` in a short-lived process (this very program,
 * told to print its version) that it does not track: no file is made, no
 * signal taken. Adds to `out` the lines it says about them, each without
 * its "leakshim: ", none if all are good. Takes some milliseconds. -1 with `err` if there could be no trial.
 */
int trial_of_options(struct strbuf *out, const char *library,
		     const char *options, struct err *err)
	__attribute__((warn_unused_result));
