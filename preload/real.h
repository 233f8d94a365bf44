/*
 * The next allocator: the functions we stand in front of, and the blocks that
 * were handed out before they were known.
 *
 * Resolved once with dlsym(RTLD_NEXT), never by __libc_* names: the next
 * allocator may be libjemalloc. A dlsym that fails allocates, and calls come
 * in before anything is resolved, so a static bootstrap arena serves those;
 * its blocks are known by address for ever and are never given back.
 */
#pragma once

#include <pthread.h>
#include <signal.h>
#include <threads.h>

#include "lks.h"

struct lks_real {
	void *(*malloc)(size_t);
	void (*free)(void *);
	void *(*calloc)(size_t, size_t);
	void *(*realloc)(void *, size_t);
	void *(*memalign)(size_t, size_t);
	void *(*aligned_alloc)(size_t, size_t);
	int (*posix_memalign)(void **, size_t, size_t);
	void *(*valloc)(size_t);
	void *(*pvalloc)(size_t);
	size_t (*malloc_usable_size)(void *);

	int (*pthread_create)(pthread_t *, const pthread_attr_t *,
			      void *(*)(void *), void *);
	int (*pthread_join)(pthread_t, void **);
	int (*pthread_tryjoin_np)(pthread_t, void **);
	int (*pthread_timedjoin_np)(pthread_t, void **,
				    const struct timespec *);
	int (*pthread_clockjoin_np)(pthread_t, void **, clockid_t,
				    const struct timespec *);
	int (*pthread_detach)(pthread_t);
	void (*pthread_exit)(void *) __attribute__((noreturn));
	int (*thrd_create)(thrd_t *, thrd_start_t, void *);
	int (*thrd_join)(thrd_t, int *);
	int (*thrd_detach)(thrd_t);

	int (*sigaction)(int, const struct sigaction *, struct sigaction *);
	void (*(*signal)(int, void (*)(int)))(int);
	void (*(*sysv_signal)(int, void (*)(int)))(int);
	void (*(*sigset)(int, void (*)(int)))(int);
	int (*sigignore)(int);
	int (*sigwait)(const sigset_t *, int *);
	int (*sigwaitinfo)(const sigset_t *, siginfo_t *);
	int (*sigtimedwait)(const sigset_t *, siginfo_t *,
			    const struct timespec *);
	int (*signalfd)(int, const sigset_t *, int);
	void (*_exit)(int) __attribute__((noreturn));
	int (*dlclose)(void *);
	int (*unshare)(int);
	int (*setns)(int, int);
	int (*prctl)(int, unsigned long, unsigned long, unsigned long,
		     unsigned long);
	long (*syscall)(long, long, long, long, long, long, long);
};

extern struct lks_real lks_real;

/* BOOT. Resolves everything; idempotent. False: the four basic functions are
 * not to be had (then every call is served by the bootstrap arena). */
bool lks_real_resolve(void);

/* BOOT, after look-ups of our own: the host's dlerror() must not find what the
 * failed ones left. */
void lks_real_forget_errors(void);

/* HOT. malloc, free, calloc and realloc are known. */
bool lks_real_is_known(void);

/* Before they are. 16-byte aligned or as asked; NULL when the arena is full. */
void *lks_bootstrap_alloc(size_t alignment, size_t size);
/* What glibc's loader and a failing dlsym ask for before we know better is a
 * few hundred bytes; other loaders and allocators may ask for more. */
#define LKS_BOOTSTRAP_BYTES (64 * 1024)
extern char lks_bootstrap[LKS_BOOTSTRAP_BYTES];

/* HOT. Is p a block of the bootstrap arena? */
static inline bool
lks_bootstrap_owns(const void *p)
{
	return (uintptr_t)p - (uintptr_t)lks_bootstrap < LKS_BOOTSTRAP_BYTES;
}

/* Its size as asked for. */
size_t lks_bootstrap_size(const void *p);
