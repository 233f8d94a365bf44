/*
 * Entries in one table (mapped when the first thread is created, since most
 * preloaded processes have one thread; touched as far as used), a free list
 * through it, and an index from pthread_t: open addressing with backward-shift
 * deletion. All of it under one lock: threads are created and joined
 * thousands, not millions of times a second.
 */
#include "threads.h"

#include <stdatomic.h>

#include "arena.h"
#include "counters.h"
#include "lock.h"
#include "probe.h"
#include "site.h"

#define INDEX_SLOTS (2 * LKS_THREADS_MAX)
/* Thread counters need no stripes. */
#define STRIPE 0

struct entry {
	struct lks_thread_info info;
	uint32_t serial;
	uint32_t next; /* free list */
	pthread_t handle;
	pthread_t *where; /* the host's variable; valid until user code runs */
	bool told;        /* the handle is known, or was */
	bool bound;       /* in the index */
	bool counted;     /* in lks_thread_sites */
};

static struct lks_lock lock;
static struct entry *entries;  /* guard: lock; [0] unused */
static uint32_t *handle_index; /* guard: lock; entry numbers, 0 empty */
static uint32_t used;          /* guard: lock; highest entry ever used */
static uint32_t free_list;     /* guard: lock */
static _Atomic uint32_t running;
static _Atomic uint32_t unjoined;

static inline uint32_t
home_of(pthread_t handle)
{
	return (uint32_t)((uint64_t)handle * 0x9e3779b97f4a7c15u >> 47) %
	       INDEX_SLOTS;
}

static uint32_t
probe_locked(pthread_t handle)
{
	uint32_t i = home_of(handle);

	while (handle_index[i] != 0 &&
	       entries[handle_index[i]].handle != handle)
		i = (i + 1) % INDEX_SLOTS;
	return i;
}

static void
unbind_locked(uint32_t entry)
{
	uint32_t i;
	uint32_t j;

	if (!entries[entry].bound)
		return;
	entries[entry].bound = false;
	i = probe_locked(entries[entry].handle);
	if (handle_index[i] != entry)
		return;
	for (j = i;;) {
		uint32_t home;

		j = (j + 1) % INDEX_SLOTS;
		if (handle_index[j] == 0)
			break;
		home = home_of(entries[handle_index[j]].handle);
		if (!lks_probe_may_move(i, j, home))
			continue;
		handle_index[i] = handle_index[j];
		i = j;
	}
	handle_index[i] = 0;
}

static struct entry *
entry_locked(struct lks_thread_ref ref)
{
	struct entry *e;

	if (ref.entry == 0 || entries == NULL)
		return NULL;
	e = &entries[ref.entry];
	return e->serial == ref.serial && e->info.state != LKS_THREAD_FREE
		       ? e
		       : NULL;
}

static void
add(_Atomic uint32_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static void
subtract(_Atomic uint32_t *counter)
{
	atomic_fetch_sub_explicit(counter, 1, memory_order_relaxed);
}

static void
free_locked(struct entry *e)
{
	uint32_t number = (uint32_t)(e - entries);

	if (e->counted)
		lks_site_free(lks_thread_sites, e->info.site, STRIPE, 1,
			      e->info.stack_bytes);
	if (e->info.state == LKS_THREAD_EXITED)
		subtract(&unjoined);
	else
		subtract(&running);
	unbind_locked(number);
	e->info.state = LKS_THREAD_FREE;
	e->serial++;
	e->next = free_list;
	free_list = number;
}

/* Both tables, or neither. Memory is obtained before the lock. */
static bool
make_tables(void)
{
	size_t entries_bytes = (LKS_THREADS_MAX + 1) * sizeof(struct entry);
	size_t index_bytes = INDEX_SLOTS * sizeof(uint32_t);
	struct entry *table = lks_arena_reserve(entries_bytes);
	uint32_t *index = lks_arena_reserve(index_bytes);
	bool there = false;

	if (table != NULL && index != NULL &&
	    lks_lock_take(&lock, LKS_RANK_THREADS)) {
		if (entries == NULL) {
			entries = table;
			handle_index = index;
			table = NULL;
			index = NULL;
		}
		there = true;
		lks_lock_drop(&lock);
	}
	lks_arena_unreserve(table, entries_bytes);
	lks_arena_unreserve(index, index_bytes);
	return there;
}

struct lks_thread_ref
lks_threads_create(struct lks_stack site, uintptr_t start, uintptr_t argument,
		   pthread_t *where, uint64_t stack_bytes, bool detached)
{
	struct lks_thread_ref ref = { 0, 0 };
	struct entry *e = NULL;

	if (!lks_lock_take(&lock, LKS_RANK_THREADS))
		goto untracked;
	if (entries == NULL) {
		lks_lock_drop(&lock);
		if (!make_tables() || !lks_lock_take(&lock, LKS_RANK_THREADS))
			goto untracked;
	}
	if (free_list != 0) {
		e = &entries[free_list];
		free_list = e->next;
	} else if (used < LKS_THREADS_MAX) {
		e = &entries[++used];
	}
	if (e != NULL) {
		e->info = (struct lks_thread_info){
			.site = site,
			.state = LKS_THREAD_STARTING,
			.detached = detached,
			.stack_bytes = stack_bytes,
			.start = start,
			.argument = argument,
		};
		e->where = where;
		e->told = false;
		e->bound = false;
		e->counted = false;
		ref.entry = (uint32_t)(e - entries);
		ref.serial = e->serial;
		add(&running);
	}
	lks_lock_drop(&lock);
	if (e != NULL)
		return ref;
untracked:
	lks_count(threads_untracked);
	return ref;
}

void
lks_threads_cancel(struct lks_thread_ref ref)
{
	struct entry *e;

	if (!lks_lock_take(&lock, LKS_RANK_THREADS))
		return;
	e = entry_locked(ref);
	if (e != NULL)
		free_locked(e);
	lks_lock_drop(&lock);
}

static void
bind_locked(struct entry *e, pthread_t handle)
{
	uint32_t i = probe_locked(handle);

	/* A handle is reused as soon as its thread was joined, which the
	 * joiner may not have told us yet: that one is no longer to be found
	 * by it. */
	if (handle_index[i] != 0)
		entries[handle_index[i]].bound = false;
	handle_index[i] = (uint32_t)(e - entries);
	e->handle = handle;
	e->bound = true;
	e->told = true;
	e->counted = lks_site_alloc(lks_thread_sites, e->info.site, STRIPE, 1,
				    e->info.stack_bytes);
}

void
lks_threads_created(struct lks_thread_ref ref)
{
	struct entry *e;

	if (!lks_lock_take(&lock, LKS_RANK_THREADS))
		return;
	e = entry_locked(ref);
	if (e != NULL && !e->told)
		bind_locked(e, *e->where);
	lks_lock_drop(&lock);
}

void
lks_threads_run(struct lks_thread_ref ref, pthread_t handle, int32_t tid,
		uintptr_t stack_end, struct lks_thread_info *out)
{
	struct entry *e = &entries[ref.entry]; /* this thread's until its end */
	uint64_t bytes = e->info.stack_bytes;
	/* Without the lock the thread runs all the same, but goes by no
	 * handle: nobody's join will find it. */
	bool locked = lks_lock_take(&lock, LKS_RANK_THREADS);

	e->info.state = LKS_THREAD_RUNNING;
	e->info.tid = tid;
	e->info.bounds.hi = stack_end;
	e->info.bounds.lo = bytes < stack_end ? stack_end - bytes : 0;
	*out = e->info;
	if (locked && !e->told)
		bind_locked(e, handle);
	if (locked)
		lks_lock_drop(&lock);
}

void
lks_threads_exit(struct lks_thread_ref ref)
{
	struct entry *e;

	if (!lks_lock_take(&lock, LKS_RANK_THREADS))
		return;
	e = entry_locked(ref);
	if (e != NULL && e->info.state != LKS_THREAD_EXITED) {
		if (e->info.detached) {
			free_locked(e);
		} else {
			e->info.state = LKS_THREAD_EXITED;
			subtract(&running);
			add(&unjoined);
		}
	}
	lks_lock_drop(&lock);
}

struct lks_thread_ref
lks_threads_find(pthread_t handle)
{
	struct lks_thread_ref ref = { 0, 0 };

	if (!lks_lock_take(&lock, LKS_RANK_THREADS))
		return ref;
	if (entries != NULL) {
		ref.entry = handle_index[probe_locked(handle)];
		if (ref.entry != 0)
			ref.serial = entries[ref.entry].serial;
	}
	lks_lock_drop(&lock);
	return ref;
}

void
lks_threads_joined(struct lks_thread_ref ref)
{
	lks_threads_cancel(ref);
}

void
lks_threads_detached(struct lks_thread_ref ref)
{
	struct entry *e;

	if (!lks_lock_take(&lock, LKS_RANK_THREADS))
		return;
	e = entry_locked(ref);
	if (e != NULL) {
		e->info.detached = true;
		if (e->info.state == LKS_THREAD_EXITED)
			free_locked(e);
	}
	lks_lock_drop(&lock);
}

uint32_t
lks_threads_running(void)
{
	return atomic_load_explicit(&running, memory_order_relaxed);
}

uint32_t
lks_threads_unjoined(void)
{
	return atomic_load_explicit(&unjoined, memory_order_relaxed);
}

uint32_t
lks_threads_entry_count(void)
{
	uint32_t n = 0;

	if (lks_lock_take(&lock, LKS_RANK_THREADS)) {
		n = used;
		lks_lock_drop(&lock);
	}
	return n;
}

bool
lks_threads_get(uint32_t entry, struct lks_thread_info *out)
{
	bool found = false;

	if (entry == 0 || !lks_lock_take(&lock, LKS_RANK_THREADS))
		return false;
	if (entry <= used && entries[entry].info.state != LKS_THREAD_FREE) {
		*out = entries[entry].info;
		found = true;
	}
	lks_lock_drop(&lock);
	return found;
}

static bool fork_holds; /* guard: lock, when true */

void
lks_threads_fork_prepare(void)
{
	fork_holds = lks_lock_take(&lock, LKS_RANK_THREADS);
}

void
lks_threads_fork_parent(void)
{
	if (fork_holds)
		lks_lock_drop(&lock);
	fork_holds = false;
}

void
lks_threads_fork_child(struct lks_thread_ref self)
{
	lks_lock_init(&lock);
	fork_holds = false;
	/* The other threads are not here, nor are their stacks. They end as
	 * far as this process's ledger goes. */
	for (uint32_t i = 1; i <= used; i++)
		if (entries[i].info.state != LKS_THREAD_FREE && i != self.entry)
			free_locked(&entries[i]);
}
