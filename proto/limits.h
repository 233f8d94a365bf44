/*
 * Bounds that the shim and the tools agree on, each with its reason.
 *
 * A bound that only one side knows stands in that side's header. What happens
 * at a bound is said where it is enforced, counted in Losses where something
 * is lost, and tested.
 */
#pragma once

/* Frames per stack. 256 covers deep recursion without making the per-thread
 * scratch larger than a page. depth= is at most this. */
#define LKS_DEPTH_MAX 256
#define LKS_DEPTH_DEFAULT 64

/* Stacks (= sites): 24 bits of a live-table slot. 16 M sites of 64 bytes are
 * the whole default memory cap, so the cap is met first. */
#define LKS_STACKS_MAX ((1u << 24) - 1)

/* Frames stored in the depot. 16 M nodes of 16 bytes are 256 MiB. */
#define LKS_NODES_MAX ((1u << 24) - 1)

/* Modules ever seen at distinct places: 16 bits of a code address. */
#define LKS_MODULES_MAX 65535

/* Executable segments remembered of one module (ELF objects have one). */
#define LKS_SEGMENTS_MAX 4

/* Mean of a sample, in bytes. The distance to the next one is some tens of
 * means at most and must fit a signed word, and readers multiply it by counts;
 * beyond this, nothing would be sampled anyway. */
#define LKS_SAMPLE_MAX (1ull << 40)

/* Age cohorts in a snapshot. */
#define LKS_COHORTS 64

/* Bytes of argv kept: as much as a status line can show. */
#define LKS_ARGV_BYTES 4096

/* Longest path the shim writes to or reads. PATH_MAX of Linux. */
#define LKS_PATH_BYTES 4096

/* One top-level field of a snapshot. Readers refuse more, so a hostile length
 * cannot make them allocate without bound. */
#define LKS_FIELD_BYTES (1u << 20)

/* Marks that a process keeps: the older ones are in older snapshots. */
#define LKS_MARKS_MAX 256
/* One mark, its NUL included: a name and a number, not a log line. */
#define LKS_MARK_BYTES 256

/* Bytes of each block that a dump takes at most: enough to see what it is. */
#define LKS_CONTENTS_MAX 256

/* Snapshot after gunzip. 16 M sites and nodes stay below it. */
#define LKS_SNAPSHOT_BYTES (4ull << 30)

/* Bytes of a status file and of a request that lies beside it. */
#define LKS_STATUS_BYTES 65536
#define LKS_REQUEST_BYTES 4096
