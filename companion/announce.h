/*
 * What `run` says before it becomes the program: where snapshots will appear
 * and what to type next.
 */
#pragma once

#include "../analyzer/strbuf.h"

/* Adds three lines, each with "leakshim: " before it. `options` is the text of
 * LEAKSHIM= in force, `program` the file that is started; the process is the
 * calling one. */
void announce_text(struct strbuf *text, const char *options,
		   const char *program);
