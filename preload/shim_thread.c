/*
 * The interposed thread functions: who created a thread, and whether anything
 * of it is still held.
 *
 * thrd_create calls libc's inner pthread_create, so nothing is seen twice.
 */
#include <errno.h>
#include <pthread.h>
#include <threads.h>

#include "boot.h"
#include "real.h"
#include "sandbox.h"
#include "shim.h"
#include "sys.h"
#include "threads.h"
#include "writer.h"

/* An entry's reference travels through the one pointer that a thread gets. */
static void *
pack(struct lks_thread_ref ref)
{
	return (void *)((uintptr_t)ref.serial << 32 | ref.entry);
}

static struct lks_thread_ref
unpack(void *argument)
{
	return (struct lks_thread_ref){
		.entry = (uint32_t)(uintptr_t)argument,
		.serial = (uint32_t)((uintptr_t)argument >> 32),
	};
}

/*
 * First of all in a new thread: its stack's bounds, before any call of its
 * own. What to run comes back in *info.
 */
static void
begin(struct lks_thread_ref ref, uintptr_t frame, struct lks_thread_info *info)
{
	lks_tls.guard = LKS_GUARD_OWN;
	/* Our caller's frame is the outermost that is ever asked for. */
	lks_threads_run(ref, pthread_self(), lks_sys_gettid(),
			frame + 2 * sizeof(void *), info);
	lks_tls.self = ref;
	lks_tls_learn(&info->bounds);
	lks_tls_leave();
}

static void *
run_pthread(void *argument)
{
	struct lks_thread_info info;

	begin(unpack(argument), (uintptr_t)__builtin_frame_address(0), &info);
	return ((void *(*)(void *))info.start)((void *)info.argument);
}

static int
run_thrd(void *argument)
{
	struct lks_thread_info info;

	begin(unpack(argument), (uintptr_t)__builtin_frame_address(0), &info);
	return ((thrd_start_t)info.start)((void *)info.argument);
}

static uint64_t
stack_bytes_of(const pthread_attr_t *attr)
{
	pthread_attr_t defaults;
	size_t bytes = 0;

	if (attr != NULL) {
		pthread_attr_getstacksize(attr, &bytes);
	} else if (pthread_attr_init(&defaults) == 0) {
		pthread_attr_getstacksize(&defaults, &bytes);
		pthread_attr_destroy(&defaults);
	}
	return bytes;
}

/* Entry 0: the thread goes untracked. */
static struct lks_thread_ref
prepare(const struct lks_regs *regs, pthread_t *where,
	const pthread_attr_t *attr, uintptr_t start, void *argument)
{
	struct lks_thread_ref ref = { 0, 0 };
	int detached = PTHREAD_CREATE_JOINABLE;

	lks_real_resolve();
	if (!shim_enter())
		return ref;
	lks_writer_helper_ensure();
	if (!lks_tls.known)
		lks_tls_learn(NULL);
	if (attr != NULL)
		pthread_attr_getdetachstate(attr, &detached);
	ref = lks_threads_create(shim_capture(regs), start, (uintptr_t)argument,
				 where, stack_bytes_of(attr),
				 detached == PTHREAD_CREATE_DETACHED);
	shim_leave();
	return ref;
}

static void
created(struct lks_thread_ref ref, bool succeeded)
{
	if (!shim_enter())
		return;
	if (succeeded)
		lks_threads_created(ref);
	else
		lks_threads_cancel(ref);
	shim_leave();
}

LKS_EXPORT int
pthread_create(pthread_t *thread, const pthread_attr_t *attr,
	       void *(*start)(void *), void *argument)
{
	struct lks_regs regs = LKS_REGS_OF_CALLER();
	struct lks_thread_ref ref;
	int error;

	ref = prepare(&regs, thread, attr, (uintptr_t)start, argument);
	if (ref.entry == 0)
		return lks_real.pthread_create(thread, attr, start, argument);
	/* The guard is down: what libc allocates for a thread is the host's. */
	error = lks_real.pthread_create(thread, attr, run_pthread, pack(ref));
	created(ref, error == 0);
	return error;
}

LKS_EXPORT int
thrd_create(thrd_t *thread, thrd_start_t start, void *argument)
{
	struct lks_regs regs = LKS_REGS_OF_CALLER();
	struct lks_thread_ref ref;
	int result;

	ref = prepare(&regs, thread, NULL, (uintptr_t)start, argument);
	if (ref.entry == 0)
		return lks_real.thrd_create(thread, start, argument);
	result = lks_real.thrd_create(thread, run_thrd, pack(ref));
	created(ref, result == thrd_success);
	return result;
}

static struct lks_thread_ref
find(pthread_t thread)
{
	struct lks_thread_ref ref = { 0, 0 };

	lks_real_resolve();
	if (shim_enter()) {
		ref = lks_threads_find(thread);
		shim_leave();
	}
	return ref;
}

static void
ended(struct lks_thread_ref ref, void (*tell)(struct lks_thread_ref))
{
	if (ref.entry != 0 && shim_enter()) {
		tell(ref);
		shim_leave();
	}
}

/*
 * Join and detach: the entry is looked up while the handle is still the
 * thread's, and told after the call succeeded. The guard is down during the
 * call: joining waits, and the host may cancel it.
 */
#define ENDS(type, success, thread, call, tell)                                \
	do {                                                                   \
		struct lks_thread_ref ref = find(thread);                      \
		type result = (call);                                          \
                                                                               \
		if (result == (success))                                       \
			ended(ref, tell);                                      \
		return result;                                                 \
	} while (0)

LKS_EXPORT int
pthread_join(pthread_t thread, void **value)
{
	ENDS(int, 0, thread, lks_real.pthread_join(thread, value),
	     lks_threads_joined);
}

LKS_EXPORT int
pthread_tryjoin_np(pthread_t thread, void **value)
{
	ENDS(int, 0, thread, lks_real.pthread_tryjoin_np(thread, value),
	     lks_threads_joined);
}

LKS_EXPORT int
pthread_timedjoin_np(pthread_t thread, void **value,
		     const struct timespec *deadline)
{
	ENDS(int, 0, thread,
	     lks_real.pthread_timedjoin_np(thread, value, deadline),
	     lks_threads_joined);
}

LKS_EXPORT int
pthread_clockjoin_np(pthread_t thread, void **value, clockid_t clock,
		     const struct timespec *deadline)
{
	ENDS(int, 0, thread,
	     lks_real.pthread_clockjoin_np(thread, value, clock, deadline),
	     lks_threads_joined);
}

LKS_EXPORT int
pthread_detach(pthread_t thread)
{
	ENDS(int, 0, thread, lks_real.pthread_detach(thread),
	     lks_threads_detached);
}

LKS_EXPORT int
thrd_join(thrd_t thread, int *value)
{
	ENDS(int, thrd_success, (pthread_t)thread,
	     lks_real.thrd_join(thread, value), lks_threads_joined);
}

LKS_EXPORT int
thrd_detach(thrd_t thread)
{
	ENDS(int, thrd_success, (pthread_t)thread, lks_real.thrd_detach(thread),
	     lks_threads_detached);
}

LKS_EXPORT _Noreturn void
pthread_exit(void *value)
{
	lks_real_resolve();
	/* The key's destructor tells the end, and main has no key before its
	 * first recorded call. Dormant too: there may be a helper. */
	if (!lks_tls.known && lks_tls.guard == LKS_GUARD_DOWN &&
	    !lks_sandbox_forbids(LKS_NEED_RECORD) && lks_boot_is_complete()) {
		lks_tls.guard = LKS_GUARD_OWN;
		lks_tls_learn(NULL);
		shim_leave();
	}
	lks_real.pthread_exit(value);
}
