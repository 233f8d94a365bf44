#include "job.h"

#include <stdatomic.h>

#include "cloned.h"
#include "counters.h"
#include "encode.h"
#include "msg.h"
#include "opts.h"
#include "scratch.h"
#include "sink.h"
#include "state.h"
#include "status.h"
#include "sys.h"

/* The pending word: a bit per trigger, one for the status file alone, and the
 * last token in the high half. */
#define REFRESH_BIT (1u << 15)
#define TRIGGER_BITS 0x7fffu
#define TOKEN_SHIFT 32

/* How often a waiting thread looks whether the writer was killed. */
#define LOOK_NS 50000000u

static _Atomic uint64_t pending;
static _Atomic uint64_t request_ns; /* of the oldest pending; 0 = none */
static _Atomic int32_t writer;

/* Guard of the rest: who is the writer. */
static struct lks_snap snap;
static struct lks_status status;

static _Atomic int64_t live_bytes;        /* summed from the threads' reports */
static _Atomic int64_t live_bytes_before; /* at the last snapshot */
static _Atomic bool growth_told;          /* until a snapshot is taken */

/* --- requests --- */

static void
post(uint32_t bits, uint32_t token)
{
	uint64_t before = atomic_load_explicit(&pending, memory_order_relaxed);
	uint64_t none = 0;
	uint64_t after;

	atomic_compare_exchange_strong_explicit(&request_ns, &none,
						lks_clock_ns(CLOCK_MONOTONIC),
						memory_order_relaxed,
						memory_order_relaxed);
	do {
		after = before | bits;
		if (token != 0)
			after = (after & UINT32_MAX) | (uint64_t)token
							       << TOKEN_SHIFT;
	} while (!atomic_compare_exchange_weak_explicit(
		&pending, &before, after, memory_order_seq_cst,
		memory_order_relaxed));
}

void
lks_job_post(enum lks_trigger trigger, uint32_t token)
{
	post(1u << trigger, token);
}

void
lks_job_post_refresh(uint32_t token)
{
	post(REFRESH_BIT, token);
}

bool
lks_job_is_pending(void)
{
	/* seq_cst: pairs with post, against let_go */
	return atomic_load_explicit(&pending, memory_order_seq_cst) != 0;
}

/* --- the writer's word --- */

int32_t
lks_job_writer(void)
{
	return atomic_load_explicit(&writer, memory_order_acquire);
}

bool
lks_job_claim(int32_t self)
{
	int32_t nobody = 0;

	/* acquire: pairs with let_go */
	return atomic_compare_exchange_strong_explicit(&writer, &nobody, self,
						       memory_order_seq_cst,
						       memory_order_relaxed);
}

void
lks_job_hand_over(int32_t from, int32_t to)
{
	atomic_compare_exchange_strong_explicit(
		&writer, &from, to, memory_order_seq_cst, memory_order_relaxed);
}

static void
let_go(void)
{
	/* release, and before the look for requests */
	atomic_store_explicit(&writer, 0, memory_order_seq_cst);
	lks_sys_futex_wake(&writer, INT32_MAX);
}

void
lks_job_writer_died(int32_t dead)
{
	if (dead == 0 || lks_job_writer() != dead)
		return;
	lks_state_disable("a writer was killed while it wrote a snapshot");
	lks_count(snapshot_failures);
	lks_sink_recover();
	lks_sink_fail("the writer was killed", 0);
	lks_scratch_recover();
	lks_job_hand_over(dead, 0);
}

bool
lks_job_wait_claim(int32_t self, uint64_t timeout_ns)
{
	uint64_t end = lks_clock_ns(CLOCK_MONOTONIC) + timeout_ns;

	while (!lks_job_claim(self)) {
		int32_t other = lks_job_writer();

		lks_cloned_reap();
		if (lks_clock_ns(CLOCK_MONOTONIC) >= end)
			return false;
		if (other != 0)
			lks_sys_futex_wait(&writer, (uint32_t)other, LOOK_NS);
	}
	return true;
}

/* --- the work --- */

/* What is told of several that merged: people first, then the timers. */
static enum lks_trigger
foremost(uint64_t bits)
{
	static const enum lks_trigger order[] = {
		LKS_TRIGGER_SIGNAL, LKS_TRIGGER_BELL,  LKS_TRIGGER_INSIDE,
		LKS_TRIGGER_GROW,   LKS_TRIGGER_LIMIT, LKS_TRIGGER_INTERVAL,
	};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if ((bits & 1u << order[i]) != 0)
			return order[i];
	return LKS_TRIGGER_EXIT;
}

static bool
write_file(void)
{
	if (!lks_snap_take(&snap)) {
		lks_sink_fail(lks_snap_error(), 0);
		return false;
	}
	return lks_sink_open() && lks_encode(&snap) &&
	       lks_sink_publish(snap.sequence);
}

static void
write_snapshot(enum lks_trigger trigger, enum lks_way way, uint64_t asked_ns)
{
	int64_t live = atomic_load_explicit(&live_bytes, memory_order_relaxed);

	snap = (struct lks_snap){
		.trigger = trigger,
		.way = way,
		.sequence = status.sequence + 1,
		.request_ns = asked_ns,
	};
	if (write_file()) {
		status.sequence++;
		status.snapshot_wall_ns = snap.wall_ns;
	} else {
		lks_sink_discard();
		lks_count(snapshot_failures);
		lks_msg("no snapshot: %s", lks_sink_error());
	}
	lks_scratch_clear();
	/* After a failure too: it would fail again at once. */
	atomic_store_explicit(&live_bytes_before, live, memory_order_relaxed);
	atomic_store_explicit(&growth_told, false, memory_order_relaxed);
}

/* Does what is pending, once; false: nothing was. */
static bool
serve_once(enum lks_way way)
{
	uint64_t asked_ns =
		atomic_exchange_explicit(&request_ns, 0, memory_order_relaxed);
	uint64_t word =
		atomic_exchange_explicit(&pending, 0, memory_order_seq_cst);
	uint64_t cpu_ns = lks_clock_ns(CLOCK_THREAD_CPUTIME_ID);

	if (word == 0)
		return false;
	if (asked_ns == 0)
		asked_ns = lks_clock_ns(CLOCK_MONOTONIC);
	if ((word & TRIGGER_BITS) != 0)
		write_snapshot(foremost(word), way, asked_ns);
	if (word >> TOKEN_SHIFT != 0)
		status.token = (uint32_t)(word >> TOKEN_SHIFT);
	status.cpu_ns += lks_clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_ns;
	status.with_totals = true;
	if (!lks_status_write(&status))
		lks_msg("the status file cannot be written");
	return true;
}

void
lks_job_serve(enum lks_way way, int32_t self)
{
	do {
		while (serve_once(way))
			;
		let_go();
		/* Posted after the last look and before we let go: whoever
		 * posted it saw that there was a writer. */
	} while (lks_job_is_pending() && lks_job_claim(self));
}

void
lks_job_serve_last(enum lks_way way)
{
	while (serve_once(way))
		;
}

void
lks_job_first_status(void)
{
	status.with_totals = false;
	if (!lks_status_write(&status))
		lks_msg("the status file cannot be written: leakshim status "
			"will not find this process");
}

/* --- growth --- */

int64_t
lks_job_growth_bytes(void)
{
	return atomic_load_explicit(&live_bytes, memory_order_relaxed) -
	       atomic_load_explicit(&live_bytes_before, memory_order_relaxed);
}

bool
lks_job_has_grown(int64_t net)
{
	atomic_fetch_add_explicit(&live_bytes, net, memory_order_relaxed);
	return lks_opts.on_grow_bytes != 0 &&
	       lks_job_growth_bytes() > (int64_t)lks_opts.on_grow_bytes &&
	       !atomic_exchange_explicit(&growth_told, true,
					 memory_order_relaxed);
}

void
lks_job_fork_child(void)
{
	/* What the parent was asked for, and was doing, is its own. */
	atomic_store_explicit(&pending, 0, memory_order_relaxed);
	atomic_store_explicit(&request_ns, 0, memory_order_relaxed);
	atomic_store_explicit(&writer, 0, memory_order_relaxed);
	status = (struct lks_status){ .sequence = 0 };
	atomic_store_explicit(&live_bytes_before,
			      atomic_load_explicit(&live_bytes,
						   memory_order_relaxed),
			      memory_order_relaxed);
	atomic_store_explicit(&growth_told, false, memory_order_relaxed);
}
