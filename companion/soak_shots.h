/*
 * The snapshots of a run: of every tracked process that descends from us, with
 * the work that was done when each was taken.
 *
 * Bounded: of each process the shim keeps so many files (keep=); those of
 * processes that ended before their third are removed and counted, and beyond
 * SOAK_SHOTS_MAX all those of the process that ended first.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../analyzer/err.h"
#include "../analyzer/strbuf.h"

#define SOAK_SHOTS_MAX 4096
/* Processes that are followed at once. */
#define SOAK_PROCESSES_MAX 64
/* What a trend needs. */
#define SOAK_SHOTS_TREND 3

struct soak_moment {
	uint64_t units; /* done since the first snapshot */
	uint64_t iteration;
	double elapsed_s;
};

struct soak_shot {
	char *path;  /* owned; as we can open it, by the word of the process */
	uid_t owner; /* of the process: nobody else's files are removed */
	pid_t pid;   /* as we see it */
	uint32_t own_pid;
	uint64_t start_ticks;
	/* When tracking began, by the snapshot: a process that executes a
	 * program begins anew, its sequence as well. */
	uint64_t born_ns;
	uint64_t sequence;
	struct soak_moment moment;
};

/* `{ 0 }` is an empty one. */
struct soak_shots {
	struct soak_shot *list; /* in the order in which they were taken */
	size_t count;
	size_t capacity;
	size_t rounds;      /* how often snapshots were taken */
	size_t short_lived; /* processes that ended before their third */
	size_t removed;     /* files of ours, for SOAK_SHOTS_MAX */
	bool crowd_told;    /* that there are more than SOAK_PROCESSES_MAX */
};

/* Of one process, and one program in it. */
bool soak_shots_are_same(const struct soak_shot *a, const struct soak_shot *b);

void soak_shots_release(struct soak_shots *shots);

/* The tracked descendants, the oldest first, but `main` (0 = none) before all
 * if it is one; at most `most`, how many it wrote. */
size_t soak_shots_tracked(pid_t main, pid_t *pids, size_t most);

/*
 * Takes one of each tracked process. -1 with ERR_STEP or ERR_TARGET: that of
 * `main` could not be had. What became of others is told in `lines`, one each.
 */
int soak_shots_take(struct soak_shots *shots, const struct soak_moment *moment,
		    pid_t main, unsigned int timeout_s, struct strbuf *lines,
		    struct err *err) __attribute__((warn_unused_result));

/* malloc_trim in each. What has no helper thread is told, and left as it is. */
int soak_shots_trim(pid_t main, unsigned int timeout_s, struct strbuf *lines,
		    struct err *err) __attribute__((warn_unused_result));

/* All as CSV, for who wants to know later. */
void soak_shots_csv(const struct soak_shots *shots, const char *unit,
		    struct strbuf *out);
