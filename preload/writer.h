/*
 * The writer: who writes a snapshot, and when.
 *
 * A multi-threaded host gets a helper thread (made at its first
 * pthread_create, or at start for what only a thread can do: interval=,
 * on=limit, ledger=deep). A single-threaded host stays so: the handler clones
 * a short process that shares the memory (CLONE_VM), writes and ends. Where
 * clone is refused the handler writes itself. An exiting process writes in the
 * exiting thread.
 *
 * One snapshot at a time: the writer's word (job.h) says whose. A request
 * during a snapshot is kept and served after it; equal requests merge.
 */
#pragma once

#include "lks.h"

/* As in snapshot.proto's Trigger. */
enum lks_trigger {
	LKS_TRIGGER_SIGNAL = 1,
	LKS_TRIGGER_BELL = 2,
	LKS_TRIGGER_INTERVAL = 3,
	LKS_TRIGGER_GROW = 4,
	LKS_TRIGGER_LIMIT = 5,
	LKS_TRIGGER_EXIT = 6,
	LKS_TRIGGER_INSIDE = 7,
};

/* BOOT, last: messages no longer go to descriptor 2 when it returns. */
void lks_writer_init(void);

/* Any context of a host thread, handlers included. Asks for a snapshot.
 * `token`: of the bell, 0 = none. Returns at once, except where the handler
 * must write itself. */
void lks_writer_request(enum lks_trigger trigger, uint32_t token);

/* As above, but only the status file is written. */
void lks_writer_refresh(uint32_t token);

/* As above; what is wanted is in the request file (request.h). */
void lks_writer_mark(uint32_t token);
void lks_writer_dump(uint32_t token);

/* As above; the snapshot is for the asker alone (../proto/status.h). */
void lks_writer_scrape(uint32_t token);

/* RECORD. What was asked before is done, or takes too long. */
void lks_writer_settle(void);

/* RECORD, guard up, signals blocked. Before a call that the kernel refuses to
 * processes that share their memory: nobody writes until lks_writer_come_back,
 * and in a host that has one thread again there is no helper. */
void lks_writer_stand_aside(void);
void lks_writer_come_back(void);

/* RECORD, at a hook's exit: tls.pending was set. Guard is up, no lock held. */
void lks_writer_poll(void);

/* RECORD, in the pthread_create wrapper before the real call. Makes the helper
 * if there is none. */
void lks_writer_helper_ensure(void);

/* Tid of the helper, 0 = none. */
int32_t lks_writer_helper_tid(void);

/* A host thread ended, or main called pthread_exit: lets the helper look
 * whether it is alone (then it ends, and the process with it). */
void lks_writer_thread_ended(bool main_thread);

/* EXIT. on=exit snapshot, removal of the status file. Waits for a snapshot
 * under way, at most LKS_EXIT_WAIT_MS. Once per process. */
void lks_writer_exit(void);
#define LKS_EXIT_WAIT_MS 10000

/* RECORD, from the tick: `net` live bytes since the thread's last report.
 * Serves on=grow. */
void lks_writer_report_net(int64_t net);

/* FORK. */
void lks_writer_fork_prepare(void);
void lks_writer_fork_parent(void);
void lks_writer_fork_child(void);
