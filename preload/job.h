/*
 * The jobs: what was asked for, and who is doing it.
 *
 * What is asked for is one word of bits, so that a handler can add to it and
 * equal requests merge; the tokens of those who wait for an answer are kept
 * beside it. Who is doing it is one word too, the tid of the
 * writer: everything static in sink, status, snap and scratch is its own.
 * A request is posted before the writer's word is looked at, and a writer
 * looks for requests once more after it let go: so none is left lying.
 *
 * What is asked for is not the writer's at once. A snapshot has what happened
 * before it was asked for, deferred changes too (record.h), and a writer can't
 * settle those. So who dispatches collects the requests, settles, and then
 * admits them: one that comes later waits for the next to collect, which is
 * whoever posted it.
 */
#pragma once

#include "lks.h"
#include "snap.h"
#include "writer.h"

/* Any context. Adds a request. `token`: 24 bits, 0 = nobody waits. */
void lks_job_post(enum lks_trigger trigger, uint32_t token);
void lks_job_post_refresh(uint32_t token);
/* These two have a request file, which the token names. */
void lks_job_post_mark(uint32_t token);
void lks_job_post_dump(uint32_t token);
void lks_job_post_scrape(uint32_t token);
bool lks_job_is_pending(void);

/* RECORD, guard up. Takes what was asked for: lks_job_admit must follow, after
 * lks_record_settle. Two threads at it at once: either may admit the other's
 * tokens before that has settled, but not its bits, so that an answer at most is
 * a few changes early. */
uint32_t lks_job_collect(void);
void lks_job_admit(uint32_t collected);

/* Any context. The writer's tid, 0 = none, -1 = one that died is being cleaned
 * up after. `self` is the caller's. */
int32_t lks_job_writer(void);
bool lks_job_claim(int32_t self) __attribute__((warn_unused_result));
/* The claim passes from the one that made a writer to that writer. Either may
 * say so. */
void lks_job_hand_over(int32_t from, int32_t to);
/* Any context, claimed by a cloned writer that is known to be dead: cleans up
 * after it, once however many say so. Tracking ends, since it may have held
 * any lock. */
void lks_job_writer_died(int32_t writer);

/* WRITER, claimed. Does all that was admitted, then lets go. */
void lks_job_serve(enum lks_way way, int32_t self);
/* EXIT. As above, but keeps the claim: nobody writes after. */
void lks_job_serve_last(enum lks_way way);

/* Waits until nobody writes, at most so long. True: claimed by `self`. */
bool lks_job_wait_claim(int32_t self, uint64_t timeout_ns);

/* BOOT and FORK, nobody else writes. The status file, without totals. */
void lks_job_first_status(void);

/* RECORD. on=grow: `net` more live bytes. True: it is time for a snapshot. */
bool lks_job_has_grown(int64_t net);
/* Live bytes more than at the last snapshot, or at the fork. */
int64_t lks_job_growth_bytes(void);

/* FORK, in the child. */
void lks_job_fork_child(void);
