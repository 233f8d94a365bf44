/*
 * The status file of a tracked process, as ../proto/status.h describes it,
 * read as what it is: the word of another program, which may lie.
 *
 * A file counts only if it lies in a directory that nobody but `owner` can
 * write, is a regular file of `owner`, and has at most LKS_STATUS_BYTES. Then
 * it is parsed as a whole or refused as a whole. That it is true is not
 * checked here; what follows from it (bell.h) is done so that a lie hurts
 * only the liar.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../analyzer/err.h"

enum status_state {
	STATUS_ON,
	STATUS_DORMANT,
	STATUS_OFF,
};

/* What came of a dump that was asked for. */
struct status_dump {
	uint64_t token;
	bool failed;
	const char *text; /* path or reason; borrowed from the text */
};

struct status_loss {
	const char *name; /* as in snapshot.proto; borrowed from the text */
	uint64_t count;
};

/* One field per key, see ../proto/status.h. A key that is not in the file
 * leaves "" or 0. Strings lie in `text` and are decoded. */
struct status {
	char *text; /* owned */
	enum status_state state;
	const char *version;
	const char *exe;
	const char *state_name;
	const char *reason;
	const char *options;
	const char *mode;
	const char *unwind;
	const char *out;
	const char *out_note;
	const char *signal_note;
	const char *bell_note;
	const char *snapshot;
	const char *error;
	const char *scrape_error; /* of the last one that was nobody's but its
				   * asker's */
	uint64_t pid;             /* these two are always in the file */
	uint64_t start_ticks;
	uint64_t ppid;
	uint64_t sample;
	uint64_t signal;
	uint64_t bell;
	uint64_t helper;
	uint64_t sequence;
	uint64_t snapshot_ns;
	uint64_t *tokens; /* owned; of what was completed lately */
	size_t token_count;
	uint64_t updated_ns;
	uint64_t cpu_ns;
	/* Counting takes the process some time, so that a file written
	 * otherwise than for a request has no totals. */
	bool has_totals;
	uint64_t live_objects;
	uint64_t live_bytes;
	uint64_t alloc_objects;
	uint64_t alloc_bytes;
	uint64_t free_objects;
	uint64_t free_bytes;
	uint64_t threads_running;
	uint64_t threads_unjoined;
	uint64_t own_bytes;
	uint64_t longest_hold_ns;
	struct status_loss *losses; /* owned */
	size_t loss_count;
	struct status_dump *dumps; /* owned */
	size_t dump_count;
	const char **messages; /* owned; the strings are not */
	size_t message_count;
};

/* Where one is looked for. */
struct status_place {
	/* Directory that is "/" for the process, -1 = ours. Borrowed. */
	int root;
	/* How we name that directory: "" or "/proc/PID/root". */
	char prefix[32];
	char directory[64]; /* absolute, below the root */
	char name[48];
	uid_t owner; /* as we see it */
};

/*
 * Reads the file at `place`. Returns 1, or 0 where there is none, or -1 with
 * `err` (ERR_TARGET) where there is one that does not count. `out` is the
 * caller's to release after 1 only.
 */
int status_read(struct status *out, const struct status_place *place,
		struct err *err) __attribute__((warn_unused_result));

/*
 * The directory of `place`, which passed the checks, for files beside the one
 * there: a descriptor for the *at() calls, the caller's. -1 with `err`
 * (ERR_TARGET).
 */
int status_open_directory(const struct status_place *place, struct err *err)
	__attribute__((warn_unused_result));

/* Removes the file at `place` if it still is the one in `seen`: same pid and
 * start. Says nothing if it can't. */
void status_remove(const struct status_place *place, const struct status *seen);

/*
 * Removes from the directory of `place` (whose name is not used) the files of
 * processes in this pid namespace that ended without doing so (kill -9), only
 * `owner`'s and a bounded number. It must be the caller's own namespace.
 */
void status_sweep(const struct status_place *place, uint64_t pid_namespace);

/*
 * Parses `text`, which is owned and freed by the result, also on failure.
 * Changes it in place. `bytes` is its length without the final NUL. `label`
 * names it in messages.
 */
int status_parse(struct status *out, char *take_text, size_t bytes,
		 const char *label, struct err *err)
	__attribute__((warn_unused_result));

/* The loss that is none but a shift: one block of 2^count is recorded since the
 * memory cap was met. */
#define STATUS_THINNING "thinning_shift"

/* How much was lost by that name, 0 if the file has no such line. */
uint64_t status_loss(const struct status *status, const char *name);

/* What came of the dump with this token; NULL: the file does not say. */
const struct status_dump *status_find_dump(const struct status *status,
					   uint64_t token);

/* Whether the request with this token was completed. */
bool status_answers(const struct status *status, uint64_t token);

void status_release(struct status *status);
