/*
 * Who this process is: what names it among all processes there ever were.
 * Read once at boot by system calls, again in a forked child.
 */
#pragma once

#include "../proto/limits.h"
#include "lks.h"

struct lks_ident {
	char boot_id[40];
	char host[65];
	uint64_t pid_namespace;
	int32_t pid;
	int32_t parent_pid;
	uint64_t start_ticks;
	char exe[LKS_PATH_BYTES];
	char name[256];            /* what it was started as: %e, only= */
	char argv[LKS_ARGV_BYTES]; /* each terminated by NUL */
	uint32_t argv_bytes;
	char start_directory[LKS_PATH_BYTES];
	uint64_t start_wall_ns; /* of the process's tracking; %t */
	uint64_t fork_wall_ns;  /* 0 = not a fork's child */
	uint32_t fork_threads;  /* the parent's other ones (snapshot.proto) */
	uint32_t page_bytes;
	uint64_t memory_limit_bytes; /* cgroup's, 0 = none or unknown */
};

extern struct lks_ident lks_ident;

/* BOOT. */
void lks_ident_init(void);
/* FORK, in the child. */
void lks_ident_fork_child(void);

/* Any context. Number n >= 3 of /proc/self/stat, as proc(5) counts; 0 = it
 * can't be read. */
uint64_t lks_ident_stat_field(int n);
#define LKS_STAT_THREADS 20
#define LKS_STAT_START_TICKS 22
