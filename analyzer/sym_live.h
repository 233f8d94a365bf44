/*
 * Files of processes that still run: a program in a container, or one that was
 * removed or replaced since it started, is nowhere here under its path, but the
 * kernel has it. A snapshot's header names its process among all there ever
 * were, so that one is asked and no other.
 *
 * A process decides what lies in its root. So no link leads out of that, only
 * regular files are opened, and a file counts only if its build-id is the
 * module's: a module without one is not looked for here.
 */
#pragma once

struct header; /* facts.h */
struct module; /* model.h */
struct sym_live;

struct sym_live *sym_live_new(void)
	__attribute__((warn_unused_result, returns_nonnull));
void sym_live_free(struct sym_live *live); /* NULL is allowed */

/* The process of a snapshot: from now on it is asked, if it runs on this
 * machine and we may look at it. The last SYM_LIVE_MAX are remembered. */
void sym_live_add(struct sym_live *live, const struct header *header);
#define SYM_LIVE_MAX 256

/*
 * A descriptor for reading, the caller's, of the very file that one of those
 * processes runs: by the module's path in its root, as its program, or as it is
 * mapped (which takes root). -1: none has it.
 */
int sym_live_open(struct sym_live *live, const struct module *module)
	__attribute__((warn_unused_result));

/* The same of its separate debug file, by build-id, in /usr/lib/debug of such a
 * root. */
int sym_live_open_debug(struct sym_live *live, const struct module *module)
	__attribute__((warn_unused_result));
