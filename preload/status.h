/*
 * The status file: how the companion finds this process, and what it learns
 * without a snapshot. Its form and place are proto/status.h's.
 *
 * Written whole by who holds the writer (writer.h). A process that changes
 * its user gets a new file under the new one, at the next time of writing.
 */
#pragma once

#include "../proto/status.h"
#include "lks.h"

/* What status.c can't know by itself. */
struct lks_status {
	bool with_totals; /* sum the counters: not in a fork's child */
	uint64_t sequence;
	uint64_t snapshot_wall_ns;
	uint32_t tokens[LKS_STATUS_TOKENS]; /* a ring of the last ones */
	uint32_t token_count;               /* ever */
	uint64_t cpu_ns;
};

/* WRITER, scratch; also BOOT and FORK. False: it could not be written. */
bool lks_status_write(const struct lks_status *status);

/* WRITER. Path of the request that was given with `token`, beside the file
 * that was written last. False: there is none. */
bool lks_status_beside(uint32_t token, char *path, size_t cap);
/* WRITER. Path of the snapshot for an asker beside it, or of the one that is
 * being written. False: there is no file. */
bool lks_status_scrape(char *path, size_t cap, bool unfinished);
/* A directory, '/', and three numbers: enough for every such path. */
#define LKS_STATUS_PATH_BYTES 128

/* BOOT, and FORK in the child: the process's first. Now and then it also removes
 * what others left (sweep.h). */
bool lks_status_first(const struct lks_status *status);

/* EXIT. Removes the file. */
void lks_status_remove(void);

/* FORK: prepare counts the child. In it: the parent's file is not its own. */
void lks_status_fork_prepare(void);
void lks_status_fork_child(void);
