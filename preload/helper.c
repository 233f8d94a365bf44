#include "helper.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>

#include "cloned.h"
#include "ident.h"
#include "job.h"
#include "ledger.h"
#include "msg.h"
#include "opts.h"
#include "real.h"
#include "sigmask.h"
#include "sys.h"
#include "threads.h"
#include "tls.h"
#include "trigger.h"

/* Ours needs little; glibc adds the host's thread-local storage and says
 * EINVAL if that leaves too little. */
#define STACK_BYTES (256 * 1024ul)
/* pthread_create calls that try again after it was refused. */
#define ATTEMPTS 3
/* A cloned writer from before there were threads is still at it. */
#define RETRY_NS 10000000u
/* on=limit, and whether the host's threads have gone. */
#define LOOK_NS 1000000000u
#define GONE_FIRST_NS 1000000u
/* Percent points that memory must fall before on=limit fires again. */
#define LIMIT_SLACK 5u

enum state { NONE, STARTING, RUNNING };

static _Atomic uint32_t state; /* enum state */
static _Atomic uint32_t wakes; /* futex; counts calls of lks_helper_wake */
static _Atomic int32_t tid;
static _Atomic uint32_t refusals;
static _Atomic bool main_gone;
static uint64_t host_mask; /* of the thread that made us */

/* --- the thread --- */

struct timers {
	uint64_t interval_ns; /* next moment of CLOCK_MONOTONIC; 0 = none */
	uint64_t limit_ns;
	uint64_t gone_ns; /* pause until the next look */
	bool limit_armed;
	uint64_t blocked; /* the signal mask in force */
};

/* The bell may change its number. */
static void
block_all_but_ours(struct timers *t)
{
	int user = lks_trigger_signal();
	int bell = lks_trigger_bell();
	uint64_t blocked = ~LKS_SIGSET_GLIBC;

	if (user != 0)
		blocked &= ~lks_sigset_of(user);
	if (bell != 0)
		blocked &= ~lks_sigset_of(bell);
	if (blocked != t->blocked)
		lks_sigmask_set(blocked);
	t->blocked = blocked;
}

static void
do_jobs(int32_t self)
{
	struct lks_sigmask mask;
	bool cloned;

	while (lks_job_is_pending()) {
		if (!lks_job_claim(self)) {
			lks_cloned_reap();
			return;
		}
		if (lks_opts.deep)
			lks_ledger_ask_allocator();
		lks_sigmask_block(&mask);
		cloned = lks_cloned_start(LKS_WAY_HELPER, self);
		lks_sigmask_restore(&mask);
		if (cloned)
			lks_cloned_wait();
		else
			lks_job_serve(LKS_WAY_HELPER, self);
	}
}

static void
look_at_interval(struct timers *t, uint64_t now)
{
	if (t->interval_ns == 0 || now < t->interval_ns)
		return;
	lks_job_post(LKS_TRIGGER_INTERVAL, 0);
	/* What was missed, in a stopped process, is not made up for. */
	t->interval_ns += ((now - t->interval_ns) / lks_opts.interval_ns + 1) *
			  lks_opts.interval_ns;
}

/* Second number of statm: resident pages. */
static uint64_t
resident_bytes(void)
{
	char text[128];
	const char *at = text;
	uint64_t pages = 0;

	lks_sys_slurp("/proc/self/statm", text, sizeof(text));
	if (!lks_parse_u64(&at, &pages) || *at++ != ' ' ||
	    !lks_parse_u64(&at, &pages))
		return 0;
	return pages * lks_ident.page_bytes;
}

static void
look_at_limit(struct timers *t, uint64_t now)
{
	uint64_t limit = lks_ident.memory_limit_bytes;
	uint64_t percent;

	if (t->limit_ns == 0 || now < t->limit_ns)
		return;
	t->limit_ns = now + LOOK_NS;
	percent = resident_bytes() * 100 / limit;
	if (t->limit_armed && percent >= lks_opts.on_limit_percent) {
		t->limit_armed = false;
		lks_job_post(LKS_TRIGGER_LIMIT, 0);
	} else if (percent + LIMIT_SLACK < lks_opts.on_limit_percent) {
		t->limit_armed = true;
	}
}

/* Threads of the process, 0 = unknown: field 20 of stat. The name before may
 * hold anything, so fields are counted from its closing parenthesis. */
static uint64_t
count_threads(void)
{
	char text[1024];
	const char *at;
	uint64_t count = 0;

	lks_sys_slurp("/proc/self/stat", text, sizeof(text));
	at = strrchr(text, ')');
	for (int field = 2; field < 20 && at != NULL; field++) {
		at = strchr(at, ' ');
		if (at != NULL)
			at++;
	}
	if (at != NULL)
		lks_parse_u64(&at, &count);
	return count;
}

/* Nobody left but us and what is left of main, which stays until the process
 * ends. */
static bool
is_alone(void)
{
	uint64_t count;

	if (!atomic_load_explicit(&main_gone, memory_order_relaxed) ||
	    lks_threads_running() != 0)
		return false;
	count = count_threads();
	return count <= 2;
}

/* How long to sleep; 0 = until woken. */
static uint64_t
pause_ns(struct timers *t, uint64_t now)
{
	uint64_t pause = 0;

#define NO_LONGER_THAN(ns)                                                     \
	do {                                                                   \
		uint64_t at_most = (ns);                                       \
		if (pause == 0 || at_most < pause)                             \
			pause = at_most;                                       \
	} while (0)

	if (lks_job_is_pending())
		NO_LONGER_THAN(RETRY_NS);
	if (t->interval_ns != 0)
		NO_LONGER_THAN(t->interval_ns > now ? t->interval_ns - now : 1);
	if (t->limit_ns != 0)
		NO_LONGER_THAN(t->limit_ns > now ? t->limit_ns - now : 1);
	if (atomic_load_explicit(&main_gone, memory_order_relaxed)) {
		/* The last thread is ending, or works on: ask less and less. */
		NO_LONGER_THAN(t->gone_ns);
		if (t->gone_ns < LOOK_NS)
			t->gone_ns *= 2;
	}
	return pause;
}

static void *
helper_main(void *unused)
{
	int32_t self = lks_sys_gettid();
	uint64_t now = lks_clock_ns(CLOCK_MONOTONIC);
	struct timers t = { .gone_ns = GONE_FIRST_NS, .limit_armed = true };

	(void)unused;
	lks_tls.guard =
		LKS_GUARD_OWN; /* for ever: nothing here is the host's */
	lks_sys2(SYS_prctl, PR_SET_NAME, "leakshim");
	if (lks_opts.interval_ns != 0)
		t.interval_ns = now + lks_opts.interval_ns;
	if (lks_opts.on_limit_percent != 0 && lks_ident.memory_limit_bytes != 0)
		t.limit_ns = now;
	atomic_store_explicit(&tid, self, memory_order_relaxed);
	atomic_store_explicit(&state, RUNNING, memory_order_relaxed);
	lks_job_post_refresh(0); /* tell the companion our tid */
	for (;;) {
		uint32_t seen =
			atomic_load_explicit(&wakes, memory_order_seq_cst);

		block_all_but_ours(&t);
		now = lks_clock_ns(CLOCK_MONOTONIC);
		look_at_interval(&t, now);
		look_at_limit(&t, now);
		do_jobs(self);
		if (is_alone())
			break;
		now = lks_clock_ns(CLOCK_MONOTONIC);
		lks_sys_futex_wait(&wakes, seen, pause_ns(&t, now));
	}
	atomic_store_explicit(&tid, 0, memory_order_relaxed);
	atomic_store_explicit(&state, NONE, memory_order_relaxed);
	/* The last thread runs the host's exit handlers. */
	lks_sigmask_set(host_mask);
	return NULL;
}

/* --- the host --- */

static bool
create(size_t stack_bytes)
{
	pthread_attr_t attr;
	pthread_t handle;
	int result;

	if (pthread_attr_init(&attr) != 0)
		return false;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (stack_bytes != 0)
		pthread_attr_setstacksize(&attr, stack_bytes);
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
	bool created;

	if (atomic_load_explicit(&refusals, memory_order_relaxed) >= ATTEMPTS ||
	    !atomic_compare_exchange_strong_explicit(&state, &none, STARTING,
						     memory_order_relaxed,
						     memory_order_relaxed))
		return;
	/* It inherits the mask, so that nothing reaches it too early. */
	lks_sigmask_block(&mask);
	lks_tls.guard = LKS_GUARD_OWN;
	host_mask = mask.before;
	created = create(STACK_BYTES) || create(0);
	lks_tls.guard = guard;
	lks_sigmask_restore(&mask);
	if (created)
		return;
	atomic_store_explicit(&state, NONE, memory_order_relaxed);
	if (atomic_fetch_add_explicit(&refusals, 1, memory_order_relaxed) == 0)
		lks_msg("no helper thread could be created");
	/* Asked for in the meantime: this call's exit sees to it. */
	if (lks_job_is_pending())
		lks_tls.pending = 1;
}

bool
lks_helper_wake(void)
{
	if (atomic_load_explicit(&state, memory_order_relaxed) == NONE)
		return false;
	/* After the job was posted: pairs with the load before the jobs. */
	atomic_fetch_add_explicit(&wakes, 1, memory_order_seq_cst);
	lks_sys_futex_wake(&wakes, 1);
	return true;
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
	atomic_store_explicit(&main_gone, false, memory_order_relaxed);
}
