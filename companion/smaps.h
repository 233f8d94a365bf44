/*
 * The mappings of a process, as /proc/PID/smaps lists them, and what the
 * kernel's own total of them (smaps_rollup) says.
 *
 * Both walk the page tables: milliseconds per gigabyte and microseconds per
 * mapping, during which the process can't map or unmap. The caller decides how
 * often that may be.
 *
 * Errors are those of procfs.h, in errno; EFBIG: too many mappings.
 */
#pragma once

#include "../analyzer/strbuf.h"
#include "procfs.h"

/* 16 times what vm.max_map_count allows by default; 200 bytes each. */
#define SMAPS_MAPPINGS_MAX (1u << 20)

enum smaps_kind {
	SMAPS_HEAP,      /* [heap]: what brk made */
	SMAPS_STACK,     /* of the main thread; others have anonymous ones */
	SMAPS_ANONYMOUS, /* private, of no file: malloc, thread stacks */
	SMAPS_FILE,
	SMAPS_SHARED, /* of no file that stays: shm, memfd, SysV */
	SMAPS_VDSO,   /* what the kernel puts there */
	SMAPS_KIND_COUNT,
};

/* All in bytes. The kernel rounds Pss of each mapping down to a KiB. */
struct smaps_amounts {
	uint64_t size;
	uint64_t rss;
	uint64_t pss;
	uint64_t shared_clean;
	uint64_t shared_dirty;
	uint64_t private_clean;
	uint64_t private_dirty;
	uint64_t anonymous;
	uint64_t swap;
	uint64_t swap_pss;
};

struct smaps_mapping {
	uint64_t start;
	uint64_t end;
	uint64_t offset;
	uint64_t device; /* major << 32 | minor */
	uint64_t inode;
	size_t path; /* into smaps.paths */
	enum smaps_kind kind;
	char permissions[5]; /* "rw-p" */
	struct smaps_amounts amounts;
};

/* `{ 0 }` is an empty one. */
struct smaps {
	struct smaps_mapping *list; /* owned; ascending, never overlapping */
	size_t count;
	size_t capacity;
	struct strbuf paths; /* each ends with NUL */
	struct smaps_amounts total;
	struct smaps_amounts by_kind[SMAPS_KIND_COUNT];
};

/* Replaces what is in `maps`, whose memory is used again. */
int smaps_read(struct smaps *maps, const struct procfs *proc)
	__attribute__((warn_unused_result));
void smaps_release(struct smaps *maps);

/* The kernel's total. `size` is 0: it does not tell. */
int smaps_rollup(struct smaps_amounts *out, const struct procfs *proc)
	__attribute__((warn_unused_result));

/* "" for an anonymous one; bytes as the kernel wrote them. Borrowed. */
const char *smaps_path(const struct smaps *maps,
		       const struct smaps_mapping *mapping);

/* "heap", "stack", "anonymous", "file", "shared", "vdso". */
const char *smaps_kind_name(enum smaps_kind kind);

/* What would be freed with the process: its private pages. */
uint64_t smaps_uss(const struct smaps_amounts *amounts);

/* *sum += *more. */
void smaps_add(struct smaps_amounts *sum, const struct smaps_amounts *more);

/* The parser: replaces what is in `maps` by what `text` says. Pure. */
int smaps_parse(struct smaps *maps, const char *text, size_t bytes)
	__attribute__((warn_unused_result));
