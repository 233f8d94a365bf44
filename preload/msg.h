/*
 * Messages to people: descriptor 2 while the constructor runs, later log=FILE
 * and the status file (law 1). No stdio; a line is at most LKS_MSG_BYTES.
 */
#pragma once

#include "lks.h"

#define LKS_MSG_BYTES 512

/*
 * Any context. Formats with %s %d %u (with l, ll, z) %x %% only, prefixes
 * "leakshim: " and ends the line. `constructor` ends with lks_msg_quiet().
 */
void lks_msg(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* BOOT, end of the constructor: from now on never descriptor 2. */
void lks_msg_quiet(void);

/* Message i (0 = oldest kept), NULL past the last: for the status file. */
const char *lks_msg_get(uint32_t i);

/* FORK, in the child: another thread of the parent's may have been at it. */
void lks_msg_fork_child(void);

/* As lks_msg, into `out` (always terminated). Returns the length it has. */
size_t lks_format(char *out, size_t cap, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
