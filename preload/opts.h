/*
 * The options: one table for LEAKSHIM=key=value,key=value.
 *
 * Parsed once at boot, without libc. A bad value leaves the default in force
 * and the rest still holds; each complaint is one message (msg.h). `\,` is a
 * comma. Sizes: 4096, 64K, 1M, 2G (powers of 1024). Durations: 30s, 5m, 8h,
 * 1d. The whole string must be the number.
 */
#pragma once

#include "../proto/defaults.h"
#include "../proto/limits.h"
#include "lks.h"
#include "unwind.h"

/* More snapshots than anyone looks at; sink.c keeps a record of each. */
#define LKS_KEEP_MAX 4096

struct lks_opts {
	char out[LKS_PATH_BYTES]; /* as given: with % codes */
	int32_t signal;           /* 0 = none */
	int32_t bell;             /* 0 = none, -1 = any free one */
	uint64_t interval_ns;     /* 0 = none */
	bool on_exit;
	uint64_t on_grow_bytes;    /* 0 = not */
	uint32_t on_limit_percent; /* 0 = not */
	uint64_t sample;           /* 1 = exact */
	uint32_t depth;
	enum lks_unwind_kind unwind;
	uint64_t memory; /* 0 = default: lks_opts_memory */
	uint32_t keep;
	char only[LKS_PATH_BYTES]; /* empty = all */
	bool follow_fork;
	bool follow_exec;
	bool start_off;
	bool deep;
	char log[LKS_PATH_BYTES]; /* empty = none */
	uint64_t seed;            /* 0 = random */
};

extern struct lks_opts lks_opts;

/* BOOT. `text` may be NULL. Fills lks_opts; complaints go to msg.h. */
void lks_opts_parse(const char *text);

/* BOOT, after lks_ident_init. memory= in bytes: as given, else 1G or an eighth
 * of the cgroup's limit, whichever is smaller. */
uint64_t lks_opts_memory(void);

/* The number of keys, and option i as key and value in force, spelled as
 * LEAKSHIM= takes it (value cut at cap - 1). WRITER-safe. */
uint32_t lks_opts_count(void);
const char *lks_opts_get(uint32_t i, char *value, size_t cap);

/* True if the glob only= matches the executable's base name. Pure. */
bool lks_opts_tracks(const char *exe);
