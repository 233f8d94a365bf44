/*
 * Where a program would be tracked: the user, the directory, the environment
 * and the limits that it is started with; ours, or those of a process that is
 * to be started again as it was.
 *
 * Paths are as we can open them: a process in a container sees other ones.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../analyzer/strbuf.h"
#include "target.h"

/* Supplementary groups kept, the kernel's bound (NGROUPS_MAX). */
#define EXAM_PLACE_GROUPS_MAX 65536

struct exam_place {
	const struct target *target; /* NULL = here; borrowed */
	const char *root;            /* "" or "/proc/PID/root"; borrowed */
	char *directory;             /* NULL = unknown; owned */
	char *environment; /* NAME=VALUE, each with its NUL; NULL = ours */
	size_t environment_bytes;
	struct strbuf assigned; /* NAME=VALUE and NUL: goes before the above */
	uid_t uid;
	gid_t gid;
	gid_t *groups; /* owned */
	size_t group_count;
	uint64_t address_space_bytes; /* RLIMIT_AS; UINT64_MAX = none */
	uint64_t file_size_bytes;     /* RLIMIT_FSIZE; the same */
	uint64_t cgroup_bytes;        /* memory limit; 0 = none or unknown */
};

void exam_place_here(struct exam_place *place);
/* What may not be looked at is as it is here. */
void exam_place_of(struct exam_place *place, const struct target *target);
void exam_place_release(struct exam_place *place);

/* The value of a variable, NULL if it is not set. Borrowed from the place. */
const char *exam_place_getenv(const struct exam_place *place, const char *name);

/* Sets one for the program, as env(1) does: "NAME=VALUE". */
void exam_place_setenv(struct exam_place *place, const char *assignment);

/* The process may use the file or directory `path`, which is one of the
 * place's root, in the ways of access(2). 0, or -1 with errno. */
int exam_place_access(const struct exam_place *place, const char *path,
		      int mode);

/* An absolute path of the place as we can open it; the caller frees it. */
char *exam_place_path(const struct exam_place *place, const char *path)
	__attribute__((warn_unused_result, returns_nonnull));
