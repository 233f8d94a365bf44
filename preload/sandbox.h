/*
 * What a seccomp filter of the host's own would kill us for.
 *
 * A program that sandboxes itself after its start allows what it needs, and not
 * what we do: the first openat or clone of ours would end it. So the calls by
 * which a filter comes in are wrapped (shim_sandbox.c), and before it does, we
 * ask the filter about our own system calls, as the kernel would. What it would
 * kill for, or hand to a handler or supervisor of the host's, we do without from
 * then on; an answer with an error is no harm.
 *
 * Not seen: a filter that was there before us, or came by a system call
 * instruction of the program's own. To look for one (/proc/self/status, prctl)
 * may be what it kills for.
 */
#pragma once

#include "lks.h"

struct sock_fprog;

/* What we need, by what we do without it. */
enum lks_need {
	LKS_NEED_RECORD = 1,   /* memory, who we are: tracking ends */
	LKS_NEED_WRITE = 2,    /* files: no snapshot, no status, no log */
	LKS_NEED_CLONE = 4,    /* a writer: the host's thread writes itself */
	LKS_NEED_PEEK = 8,     /* process_vm_readv: image.h says what instead */
	LKS_NEED_YIELD = 16,   /* sched_yield, nanosleep: locks only spin */
	LKS_NEED_BARRIER = 32, /* membarrier: nothing is deferred (record.h) */
	LKS_NEED_RESIZE = 64,  /* mremap: tables are copied to larger pages */
	LKS_NEED_MODE = 128,   /* fchmodat: a new directory is as umask says */
	LKS_NEED_SIGSTACK = 256, /* sigaltstack: who jumped out of a call of
				  * ours is not recorded any more */
};

/* What was forbidden before a note and after it: for lks_sandbox_undo alone. */
struct lks_sandbox_noted {
	uint64_t before;
	uint64_t after;
};

/*
 * RECORD. A filter is about to be installed, for the calling thread or for all;
 * or `strict`, the mode in which only read and write are allowed. Threads that
 * are no descendants of the caller keep what they may do; but for the helper we
 * don't tell them apart.
 */
struct lks_sandbox_noted lks_sandbox_note(const struct sock_fprog *filter,
					  bool strict, bool all_threads);

/* RECORD. It was not installed. If another thread noted one meanwhile, nothing
 * is taken back: that one may be in force. */
void lks_sandbox_undo(const struct lks_sandbox_noted *noted);

/* Any context. Asks the filter; a mask of enum lks_need. Exposed for tests. */
uint32_t lks_sandbox_ask(const struct sock_fprog *filter, bool strict);

/* Any context, a load. On the helper, what was noted without `all_threads`
 * after it was made does not count. */
bool lks_sandbox_forbids(enum lks_need need);

/* The helper, about to be made and first of all: it has the filters of the
 * thread that makes it. */
void lks_sandbox_helper_made(void);
void lks_sandbox_is_helper(bool is);
