/*
 * Dispatch: from a request to whoever writes. The helper does, if there is
 * one; else a thread that is not inside a hook makes a cloned writer, and one
 * that is does so when it leaves the hook.
 */
#include "writer.h"

#include <stdatomic.h>

#include "cloned.h"
#include "dump.h"
#include "epoch.h"
#include "helper.h"
#include "ident.h"
#include "job.h"
#include "ledger.h"
#include "marks.h"
#include "msg.h"
#include "opts.h"
#include "record.h"
#include "sandbox.h"
#include "scratch.h"
#include "sigmask.h"
#include "sink.h"
#include "snap.h"
#include "state.h"
#include "status.h"
#include "sys.h"
#include "timers.h"
#include "tls.h"
#include "trigger.h"
#include "trim.h"

/* on=exit in a forked child: one that lived or grew less was made to exec or
 * to do one small thing. */
#define CHILD_LIVED_NS 1000000000u
#define CHILD_GREW_BYTES (1 << 20)

enum exit_state { EXIT_NOT, EXIT_RUNNING, EXIT_DONE };

static _Atomic uint32_t exit_state; /* futex; enum exit_state */

/* Only a thread of ours can see to these. mallinfo2 takes the allocator's
 * locks, which no handler and no cloned writer may. */
static void
ensure_helper(void)
{
	if (lks_state_reason() == NULL &&
	    (lks_timers_wanted() || lks_opts.deep))
		lks_helper_ensure();
}

void
lks_writer_init(void)
{
	lks_ledger_init();
	lks_trim_init();
	lks_sink_init();
	if (lks_opts.on_limit_percent != 0 && lks_ident.memory_limit_bytes == 0)
		lks_msg("on=limit: this process has no cgroup memory limit");
	/* What fails from here on is no refusal of what was asked for. */
	lks_msg_quiet();
	lks_job_first_status();
	ensure_helper();
}

/* What was asked for until now is the writer's, and what was deferred until now
 * is in the tables. */
static void
admit(void)
{
	uint32_t collected = lks_job_collect();

	lks_record_settle();
	lks_job_admit(collected);
}

/*
 * Makes a writer for what is pending, or writes. The guard is up, so that a
 * handler that comes in between only leaves its request, which the writer
 * sees.
 */
static void
begin(void)
{
	int32_t self = lks_sys_gettid();
	uint64_t start = lks_clock_ns(CLOCK_MONOTONIC);
	struct lks_sigmask mask;

	admit();
	lks_sigmask_block(&mask);
	/* Looked at here, where the dispositions are the host's own. */
	lks_trigger_signal();
	lks_trigger_bell();
	lks_cloned_reap();
	if (lks_job_claim(self) && !lks_cloned_start(LKS_WAY_CLONE, self))
		lks_job_serve(LKS_WAY_HOST, self);
	lks_sigmask_restore(&mask);
	lks_hold_tell(lks_clock_ns(CLOCK_MONOTONIC) - start);
}

static void
dispatch(void)
{
	if (lks_helper_wake() || lks_sandbox_forbids(LKS_NEED_WRITE))
		return;
	if (lks_tls.guard != LKS_GUARD_DOWN) {
		lks_tls.pending = 1;
		return;
	}
	do {
		lks_tls.pending = 0;
		lks_tls.guard = LKS_GUARD_OWN;
		begin();
		lks_tls.guard = LKS_GUARD_DOWN;
		lks_compiler_barrier();
	} while (lks_tls.pending);
}

void
lks_writer_request(enum lks_trigger trigger, uint32_t token)
{
	lks_job_post(trigger, token);
	dispatch();
}

void
lks_writer_refresh(uint32_t token)
{
	lks_job_post_refresh(token);
	dispatch();
}

void
lks_writer_mark(uint32_t token)
{
	lks_job_post_mark(token);
	dispatch();
}

void
lks_writer_dump(uint32_t token)
{
	lks_job_post_dump(token);
	dispatch();
}

void
lks_writer_scrape(uint32_t token)
{
	lks_job_post_scrape(token);
	dispatch();
}

void
lks_writer_settle(void)
{
	if (!lks_helper_settle())
		lks_cloned_wait();
}

void
lks_writer_stand_aside(void)
{
	/* It first does what it was asked. */
	if (lks_helper_retire()) {
		/* The companion is to ring for the process from now on. */
		lks_job_post_refresh(0);
		begin();
	}
	lks_cloned_wait();
}

void
lks_writer_come_back(void)
{
	ensure_helper();
}

void
lks_writer_poll(void)
{
	/* A vfork child shares our memory but is not the writer's parent. The
	 * request stays; the parent's next tick sees to it. */
	if (lks_sandbox_forbids(LKS_NEED_WRITE) ||
	    lks_sys_getpid() != lks_ident.pid)
		return;
	if (lks_job_is_pending() && !lks_helper_wake())
		begin();
}

void
lks_writer_helper_ensure(void)
{
	lks_helper_ensure();
}

int32_t
lks_writer_helper_tid(void)
{
	return lks_helper_tid();
}

void
lks_writer_thread_ended(bool main_thread)
{
	lks_helper_thread_ended(main_thread);
}

void
lks_writer_report_net(int64_t net)
{
	if (lks_job_has_grown(net))
		lks_writer_request(LKS_TRIGGER_GROW, 0);
	/* A writer that has finished is a zombie until it is reaped. */
	if (lks_cloned_is_there() && lks_job_writer() == 0 &&
	    !lks_sandbox_forbids(LKS_NEED_WRITE) &&
	    lks_sys_getpid() == lks_ident.pid) {
		lks_cloned_reap();
		if (lks_job_is_pending())
			lks_tls.pending = 1;
	}
}

/* --- exit --- */

static bool
is_worth_a_file(void)
{
	uint64_t lived_ns;

	if (!lks_opts.on_exit || lks_state_page.state == LKS_DORMANT)
		return false;
	if (lks_ident.fork_wall_ns == 0)
		return true;
	lived_ns = lks_clock_ns(CLOCK_REALTIME) - lks_ident.fork_wall_ns;
	return lived_ns > CHILD_LIVED_NS ||
	       lks_job_growth_bytes() + lks_tls.net_bytes > CHILD_GREW_BYTES;
}

/* Another thread is ending the process already: let it finish its file. */
static void
wait_for_other_exit(void)
{
	uint64_t end =
		lks_clock_ns(CLOCK_MONOTONIC) + LKS_EXIT_WAIT_MS * 1000000ull;

	while (atomic_load_explicit(&exit_state, memory_order_acquire) !=
		       EXIT_DONE &&
	       lks_clock_ns(CLOCK_MONOTONIC) < end)
		lks_sys_futex_wait(&exit_state, EXIT_RUNNING, 50000000u);
}

void
lks_writer_exit(void)
{
	uint32_t first = EXIT_NOT;
	struct lks_sigmask mask;

	if (!atomic_compare_exchange_strong_explicit(
		    &exit_state, &first, EXIT_RUNNING, memory_order_acq_rel,
		    memory_order_acquire)) {
		wait_for_other_exit();
		return;
	}
	/* A handler that called _exit now would leave half a file. */
	lks_sigmask_block(&mask);
	lks_record_settle();
	if (is_worth_a_file())
		lks_job_post(LKS_TRIGGER_EXIT, 0);
	if (lks_job_wait_claim(lks_sys_gettid(),
			       LKS_EXIT_WAIT_MS * 1000000ull)) {
		do {
			/* Again: other threads went on while we waited. */
			admit();
			lks_job_serve_last(LKS_WAY_EXIT);
		} while (lks_job_is_pending());
	} else {
		/* A cloned writer outlives us, and may get round to it. */
		admit();
	}
	lks_status_remove();
	lks_cloned_reap();
	lks_sigmask_restore(&mask);
	/* release: pairs with wait_for_other_exit */
	atomic_store_explicit(&exit_state, EXIT_DONE, memory_order_release);
	lks_sys_futex_wake(&exit_state, INT32_MAX);
}

/* --- fork --- */

void
lks_writer_fork_prepare(void)
{
	lks_status_fork_prepare();
	lks_scratch_fork_prepare();
}

void
lks_writer_fork_parent(void)
{
	lks_scratch_fork_parent();
}

void
lks_writer_fork_child(void)
{
	lks_job_fork_child();
	lks_helper_fork_child();
	lks_cloned_fork_child();
	lks_scratch_fork_child();
	lks_sink_fork_child();
	lks_status_fork_child();
	atomic_store_explicit(&exit_state, EXIT_NOT, memory_order_relaxed);
	lks_tls.pending = 0;
	/* Growth begins at the fork. Who forked had taken over the ring of
	 * another thread, whose frees are in here and whose allocations are
	 * not: megabytes, after some forks. */
	lks_tls.net_bytes = 0;
	/* boot.c has just begun the child's first epoch. */
	lks_dump_fork_child();
	lks_marks_fork_child();
	lks_snap_fork_child(lks_epoch_now());
	if (lks_sandbox_forbids(LKS_NEED_WRITE))
		return;
	lks_job_first_status();
	ensure_helper();
}
