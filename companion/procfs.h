/*
 * The one reader of /proc.
 *
 * A process is held by a descriptor on its /proc directory: once it has ended
 * every read fails with ESRCH, also when its pid was given to another one. So
 * a caller can't mix up two processes, however slowly it looks.
 *
 * Like system calls, functions return -1 and set errno: ESRCH the process has
 * ended, EACCES or EPERM we may not look, EPROTO the text is not what proc(5)
 * says.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Threads looked at; a process with more is judged by its first. */
#define PROCFS_THREADS_MAX 100000

struct procfs {
	pid_t pid; /* as we see it */
	int fd;    /* of /proc/PID; owned. For most files: procfs_body.h */
};

/* From stat. */
struct procfs_stat {
	char state; /* R S D T t Z X I */
	pid_t ppid;
	uint64_t threads;     /* field 20 */
	uint64_t start_ticks; /* field 22 */
};

/* From status, of the process's main thread or of another one. */
struct procfs_status {
	char state;
	pid_t tgid;
	uid_t real_uid;
	uid_t effective_uid;
	uid_t saved_uid;
	/* Number of the process (or thread) in its own, innermost namespace,
	 * and in how many nested ones it is visible to us: 1 = ours. */
	pid_t own_pid;
	unsigned int pid_depth;
	uint64_t blocked; /* SigBlk; bit n - 1 is signal n */
	uint64_t caught;  /* SigCgt */
	uint64_t filters; /* of seccomp; 0 before Linux 5.9, which counts them */
	bool dumping;     /* its core is being written: it ends after that */
};

/* Takes hold of `pid`. */
int procfs_open(struct procfs *proc, pid_t pid)
	__attribute__((warn_unused_result));
void procfs_close(struct procfs *proc);

int procfs_stat(const struct procfs *proc, struct procfs_stat *out)
	__attribute__((warn_unused_result));
/* True if every thread has ended and only the parent's wait is missing. */
bool procfs_is_zombie(const struct procfs_stat *stat);

/* `tid` is as we see it; 0 = the process. */
int procfs_status(const struct procfs *proc, pid_t tid,
		  struct procfs_status *out)
	__attribute__((warn_unused_result));

/* Inode of a namespace of the process: kind is "pid", "mnt" ... */
int procfs_namespace(const struct procfs *proc, const char *kind,
		     uint64_t *inode) __attribute__((warn_unused_result));

/* True if absolute paths of the process lead elsewhere than ours: another
 * mount namespace or another root. False as well where we may not look. */
bool procfs_other_root(const struct procfs *proc);

/* Whether a file whose base name is `name` is mapped: 1 or 0. */
int procfs_maps(const struct procfs *proc, const char *name)
	__attribute__((warn_unused_result));

/* An inside uid (in the process's user namespace) of an outside one (ours).
 * False if it has none. Where we may not look, or the namespace is ours, both
 * are the same. */
bool procfs_inside_uid(const struct procfs *proc, uid_t outside, uid_t *inside);

/*
 * Calls `visit` for each thread with its tid as we see it, until one call
 * returns non-zero, which is then the result; 0 after the last.
 */
int procfs_each_thread(const struct procfs *proc,
		       int (*visit)(pid_t tid, void *arg), void *arg);

/* The parsers of the above; pure. `text` is terminated by NUL. */
int procfs_parse_stat(const char *text, struct procfs_stat *out);
int procfs_parse_status(const char *text, struct procfs_status *out);
/* A /proc/PID/uid_map. */
bool procfs_parse_uid_map(const char *text, uid_t outside, uid_t *inside);
