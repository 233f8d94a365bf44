/*
 * The thread ledger: threads by the stack that created them, until nothing of
 * them is held any more.
 *
 * An entry lives from pthread_create until the thread was joined, or was
 * detached and has ended. pthread_t values are reused, so an entry is named
 * by its number and serial; the pthread_t only finds it. Counts per creation
 * site are in lks_thread_sites (site.h): created and released, with reserved
 * stack bytes.
 *
 * At LKS_THREADS_MAX entries further threads run untracked (counted).
 */
#pragma once

#include <pthread.h>

#include "lks.h"
#include "unwind.h"

/* 64 Ki threads at once: above the kernel's usual pid limit of a container. */
#define LKS_THREADS_MAX 65536

enum lks_thread_state {
	LKS_THREAD_FREE = 0,
	LKS_THREAD_STARTING,
	LKS_THREAD_RUNNING,
	LKS_THREAD_EXITED, /* neither joined nor detached */
};

/* Names an entry for as long as it is that thread's. entry 0 = none. */
struct lks_thread_ref {
	uint32_t entry;
	uint32_t serial;
};

struct lks_thread_info {
	struct lks_stack site;
	enum lks_thread_state state;
	bool detached;
	int32_t tid; /* 0 until it runs */
	uint64_t stack_bytes;
	uintptr_t start;          /* the start function */
	uintptr_t argument;       /* and what the host passes it */
	struct lks_bounds bounds; /* of its stack; hi 0 until it runs */
};

/* RECORD, creating thread, before the real create. Entry 0: no room. `where`:
 * the host's variable for the pthread_t (lks_threads_created). */
struct lks_thread_ref lks_threads_create(struct lks_stack site, uintptr_t start,
					 uintptr_t argument, pthread_t *where,
					 uint64_t stack_bytes, bool detached);
/* The real create failed. */
void lks_threads_cancel(struct lks_thread_ref ref);
/*
 * The real create succeeded, in the creating thread. Binds the entry to its
 * pthread_t unless the new thread did so already; only then the host's
 * variable may be read: once user code runs in the new thread that memory may
 * be gone (a job that frees itself). The first of the two counts the creation.
 */
void lks_threads_created(struct lks_thread_ref ref);
/* New thread, before user code, `ref` its own. Binds likewise. What to start,
 * and the bounds of its stack, are in *out. */
void lks_threads_run(struct lks_thread_ref ref, pthread_t handle, int32_t tid,
		     uintptr_t stack_end, struct lks_thread_info *out);
/* Ending thread. Releases the entry if it is detached. */
void lks_threads_exit(struct lks_thread_ref ref);

/* Before the real join or detach: the entry of that handle, 0 if unknown. */
struct lks_thread_ref lks_threads_find(pthread_t handle);
/* After a join that succeeded. */
void lks_threads_joined(struct lks_thread_ref ref);
/* After a detach that succeeded. */
void lks_threads_detached(struct lks_thread_ref ref);

/* Lock-free, a moment's numbers. */
uint32_t lks_threads_running(void); /* STARTING or RUNNING */
uint32_t lks_threads_unjoined(void);

/* WRITER. Entries 1 .. count; false: the entry is free. */
uint32_t lks_threads_entry_count(void);
bool lks_threads_get(uint32_t entry, struct lks_thread_info *out);

/* FORK. The child keeps no thread but the forking one, `self`. */
void lks_threads_fork_prepare(void);
void lks_threads_fork_parent(void);
void lks_threads_fork_child(struct lks_thread_ref self);
