/*
 * Where the threads of a process are at this moment, seen from outside: each is
 * stopped by ptrace, walked by libunwind, and let go, one after the other.
 *
 * A thread is held some milliseconds, and a system call that it waits in may
 * end with EINTR (epoll_wait and its kin; the kernel restarts most). Where
 * ptrace is not allowed, or a debugger is attached, there is nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../analyzer/err.h"
#include "../analyzer/strbuf.h"
#include "procfs.h"

/* Threads looked at: more can't be walked in LIVE_ALL_MS. */
#define LIVE_THREADS_MAX 10000
#define LIVE_DEPTH_MAX 128
/* How long a thread may take to stop (in state D it can't) before it is left
 * out, and all of them together. */
#define LIVE_STOP_MS 100
#define LIVE_ALL_MS 10000

struct live_thread {
	pid_t tid;
	char comm[16];
	char state; /* of procfs_stat, before it was stopped */
	/* Return addresses, innermost first; of the innermost frame the place
	 * itself plus one, so that "minus one" holds for all. */
	uint64_t code[LIVE_DEPTH_MAX];
	size_t depth;
};

struct live {
	struct live_thread *threads; /* owned */
	size_t count;
	size_t left_out; /* threads that could not be walked */
};

/* Threads that `wants` says no to are not touched; NULL: all are wanted. The
 * shim's own, `helper` (0 = none), is never: it is no thread of the program. */
typedef bool live_wants(pid_t tid, void *context);

/* -1 with ERR_STEP if a thread was wanted and not one could be stopped, but for
 * those that ended meanwhile. live_release() after 0 only. */
int live_walk(const struct procfs *proc, pid_t helper, live_wants *wants,
	      void *context, struct live *out, struct err *err)
	__attribute__((warn_unused_result));
void live_release(struct live *live);

/* Adds them as rows of a profile in Go's legacy text, "1 @ 0x...", one a
 * thread. */
void live_add_rows(struct strbuf *out, const struct live *live);
/* Adds the process's mappings, which the analyzer wants behind such rows: the
 * text of /proc/PID/maps. -1 with errno. */
int live_add_mappings(struct strbuf *out, const struct procfs *proc);
/* Rows, that count so many, and mappings as a file without a name for the
 * analyzer, which the caller closes. -1 with `err`. */
int live_open_rows(const struct strbuf *rows, uint64_t count,
		   const struct strbuf *maps, struct err *err)
	__attribute__((warn_unused_result));
