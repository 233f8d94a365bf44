/*
 * operator new and delete.
 *
 * Usually libstdc++'s, which call malloc: then ours step aside. They record
 * only where the next allocator brings its own (libtcmalloc, libjemalloc built
 * with C++, libmimalloc), since that one's new never comes by our malloc.
 *
 * In a C host there is none at all, and one may appear later by dlopen, out of
 * RTLD_NEXT's sight, while its callers still find ours first: then new is
 * malloc, and when that fails, libstdc++'s own is looked up, because only it
 * knows the new_handler and how to throw.
 *
 * The guard is never up across a real operator new: it may throw, or run the
 * host's new_handler.
 */
#include <dlfcn.h>
#include <string.h>

#include "livetab.h"
#include "real.h"
#include "shim.h"

/* The mangled names, for x86-64 and other LP64 machines: m is size_t,
 * St11align_val_t std::align_val_t, RKSt9nothrow_t const std::nothrow_t &. */
#define NEWS(X)                                                                \
	X(_Znwm, (size_t n), (n), n, 0)                                        \
	X(_Znam, (size_t n), (n), n, 0)                                        \
	X(_ZnwmSt11align_val_t, (size_t n, size_t align), (n, align), n,       \
	  align)                                                               \
	X(_ZnamSt11align_val_t, (size_t n, size_t align), (n, align), n,       \
	  align)                                                               \
	X(_ZnwmRKSt9nothrow_t, (size_t n, const void *tag), (n, tag), n, 0)    \
	X(_ZnamRKSt9nothrow_t, (size_t n, const void *tag), (n, tag), n, 0)    \
	X(_ZnwmSt11align_val_tRKSt9nothrow_t,                                  \
	  (size_t n, size_t align, const void *tag), (n, align, tag), n,       \
	  align)                                                               \
	X(_ZnamSt11align_val_tRKSt9nothrow_t,                                  \
	  (size_t n, size_t align, const void *tag), (n, align, tag), n,       \
	  align)

#define DELETES(X)                                                             \
	X(_ZdlPv, (void *p), (p))                                              \
	X(_ZdaPv, (void *p), (p))                                              \
	X(_ZdlPvm, (void *p, size_t n), (p, n))                                \
	X(_ZdaPvm, (void *p, size_t n), (p, n))                                \
	X(_ZdlPvRKSt9nothrow_t, (void *p, const void *tag), (p, tag))          \
	X(_ZdaPvRKSt9nothrow_t, (void *p, const void *tag), (p, tag))          \
	X(_ZdlPvSt11align_val_t, (void *p, size_t align), (p, align))          \
	X(_ZdaPvSt11align_val_t, (void *p, size_t align), (p, align))          \
	X(_ZdlPvmSt11align_val_t, (void *p, size_t n, size_t align),           \
	  (p, n, align))                                                       \
	X(_ZdaPvmSt11align_val_t, (void *p, size_t n, size_t align),           \
	  (p, n, align))                                                       \
	X(_ZdlPvSt11align_val_tRKSt9nothrow_t,                                 \
	  (void *p, size_t align, const void *tag), (p, align, tag))           \
	X(_ZdaPvSt11align_val_tRKSt9nothrow_t,                                 \
	  (void *p, size_t align, const void *tag), (p, align, tag))

static struct {
#define X(name, parameters, ...) void *(*name)parameters;
	NEWS(X)
#undef X
#define X(name, parameters, arguments) void(*name) parameters;
	DELETES(X)
#undef X
} next;

/* Which of them the next allocator itself brings: those never come by our
 * malloc and free. It may bring some and leave others (the aligned ones, say)
 * to libstdc++. */
static struct {
#define X(name, ...) bool name;
	NEWS(X)
	DELETES(X)
#undef X
} is_recorded;

static void *
object_of(void *function)
{
	Dl_info info;

	return function != NULL && dladdr(function, &info) != 0 ? info.dli_fbase
								: NULL;
}

void
shim_new_resolve(void)
{
	void *symbol = dlsym(RTLD_NEXT, "_Znwm");
	void *allocator;

	/* A C host: spares twenty look-ups that fail. */
	if (symbol == NULL) {
		lks_real_forget_errors();
		return;
	}
	memcpy(&allocator, &lks_real.malloc, sizeof(allocator));
	allocator = object_of(allocator);
#define X(name, ...)                                                           \
	symbol = dlsym(RTLD_NEXT, #name);                                      \
	memcpy(&next.name, &symbol, sizeof(symbol));                           \
	is_recorded.name = allocator != NULL && object_of(symbol) == allocator;
	NEWS(X)
	DELETES(X)
#undef X
	lks_real_forget_errors();
}

/* libstdc++'s, wherever it was loaded; NULL: it was not. */
static void *
find_loaded(const char *name)
{
	void *library = dlopen("libstdc++.so.6", RTLD_NOLOAD | RTLD_LAZY);
	void *symbol;

	if (library == NULL)
		library = dlopen("libc++.so.1", RTLD_NOLOAD | RTLD_LAZY);
	if (library == NULL)
		return NULL;
	symbol = dlsym(library, name);
	/* It stays loaded as long as its callers are. */
	dlclose(library);
	return symbol;
}

/* After a new of the next allocator: records p, unless that new came by our
 * malloc after all. */
static void
record_new(void *p, size_t size, const struct lks_regs *regs)
{
	if (p == NULL || !shim_enter())
		return;
	if (!lks_record_knows((uintptr_t)p) && !shim_is_skipped(size))
		shim_record(p, size, regs);
	shim_leave();
}

static void *
plain_new(size_t size, size_t align, const struct lks_regs *regs)
{
	if (size == 0)
		size = 1;
	if (!shim_is_skipped(size))
		return shim_alloc(align, size, regs);
	return align == 0 ? lks_real.malloc(size)
			  : lks_real.aligned_alloc(align, size);
}

#define X(name, parameters, arguments, size, align)                            \
	void *name parameters;                                                 \
	LKS_EXPORT void *name parameters                                       \
	{                                                                      \
		struct lks_regs regs = LKS_REGS_OF_CALLER();                   \
		void *(*real)parameters = next.name;                           \
		void *symbol;                                                  \
		void *p;                                                       \
                                                                               \
		if (real != NULL) {                                            \
			p = real arguments;                                    \
			if (is_recorded.name)                                  \
				record_new(p, size, &regs);                    \
			return p;                                              \
		}                                                              \
		p = plain_new(size, align, &regs);                             \
		if (p != NULL)                                                 \
			return p;                                              \
		symbol = find_loaded(#name);                                   \
		if (symbol == NULL)                                            \
			return NULL;                                           \
		memcpy(&real, &symbol, sizeof(symbol));                        \
		return real arguments;                                         \
	}
NEWS(X)
#undef X

/* True: the record is out, the guard is up, shim_leave must follow. */
static bool
forget(void *p)
{
	if (p == NULL || !shim_enter())
		return false;
	shim_forget(p);
	return true;
}

#define X(name, parameters, arguments)                                         \
	void name parameters;                                                  \
	LKS_EXPORT void name parameters                                        \
	{                                                                      \
		bool entered;                                                  \
                                                                               \
		if (next.name == NULL) {                                       \
			shim_free(p);                                          \
			return;                                                \
		}                                                              \
		entered = is_recorded.name && forget(p);                       \
		next.name arguments;                                           \
		if (entered)                                                   \
			shim_leave();                                          \
	}
DELETES(X)
#undef X
