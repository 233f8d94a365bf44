#include "real.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <string.h>

#include "sys.h"

struct lks_real lks_real;

_Alignas(64) char lks_bootstrap[LKS_BOOTSTRAP_BYTES];
static _Atomic size_t bootstrap_used;
static _Atomic bool resolving;
static _Atomic bool resolved;

/* A size in front of each block, at the distance of its alignment. */
void *
lks_bootstrap_alloc(size_t alignment, size_t size)
{
	size_t used =
		atomic_load_explicit(&bootstrap_used, memory_order_relaxed);
	size_t start;

	if (alignment < 16)
		alignment = 16;
	if ((alignment & (alignment - 1)) != 0 || size > LKS_BOOTSTRAP_BYTES ||
	    alignment > LKS_BOOTSTRAP_BYTES / 2)
		return NULL;
	do {
		uintptr_t base = (uintptr_t)lks_bootstrap;

		start = used + sizeof(size_t);
		start = ((base + start + alignment - 1) & ~(alignment - 1)) -
			base;
		if (start + size > LKS_BOOTSTRAP_BYTES)
			return NULL;
	} while (!atomic_compare_exchange_weak_explicit(
		&bootstrap_used, &used, start + size, memory_order_relaxed,
		memory_order_relaxed));
	memcpy(lks_bootstrap + start - sizeof(size_t), &size, sizeof(size_t));
	return lks_bootstrap + start;
}

size_t
lks_bootstrap_size(const void *p)
{
	size_t size;

	memcpy(&size, (const char *)p - sizeof(size_t), sizeof(size_t));
	return size;
}

/* POSIX lets a void * hold a function; ISO C has no cast for it. */
#define RESOLVE(name)                                                          \
	do {                                                                   \
		void *symbol = dlsym(RTLD_NEXT, #name);                        \
		memcpy(&lks_real.name, &symbol, sizeof(symbol));               \
	} while (0)

bool
lks_real_resolve(void)
{
	bool none = false;

	if (lks_real_is_known())
		return true;
	if (!atomic_compare_exchange_strong_explicit(&resolving, &none, true,
						     memory_order_acquire,
						     memory_order_relaxed))
		return false; /* nested, or another thread is at it */
	RESOLVE(malloc);
	RESOLVE(free);
	RESOLVE(calloc);
	RESOLVE(realloc);
	RESOLVE(memalign);
	RESOLVE(aligned_alloc);
	RESOLVE(posix_memalign);
	RESOLVE(valloc);
	RESOLVE(pvalloc);
	RESOLVE(malloc_usable_size);
	RESOLVE(pthread_create);
	RESOLVE(pthread_join);
	RESOLVE(pthread_tryjoin_np);
	RESOLVE(pthread_timedjoin_np);
	RESOLVE(pthread_clockjoin_np);
	RESOLVE(pthread_detach);
	RESOLVE(pthread_exit);
	RESOLVE(thrd_create);
	RESOLVE(thrd_join);
	RESOLVE(thrd_detach);
	RESOLVE(sigaction);
	RESOLVE(signal);
	RESOLVE(sysv_signal);
	RESOLVE(sigset);
	RESOLVE(sigignore);
	RESOLVE(sigwait);
	RESOLVE(sigwaitinfo);
	RESOLVE(sigtimedwait);
	RESOLVE(signalfd);
	RESOLVE(_exit);
	RESOLVE(dlclose);
	RESOLVE(unshare);
	RESOLVE(setns);
	RESOLVE(prctl);
	RESOLVE(syscall);
	lks_real_forget_errors();
	if (lks_real.malloc == NULL || lks_real.free == NULL ||
	    lks_real.calloc == NULL || lks_real.realloc == NULL)
		return false;
	/* release: pairs with lks_real_is_known */
	atomic_store_explicit(&resolved, true, memory_order_release);
	return true;
}

void
lks_real_forget_errors(void)
{
	/* One that succeeds drops what a failed one left. Not dlerror():
	 * that translates the message, and we may be in a malloc of
	 * newlocale(), which holds the locale's lock. */
	(void)dlsym(RTLD_DEFAULT, "malloc");
}

bool
lks_real_is_known(void)
{
	return lks_likely(
		atomic_load_explicit(&resolved, memory_order_acquire));
}
