#include "helper.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "arena.h"
#include "cloned.h"
#include "ident.h"
#include "job.h"
#include "ledger.h"
#include "msg.h"
#include "opts.h"
#include "real.h"
#include "record.h"
#include "sandbox.h"
#include "sigmask.h"
#include "sys.h"
#include "threads.h"
#include "timers.h"
#include "tls.h"
#include "trigger.h"
#include "trim.h"
#include "writer.h"

/* Ours needs little; glibc puts the host's thread-local storage there and says
 * EINVAL if that leaves too little. Below it lies a page that faults. */
#define STACK_BYTES (256 * 1024ul)
#define GUARD_BYTES (64 * 1024ul) /* a page, whatever its size */
/* pthread_create calls that try again after it was refused. */
#define ATTEMPTS 3
/* A cloned writer from before there were threads is still at it. */
#define RETRY_NS 10000000u
/* Whether the host's threads have gone: first and longest pause. */
#define GONE_FIRST_NS 1000000u
#define GONE_LAST_NS 1000000000u

/* How long, and in which steps, a thread waits for a status to be written. */
#define SETTLE_NS 100000000u
#define SETTLE_PAUSE_NS 1000000u

/* How long, and in which steps, a host thread waits for the helper's end, and
 * before that for the last of its own threads, which it has joined, to be gone
 * from the kernel's view as well. */
#define RETIRE_TRIES 1000
/* The helper may have to begin yet, or be in the middle of a snapshot. */
#define RETIRE_END_TRIES 5000
#define RETIRE_PAUSE_NS 100000u

enum state { NONE, STARTING, RUNNING };

static _Atomic uint32_t state; /* enum state */
static _Atomic uint32_t wakes; /* futex; counts calls of lks_helper_wake */
static _Atomic int32_t tid;
static _Atomic uint32_t refusals;
static _Atomic bool main_gone;
static _Atomic bool retires; /* asked to end, by lks_helper_retire */
static uint64_t host_mask;   /* of the thread that made us */
static char *stack_memory;   /* guard: who is STARTING; kept */
/* A helper that ends is on it until the process has gone. */
static bool stack_taken;

/* --- the thread --- */

static void
do_jobs(int32_t self)
{
	struct lks_sigmask mask;
	uint32_t collected;
	bool cloned;

	/* Asked faster than it writes it would never get to its end: who has it
	 * retire sees to the rest. */
	while (lks_job_is_pending() &&
	       !atomic_load_explicit(&retires, memory_order_relaxed)) {
		if (lks_sandbox_forbids(LKS_NEED_WRITE))
			return;
		if (!lks_job_claim(self)) {
			lks_cloned_reap();
			return;
		}
		lks_trim_do();
		if (lks_opts.deep)
			lks_ledger_ask_allocator();
		collected = lks_job_collect();
		lks_record_settle();
		lks_job_admit(collected);
		/* What that counted as freed was its owner's growth. */
		lks_writer_report_net(lks_tls.net_bytes);
		lks_tls.net_bytes = 0;
		lks_sigmask_block(&mask);
		cloned = lks_cloned_start(LKS_WAY_HELPER, self);
		lks_sigmask_restore(&mask);
		if (cloned)
			lks_cloned_wait();
		else
			lks_job_serve(LKS_WAY_HELPER, self);
	}
}

/* Nobody left but us and what is left of main, which stays until the process
 * ends. */
static bool
is_alone(void)
{
	return atomic_load_explicit(&main_gone, memory_order_relaxed) &&
	       lks_threads_running() == 0 &&
	       lks_ident_stat_field(LKS_STAT_THREADS) <= 2;
}

static uint64_t
shorter(uint64_t a_ns, uint64_t b_ns)
{
	return a_ns == 0 || (b_ns != 0 && b_ns < a_ns) ? b_ns : a_ns;
}

/* How long to sleep; 0 = until woken. */
static uint64_t
pause_ns(const struct lks_timers *timers, uint64_t *gone_ns)
{
	uint64_t now = lks_clock_ns(CLOCK_MONOTONIC);
	uint64_t pause = lks_timers_pause_ns(timers, now);

	if (lks_job_is_pending())
		pause = shorter(pause, RETRY_NS);
	if (atomic_load_explicit(&main_gone, memory_order_relaxed)) {
		/* The last thread is ending, or works on: ask less and less. */
		pause = shorter(pause, *gone_ns);
		if (*gone_ns < GONE_LAST_NS)
			*gone_ns *= 2;
	}
	return pause;
}

/* Until the host has gone, or lives on without us: true. */
static bool
work(int32_t self)
{
	uint64_t gone_ns = GONE_FIRST_NS;
	struct lks_timers timers;

	lks_timers_start(&timers, lks_clock_ns(CLOCK_MONOTONIC));
	lks_job_post_refresh(0); /* tell the companion our tid */
	for (;;) {
		uint32_t seen =
			atomic_load_explicit(&wakes, memory_order_seq_cst);

		if (lks_trigger_listen())
			lks_job_post_refresh(0);
		lks_timers_look(&timers, lks_clock_ns(CLOCK_MONOTONIC));
		do_jobs(self);
		if (atomic_load_explicit(&retires, memory_order_relaxed))
			return true;
		if (is_alone())
			return false;
		lks_sys_futex_wait(&wakes, seen, pause_ns(&timers, &gone_ns));
	}
}

static void *
helper_main(void *unused)
{
	int32_t self = lks_sys_gettid();
	bool host_lives_on;

	(void)unused;
	/* Nothing is the host's here until the end. */
	lks_tls.guard = LKS_GUARD_OWN;
	lks_sys2(SYS_prctl, PR_SET_NAME, "leakshim");
	lks_sandbox_is_helper(true);
	atomic_store_explicit(&tid, self, memory_order_relaxed);
	atomic_store_explicit(&state, RUNNING, memory_order_relaxed);
	host_lives_on = work(self);
	lks_trigger_stop_listening();
	lks_sandbox_is_helper(false);
	atomic_store_explicit(&tid, 0, memory_order_relaxed);
	/* seq_cst: pairs with lks_helper_wake */
	atomic_store_explicit(&state, NONE, memory_order_seq_cst);
	/* Its signals are not for us then. */
	if (host_lives_on)
		return NULL;
	/* The last thread runs the host's exit handlers, which are recorded as
	 * in any thread of its own. */
	lks_tls_leave();
	lks_sigmask_set(host_mask);
	return NULL;
}

/* --- the host --- */

/* Of our own memory, so that the ledger counts it as ours. */
static char *
take_stack(void)
{
	if (stack_taken)
		return NULL;
	if (stack_memory == NULL) {
		stack_memory =
			lks_arena_map_beyond_cap(GUARD_BYTES + STACK_BYTES);
		if (stack_memory == NULL)
			return NULL;
		lks_sys3(SYS_mprotect, stack_memory, GUARD_BYTES, PROT_NONE);
	}
	stack_taken = true;
	return stack_memory + GUARD_BYTES;
}

/* `stack` NULL: libc's, of the default size. */
static bool
create(char *stack)
{
	pthread_attr_t attr;
	pthread_t handle;
	int result;

	if (pthread_attr_init(&attr) != 0)
		return false;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (stack != NULL)
		pthread_attr_setstack(&attr, stack, STACK_BYTES);
	result = lks_real.pthread_create(&handle, &attr, helper_main, NULL);
	pthread_attr_destroy(&attr);
	return result == 0;
}

void
lks_helper_ensure(void)
{
	uint32_t none = NONE;
	struct lks_sigmask mask;
	uint8_t guard = lks_tls.guard;
	char *stack;
	bool created;

	if (atomic_load_explicit(&refusals, memory_order_relaxed) >= ATTEMPTS ||
	    !atomic_compare_exchange_strong_explicit(&state, &none, STARTING,
						     memory_order_relaxed,
						     memory_order_relaxed))
		return;
	/* It inherits the mask, so that nothing reaches it too early. */
	lks_sandbox_helper_made();
	lks_sigmask_block(&mask);
	/* Up already, but what libc allocates here is no nested call. */
	lks_tls.guard = LKS_GUARD_OWN;
	host_mask = mask.before;
	stack = take_stack();
	created = (stack != NULL && create(stack)) || create(NULL);
	lks_tls.guard = guard;
	lks_sigmask_restore(&mask);
	if (created)
		return;
	/* seq_cst: before the look for what was asked in the meantime. */
	atomic_store_explicit(&state, NONE, memory_order_seq_cst);
	if (atomic_fetch_add_explicit(&refusals, 1, memory_order_relaxed) == 0)
		lks_msg("no helper thread could be created");
	/* Whoever asked saw a helper to come: this call's exit sees to it. */
	if (lks_job_is_pending())
		lks_tls.pending = 1;
}

bool
lks_helper_wake(void)
{
	/* seq_cst, after the job was posted: pairs with the stores of NONE */
	if (atomic_load_explicit(&state, memory_order_seq_cst) == NONE)
		return false;
	/* After the job was posted: pairs with the load before the jobs. */
	atomic_fetch_add_explicit(&wakes, 1, memory_order_seq_cst);
	lks_sys_futex_wake(&wakes, 1);
	return true;
}

bool
lks_helper_settle(void)
{
	uint64_t end = lks_clock_ns(CLOCK_MONOTONIC) + SETTLE_NS;
	static const uint32_t word;

	if (atomic_load_explicit(&state, memory_order_relaxed) == NONE)
		return false;
	while ((lks_job_is_pending() || lks_job_writer() != 0) &&
	       lks_clock_ns(CLOCK_MONOTONIC) < end)
		lks_sys_futex_wait(&word, 0, SETTLE_PAUSE_NS);
	return true;
}

static void
pause_retiring(void)
{
	static const uint32_t word;

	lks_sys_futex_wait(&word, 0, RETIRE_PAUSE_NS);
}

/* True: the caller and the helper are all there is. Without /proc the thread
 * ledger says. */
static bool
host_has_one_thread(void)
{
	for (int i = 0; i < RETIRE_TRIES; i++) {
		if (lks_ident_stat_field(LKS_STAT_THREADS) <= 2)
			return lks_threads_running() == 0;
		if (lks_threads_running() != 0)
			return false;
		pause_retiring();
	}
	return false;
}

/* One that was made a moment ago counts already, and says who it is once it has
 * run. 0: there is none, or it does not get to run. */
static int32_t
started_helper(void)
{
	for (int i = 0; i < RETIRE_END_TRIES; i++) {
		if (atomic_load_explicit(&state, memory_order_relaxed) !=
		    STARTING)
			break;
		pause_retiring();
	}
	return lks_helper_tid();
}

bool
lks_helper_retire(void)
{
	int32_t helper = started_helper();
	bool gone = false;

	if (helper == 0 || !host_has_one_thread())
		return false;
	atomic_store_explicit(&retires, true, memory_order_relaxed);
	for (int i = 0; i < RETIRE_END_TRIES && !gone; i++) {
		lks_helper_wake();
		pause_retiring();
		/* Any task has a number, not only a process. */
		gone = lks_sys2(SYS_kill, helper, 0) == -ESRCH;
	}
	atomic_store_explicit(&retires, false, memory_order_relaxed);
	/* Then its stack is free for the next one. */
	if (gone)
		stack_taken = false;
	return gone;
}

int32_t
lks_helper_tid(void)
{
	return atomic_load_explicit(&tid, memory_order_relaxed);
}

void
lks_helper_thread_ended(bool main_thread)
{
	if (main_thread)
		atomic_store_explicit(&main_gone, true, memory_order_relaxed);
	if (atomic_load_explicit(&main_gone, memory_order_relaxed))
		lks_helper_wake();
}

void
lks_helper_fork_child(void)
{
	atomic_store_explicit(&state, NONE, memory_order_relaxed);
	atomic_store_explicit(&tid, 0, memory_order_relaxed);
	atomic_store_explicit(&refusals, 0, memory_order_relaxed);
	lks_sandbox_is_helper(false);
	atomic_store_explicit(&main_gone, false, memory_order_relaxed);
	atomic_store_explicit(&retires, false, memory_order_relaxed);
	stack_taken = false;
}
