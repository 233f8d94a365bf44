#include "tls.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "arena.h"
#include "cloned.h"
#include "epoch.h"
#include "lock.h"
#include "opts.h"
#include "record.h"
#include "sandbox.h"
#include "site.h"
#include "sys.h"
#include "writer.h"

/* A main stack without limit is taken to be no larger than this. */
#define MAIN_STACK_MAX (1ul << 30)
/* A thread that we did not start is taken to have no larger stack. */
#define FOREIGN_STACK_MAX (8ul << 20)
/* glibc keeps the values of the first keys in the thread itself; setting a
 * later one would allocate. */
#define INLINE_KEYS 32

__thread struct lks_tls lks_tls __attribute__((tls_model("initial-exec")));

static pthread_key_t key;
static bool have_key;
static uintptr_t main_stack_end; /* 0: unknown */
static uintptr_t main_stack_size;
static _Atomic uint32_t thread_count; /* ever known; deals stripes, streams */
static struct lks_lock lock;
static struct lks_thread *free_blocks; /* guard: lock */
static uint32_t spare_memos;           /* guard: lock; of free blocks */

/* Bit i: stripe LKS_SHARED_STRIPES + i is some thread's. */
static _Atomic uint32_t stripes_taken;

#define ALL_STRIPES ((1u << LKS_OWN_STRIPES) - 1)

static uint8_t
take_stripe(uint32_t number)
{
	uint32_t taken =
		atomic_load_explicit(&stripes_taken, memory_order_relaxed);

	while (taken != ALL_STRIPES) {
		const uint32_t i = (uint32_t)__builtin_ctz(~taken);

		/* acquire: pairs with the release below; the additions of
		 * whoever had it are seen */
		if (atomic_compare_exchange_weak_explicit(
			    &stripes_taken, &taken, taken | 1u << i,
			    memory_order_acquire, memory_order_relaxed))
			return (uint8_t)(LKS_SHARED_STRIPES + i);
	}
	return (uint8_t)(number % LKS_SHARED_STRIPES);
}

/* What the thread still does is counted in a shared one. */
static void
give_stripe_back(void)
{
	const uint32_t stripe = lks_tls.stripe;

	lks_tls.stripe = (uint8_t)(stripe % LKS_SHARED_STRIPES);
	lks_compiler_barrier();
	if (stripe >= LKS_SHARED_STRIPES)
		atomic_fetch_and_explicit(
			&stripes_taken, ~(1u << (stripe - LKS_SHARED_STRIPES)),
			memory_order_release);
}

void
lks_tls_give_back(void)
{
	struct lks_thread *block = lks_tls.block;

	lks_tls.block = NULL;
	if (block == NULL)
		return;
	if (block->memo.ring_bytes > LKS_MEMO_SMALL_BYTES ||
	    spare_memos >= LKS_SPARE_MEMOS) /* a hint, read without the lock */
		lks_memo_release(&block->memo);
	if (lks_lock_take(&lock, LKS_RANK_ARENA)) {
		block->next = free_blocks;
		free_blocks = block;
		spare_memos += block->memo.space != NULL;
		lks_lock_drop(&lock);
	}
}

/*
 * Runs in the ending thread, whichever way it ends. Puts itself off while
 * glibc still has rounds, so that other keys' destructors run before it.
 */
static void
thread_ends(void *self)
{
	if (++lks_tls.destructor_rounds < PTHREAD_DESTRUCTOR_ITERATIONS) {
		pthread_setspecific(key, self);
		return;
	}
	lks_tls.guard = LKS_GUARD_OWN;
	lks_record_thread_ends();
	lks_writer_report_net(lks_tls.net_bytes);
	lks_tls.net_bytes = 0;
	lks_tls.late = true;
	give_stripe_back();
	lks_tls_give_back();
	if (lks_tls.self.entry != 0)
		lks_threads_exit(lks_tls.self);
	if (!lks_sandbox_forbids(LKS_NEED_RECORD))
		lks_writer_thread_ended(lks_sys_gettid() == lks_sys_getpid());
	lks_tls_leave();
}

bool
lks_tls_init(void)
{
	struct rlimit64 limit = { 0, 0 };
	void *const *end = dlsym(RTLD_DEFAULT, "__libc_stack_end");

	if (end != NULL)
		main_stack_end = (uintptr_t)*end;
	main_stack_size = MAIN_STACK_MAX;
	if (lks_sys4(SYS_prlimit64, 0, RLIMIT_STACK, NULL, &limit) == 0 &&
	    limit.rlim_cur < MAIN_STACK_MAX)
		main_stack_size = limit.rlim_cur;
	if (pthread_key_create(&key, thread_ends) == 0) {
		have_key = key < INLINE_KEYS;
		if (!have_key)
			pthread_key_delete(key);
	}
	return have_key;
}

static struct lks_bounds
main_bounds(void)
{
	struct lks_bounds bounds = { 0, main_stack_end };

	if (main_stack_end > main_stack_size)
		bounds.lo = main_stack_end - main_stack_size;
	return bounds;
}

/* glibc puts a thread's descriptor on top of its stack. */
static struct lks_bounds
foreign_bounds(void)
{
	uintptr_t top = (uintptr_t)__builtin_thread_pointer();
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	if (here >= top || top - here > FOREIGN_STACK_MAX)
		return (struct lks_bounds){ 0, 0 };
	return (struct lks_bounds){ top - FOREIGN_STACK_MAX, top };
}

void
lks_tls_learn(const struct lks_bounds *bounds)
{
	uint32_t number = atomic_fetch_add_explicit(&thread_count, 1,
						    memory_order_relaxed);

	/* Once: a handler may have made the thread known before it begins.
	 * Without a key nobody would give it back. */
	if (!lks_tls.known)
		lks_tls.stripe =
			have_key ? take_stripe(number)
				 : (uint8_t)(number % LKS_SHARED_STRIPES);
	lks_tls.ticks = 1;
	lks_tls.pace = 1;
	if (bounds != NULL)
		lks_tls.bounds = *bounds;
	else if (lks_sys_gettid() == lks_sys_getpid())
		lks_tls.bounds = main_bounds();
	else
		lks_tls.bounds = foreign_bounds();
	lks_sampler_start(&lks_tls.sampler, number);
	if (have_key)
		pthread_setspecific(key, &lks_tls);
	lks_tls.known = true;
}

struct lks_thread *
lks_tls_block_slow(void)
{
	struct lks_thread *block = NULL;

	if (lks_lock_take(&lock, LKS_RANK_ARENA)) {
		block = free_blocks;
		if (block != NULL) {
			free_blocks = block->next;
			spare_memos -= block->memo.space != NULL;
		}
		lks_lock_drop(&lock);
	}
	if (block == NULL)
		block = lks_arena_permanent(sizeof(*block));
	lks_tls.block = block;
	return block;
}

void
lks_tls_tick(void)
{
	uint64_t now = lks_epoch_tick();

	if (now - lks_tls.tick_ns > LKS_TICK_RARE_NS)
		lks_tls.pace = 1;
	else if (lks_tls.pace < LKS_TICK_CALLS)
		lks_tls.pace *= 2;
	lks_tls.ticks = lks_tls.pace;
	lks_tls.tick_ns = now;
	lks_record_tick();
	/* The frees among what is deferred count too. */
	if (lks_tls.net_bytes >= LKS_NET_BYTES && lks_tls.defers &&
	    lks_opts.on_grow_bytes != 0)
		lks_record_settle();
	if (lks_tls.net_bytes >= LKS_NET_BYTES ||
	    lks_tls.net_bytes <= -LKS_NET_BYTES || lks_cloned_is_there()) {
		lks_writer_report_net(lks_tls.net_bytes);
		lks_tls.net_bytes = 0;
	}
}

LKS_NOINLINE void
lks_tls_leave_slow(void)
{
	do {
		lks_tls.guard = LKS_GUARD_OWN;
		lks_tls.pending = 0;
		lks_writer_poll();
		lks_tls.guard = LKS_GUARD_DOWN;
		lks_compiler_barrier();
	} while (lks_tls.pending);
}

void
lks_tls_fork_child(void)
{
	uint32_t number = atomic_fetch_add_explicit(&thread_count, 1,
						    memory_order_relaxed);

	lks_lock_init(&lock);
	/* The other threads are not here. */
	atomic_store_explicit(
		&stripes_taken,
		lks_tls.stripe < LKS_SHARED_STRIPES
			? 0
			: 1u << (lks_tls.stripe - LKS_SHARED_STRIPES),
		memory_order_relaxed);
	/* Parent and child must not draw the same samples. */
	if (lks_tls.known)
		lks_sampler_start(&lks_tls.sampler,
				  (uint64_t)lks_sys_getpid() << 32 | number);
}
