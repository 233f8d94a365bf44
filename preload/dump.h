/*
 * The dump: a snapshot with every live block in it, at the companion's
 * request. It is written by the same writer, shard by shard, and published by
 * the same rules, but is not among the snapshots that keep= counts.
 *
 * Static state belongs to who holds the writer (job.h).
 */
#pragma once

#include "../proto/limits.h"
#include "lks.h"
#include "snap.h"

/* WRITER. Writes the dump that the request with `token` asks for. `snap` has
 * what its caller sets. False: there is no file. What came of it is kept, for
 * the status file. */
bool lks_dump_write(struct lks_snap *snap, uint32_t token);

struct lks_dump_result {
	uint32_t token;
	bool failed;
	char text[LKS_PATH_BYTES]; /* the path, or why there is none */
};

/* WRITER. Of the last LKS_STATUS_DUMPS dumps, 0 = the newest; NULL past the
 * last. */
const struct lks_dump_result *lks_dump_result(uint32_t i);

/* FORK, in the child. */
void lks_dump_fork_child(void);
