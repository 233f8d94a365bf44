#include "job.h"

#include <stdatomic.h>

#include "../proto/status.h"
#include "cloned.h"
#include "counters.h"
#include "dump.h"
#include "encode.h"
#include "marks.h"
#include "msg.h"
#include "opts.h"
#include "request.h"
#include "scratch.h"
#include "sink.h"
#include "state.h"
#include "status.h"
#include "sys.h"

/* The pending word: a bit per trigger, and one for the status file alone, for
 * marks, for dumps and for scrapes. */
#define REFRESH_BIT (1u << 15)
#define MARK_BIT (1u << 16)
#define DUMP_BIT (1u << 17)
#define SCRAPE_BIT (1u << 18)
#define TRIGGER_BITS 0x7fffu

/* With a token: what it was given for, if not for the status file. */
#define FOR_SNAPSHOT (1u << 31)
#define FOR_MARK (1u << 30)
#define FOR_DUMP (1u << 29)
#define FOR_SCRAPE (1u << 28)
#define TOKEN_BITS 0xffffffu
/* With a token that no writer may answer yet (lks_job_collect). */
#define ASKED (1u << 27)
#define COLLECTED (1u << 26)

/* How often a waiting thread looks whether the writer was killed. */
#define LOOK_NS 50000000u

/* The writer's word while somebody cleans up after one: no tid. */
#define CLEANING (-1)

static _Atomic uint32_t asked;                     /* bits, not collected yet */
static _Atomic uint32_t pending;                   /* bits, for the writer */
static _Atomic uint32_t tokens[LKS_STATUS_TOKENS]; /* 0 = free */
static _Atomic uint64_t request_ns; /* of the oldest pending; 0 = none */
static _Atomic int32_t writer;

/* Guard of the rest: who is the writer. */
static struct lks_snap snap;
static struct lks_status status;
static uint64_t last_sequence; /* of snapshots and dumps alike */

static _Atomic int64_t live_bytes;        /* summed from the threads' reports */
static _Atomic int64_t live_bytes_before; /* at the last snapshot */
static _Atomic bool growth_told;          /* until a snapshot is taken */

/* --- requests --- */

/* Kept until it is answered. With every place taken one is lost, and whoever
 * gave it waits in vain: that many askers at once are not waiting for us. */
static void
keep_token(uint32_t token)
{
	token |= ASKED;
	for (uint32_t i = 0; i < LKS_STATUS_TOKENS; i++) {
		uint32_t none = 0;

		if (atomic_compare_exchange_strong_explicit(
			    &tokens[i], &none, token, memory_order_relaxed,
			    memory_order_relaxed))
			return;
	}
	atomic_store_explicit(&tokens[0], token, memory_order_relaxed);
}

static void
post(uint32_t bit)
{
	uint64_t none = 0;

	atomic_compare_exchange_strong_explicit(&request_ns, &none,
						lks_clock_ns(CLOCK_MONOTONIC),
						memory_order_relaxed,
						memory_order_relaxed);
	/* After the token, and before the look for a writer. */
	atomic_fetch_or_explicit(&asked, bit, memory_order_seq_cst);
}

void
lks_job_post(enum lks_trigger trigger, uint32_t token)
{
	if (token != 0)
		keep_token(token | FOR_SNAPSHOT);
	post(1u << trigger);
}

void
lks_job_post_refresh(uint32_t token)
{
	if (token != 0)
		keep_token(token);
	post(REFRESH_BIT);
}

/* Without a token there is no request. */
void
lks_job_post_mark(uint32_t token)
{
	keep_token(token | FOR_MARK);
	post(MARK_BIT);
}

void
lks_job_post_dump(uint32_t token)
{
	keep_token(token | FOR_DUMP);
	post(DUMP_BIT);
}

void
lks_job_post_scrape(uint32_t token)
{
	keep_token(token | FOR_SCRAPE);
	post(SCRAPE_BIT);
}

static bool
is_for_the_writer(void)
{
	/* seq_cst: pairs with lks_job_admit, against let_go */
	return atomic_load_explicit(&pending, memory_order_seq_cst) != 0;
}

bool
lks_job_is_pending(void)
{
	/* seq_cst: pairs with post, against let_go */
	return atomic_load_explicit(&asked, memory_order_seq_cst) != 0 ||
	       is_for_the_writer();
}

/* Tokens marked `from` are marked `to`, 0 = not at all. */
static void
mark_tokens(uint32_t from, uint32_t to)
{
	for (uint32_t i = 0; i < LKS_STATUS_TOKENS; i++) {
		uint32_t token =
			atomic_load_explicit(&tokens[i], memory_order_relaxed);

		/* If it fails, the 65th asker has overwritten it. */
		if ((token & from) != 0)
			atomic_compare_exchange_strong_explicit(
				&tokens[i], &token, (token & ~from) | to,
				memory_order_relaxed, memory_order_relaxed);
	}
}

uint32_t
lks_job_collect(void)
{
	uint32_t bits =
		atomic_exchange_explicit(&asked, 0, memory_order_seq_cst);

	mark_tokens(ASKED, COLLECTED);
	return bits;
}

void
lks_job_admit(uint32_t bits)
{
	mark_tokens(COLLECTED, 0);
	/* seq_cst, before the look for a writer: pairs with let_go */
	atomic_fetch_or_explicit(&pending, bits, memory_order_seq_cst);
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

	/* seq_cst, when it fails too: pairs with let_go, which looks for
	 * requests after it. Whoever finds a writer has posted before. */
	return atomic_compare_exchange_strong_explicit(&writer, &nobody, self,
						       memory_order_seq_cst,
						       memory_order_seq_cst);
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
	int32_t found = dead;

	/* Two threads may see its end. */
	if (dead == 0 || !atomic_compare_exchange_strong_explicit(
				 &writer, &found, CLEANING,
				 memory_order_acquire, memory_order_relaxed))
		return;
	lks_state_disable("a writer was killed while it wrote a snapshot");
	lks_count(snapshot_failures);
	lks_sink_recover();
	lks_sink_fail("the writer was killed", 0);
	lks_scratch_recover();
	let_go();
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
foremost(uint32_t bits)
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

/* *live: what is live by then, as growth is counted. */
static bool
write_file(int64_t *live)
{
	if (!lks_snap_take(&snap)) {
		lks_sink_fail(lks_snap_error(), 0);
		return false;
	}
	/* After it: growth begins where this file ends, not when it was asked
	 * for. */
	*live = atomic_load_explicit(&live_bytes, memory_order_relaxed);
	return lks_sink_open() && lks_encode(&snap) &&
	       lks_sink_publish(snap.sequence);
}

static void
begin_snap(enum lks_trigger trigger, enum lks_way way, uint64_t asked_ns)
{
	snap = (struct lks_snap){
		.trigger = trigger,
		.way = way,
		.sequence = last_sequence + 1,
		.request_ns = asked_ns,
	};
}

static void
write_snapshot(enum lks_trigger trigger, enum lks_way way, uint64_t asked_ns)
{
	int64_t live = atomic_load_explicit(&live_bytes, memory_order_relaxed);

	begin_snap(trigger, way, asked_ns);
	if (write_file(&live)) {
		last_sequence = snap.sequence;
		status.sequence = snap.sequence;
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

/* Neither a number nor the growth since the last snapshot changes: nobody but
 * the asker may notice. */
static void
write_scrape(enum lks_way way, uint64_t asked_ns)
{
	bool done = false;

	begin_snap(LKS_TRIGGER_BELL, way, asked_ns);
	snap.sequence = 0;
	lks_sink_begin_scrape();
	if (lks_snap_take(&snap))
		done = lks_sink_open_scrape() && lks_encode(&snap) &&
		       lks_sink_publish_scrape();
	else
		lks_sink_fail(lks_snap_error(), 0);
	if (!done) {
		lks_sink_discard();
		lks_count(snapshot_failures);
		lks_msg("no snapshot for who asked: %s",
			lks_sink_scrape_error());
	}
	lks_scratch_clear();
}

static void
take_mark(uint32_t token)
{
	static struct lks_request request; /* guard: who is the writer */

	if (lks_request_read(token, &request) && request.has_mark &&
	    lks_marks_add(request.mark, request.mark_length))
		lks_request_done(token);
}

/* One at a time, and the status file after each: it tells the asker where its
 * dump is. */
static void
take_dump(uint32_t token, enum lks_way way, uint64_t asked_ns)
{
	begin_snap(LKS_TRIGGER_BELL, way, asked_ns);
	/* Among the snapshots, for who sorts them all by sequence. */
	if (lks_dump_write(&snap, token))
		last_sequence = snap.sequence;
	else
		lks_count(snapshot_failures);
	lks_scratch_clear();
}

static uint32_t
take_token(_Atomic uint32_t *place)
{
	uint32_t token =
		atomic_exchange_explicit(place, 0, memory_order_relaxed);

	status.tokens[status.token_count++ % LKS_STATUS_TOKENS] = token &
								  TOKEN_BITS;
	return token & TOKEN_BITS;
}

/*
 * Into the status, before the work: who gives a token now is answered by what
 * is read from now on. One given for a snapshot, a scrape or a mark waits for
 * its bit, if that has not been seen. Marks are taken here; dumps are not.
 */
static void
take_tokens(uint32_t bits)
{
	uint32_t left = FOR_DUMP | ASKED | COLLECTED;

	if ((bits & TRIGGER_BITS) == 0)
		left |= FOR_SNAPSHOT;
	if ((bits & SCRAPE_BIT) == 0)
		left |= FOR_SCRAPE;
	if ((bits & MARK_BIT) == 0)
		left |= FOR_MARK;
	for (uint32_t i = 0; i < LKS_STATUS_TOKENS; i++) {
		uint32_t token =
			atomic_load_explicit(&tokens[i], memory_order_relaxed);

		if (token == 0 || (token & left) != 0)
			continue;
		/* Nobody but us empties a place; one that is full may be
		 * overwritten by the 65th asker. */
		if (token & FOR_MARK)
			take_mark(take_token(&tokens[i]));
		else
			take_token(&tokens[i]);
	}
}

/* One dump, if one is asked for. */
static void
serve_dump(enum lks_way way, uint64_t asked_ns)
{
	bool served = false;

	for (uint32_t i = 0; i < LKS_STATUS_TOKENS; i++) {
		uint32_t token =
			atomic_load_explicit(&tokens[i], memory_order_relaxed);

		if ((token & FOR_DUMP) == 0 ||
		    (token & (ASKED | COLLECTED)) != 0)
			continue;
		if (served) {
			/* The next round's. */
			atomic_fetch_or_explicit(&pending, DUMP_BIT,
						 memory_order_seq_cst);
			return;
		}
		served = true;
		take_dump(take_token(&tokens[i]), way, asked_ns);
	}
}

/* Does what is pending, once; false: nothing was. */
static bool
serve_once(enum lks_way way)
{
	uint64_t asked_ns =
		atomic_exchange_explicit(&request_ns, 0, memory_order_relaxed);
	uint32_t bits =
		atomic_exchange_explicit(&pending, 0, memory_order_seq_cst);
	uint64_t cpu_ns = lks_clock_ns(CLOCK_THREAD_CPUTIME_ID);

	if (bits == 0)
		return false;
	if (asked_ns == 0)
		asked_ns = lks_clock_ns(CLOCK_MONOTONIC);
	take_tokens(bits);
	if ((bits & TRIGGER_BITS) != 0)
		write_snapshot(foremost(bits), way, asked_ns);
	if ((bits & SCRAPE_BIT) != 0)
		write_scrape(way, asked_ns);
	if ((bits & DUMP_BIT) != 0)
		serve_dump(way, asked_ns);
	status.cpu_ns += lks_clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_ns;
	status.with_totals = true;
	if (!lks_status_write(&status))
		lks_msg("the status file cannot be written");
	return true;
}

void
lks_job_serve(enum lks_way way, int32_t self)
{
	/* With ledger=deep the helper asks the allocator before each snapshot,
	 * which a writer can't: what comes in meanwhile is the helper's. */
	bool all = way != LKS_WAY_HELPER;

	do {
		while (serve_once(way) && all)
			;
		let_go();
		/* Admitted after the last look and before we let go: whoever
		 * did saw that there was a writer. */
	} while (all && is_for_the_writer() && lks_job_claim(self));
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
	if (!lks_status_first(&status))
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
	atomic_store_explicit(&asked, 0, memory_order_relaxed);
	atomic_store_explicit(&pending, 0, memory_order_relaxed);
	atomic_store_explicit(&request_ns, 0, memory_order_relaxed);
	atomic_store_explicit(&writer, 0, memory_order_relaxed);
	for (uint32_t i = 0; i < LKS_STATUS_TOKENS; i++)
		atomic_store_explicit(&tokens[i], 0, memory_order_relaxed);
	status = (struct lks_status){ .sequence = 0 };
	last_sequence = 0;
	atomic_store_explicit(&live_bytes_before,
			      atomic_load_explicit(&live_bytes,
						   memory_order_relaxed),
			      memory_order_relaxed);
	atomic_store_explicit(&growth_told, false, memory_order_relaxed);
}
