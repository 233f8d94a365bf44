/*
 * What a snapshot says about its process as a whole, besides the tables of
 * model.h. Field by field as in ../proto/snapshot.proto, which says what each
 * one means; repeated here are only the forms that differ.
 *
 * Texts are NUL-terminated, never NULL ("" = absent) and owned by the model.
 * They come from an untrusted file: print them by strbuf_add_printable.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../proto/limits.h"

struct option_fact {
	const char *key;
	const char *value;
};

struct cohort_bin {
	uint64_t from_s;
	uint64_t to_s;
};

/* Why a snapshot was taken: numbers of the file format, where a newer shim may
 * have others. reader_facts.c holds them to it. */
enum trigger {
	TRIGGER_SIGNAL = 1,
	TRIGGER_BELL = 2,
	TRIGGER_INTERVAL = 3,
	TRIGGER_GROW = 4,
	TRIGGER_LIMIT = 5,
	TRIGGER_EXIT = 6,
	TRIGGER_INSIDE = 7,
};

struct header {
	uint32_t schema_version;
	const char *shim_version;
	struct option_fact *options;
	uint32_t option_count;

	const char *boot_id;
	const char *host;
	uint64_t pid_namespace;
	uint32_t pid;
	uint32_t parent_pid;
	uint64_t start_ticks;
	const char *exe;
	/* Of profiles: hexadecimal. Snapshots have it with the module. */
	const char *exe_build_id;
	/* Of profiles that know nothing of the heap: what they count,
	 * "goroutines" or "threads", else "". A literal. */
	const char *counted;
	const char **argv;
	uint32_t argv_count;
	uint32_t uid;
	const char *machine;
	uint32_t page_bytes;

	uint64_t wall_ns;
	uint64_t monotonic_ns;
	uint64_t start_wall_ns;
	uint64_t start_monotonic_ns;
	uint64_t fork_wall_ns;
	uint32_t fork_threads;
	uint64_t late_ns; /* dormant before the start */

	uint64_t sequence;
	uint32_t trigger; /* enum trigger, or unknown to us */
	uint32_t way;

	uint64_t sample_bytes; /* 1 = exact; never 0 */
	uint32_t count_scale;  /* never 0; 1 once unbias.h was applied */
	uint32_t depth;
	const char *unwind;
	struct cohort_bin cohort_bins[LKS_COHORTS];
	uint32_t cohort_bin_count;
	uint64_t inherited_before_s;
	uint64_t memory_limit_bytes;
};

/* The lines of the memory ledger: the name that machines read (CSV), and the
 * words that people read. rss is the sum of the rest. */
#define LEDGER_LINES(X)                                                        \
	X(rss, "resident memory (RSS)")                                        \
	X(live_heap, "live heap")                                              \
	X(allocator_retained, "kept by the allocator")                         \
	X(direct_mmap, "mapped directly")                                      \
	X(thread_stacks, "thread stacks")                                      \
	X(files, "files")                                                      \
	X(shared, "shared memory")                                             \
	X(shim, "leakshim itself")                                             \
	X(unexplained, "unexplained")

enum ledger_line {
#define X(name, words) LEDGER_##name,
	LEDGER_LINES(X)
#undef X
		LEDGER_LINE_COUNT
};

struct ledger {
	bool present; /* false: it could not be measured, all else is 0 */
	int64_t bytes[LEDGER_LINE_COUNT]; /* only unexplained may be < 0 */
	uint64_t swap_bytes;
	uint64_t virtual_bytes;
	uint64_t thread_count;
	uint64_t mapping_count;
	uint64_t cgroup_bytes;
};

/* Losses that are counts, in file order, with words for people, which the
 * report and `leakshim status` print. `disabled_because` and `thinning_shift`
 * are not counts (format_thinning has the words for the latter). */
#define LOSSES(X)                                                              \
	X(dropped_allocs, "allocations not recorded")                          \
	X(dropped_frees, "frees missed: their blocks still count as live")     \
	X(truncated_stacks, "allocations whose call stack lacks outer frames") \
	X(unknown_frees, "frees of blocks never seen")                         \
	X(implicit_frees, "blocks freed without our notice")                   \
	X(reentrant_calls, "calls inside another call (signal handlers)")      \
	X(early_calls, "calls before tracking could start")                    \
	X(depot_overflows, "allocations without room for their call stack")    \
	X(size_clamped, "blocks of 1 TiB or more, counted as 1 TiB")           \
	X(map_failures, "refusals of memory by the kernel")                    \
	X(snapshot_failures, "snapshots that could not be written")            \
	X(snapshots_removed, "older snapshots removed so far (keep=)")         \
	X(threads_untracked, "threads missing from the thread list")           \
	X(modules_unknown, "modules without room in the module list")          \
	X(late_calls, "calls without a call stack: their thread was ending")   \
	X(cohort_overflows, "live blocks without an age")                      \
	X(marks_lost, "marks that found no room")                              \
	X(abandoned_calls, "calls that a signal handler did not return to")    \
	X(settle_timeouts, "waits for a thread's latest calls given up")       \
	X(skipped_blocks, "live blocks left out: their table stayed locked")

struct losses {
#define X(name, words) uint64_t name;
	LOSSES(X)
#undef X
	uint32_t thinning_shift;
	const char *disabled_because; /* "" = it was not */
};

struct mark {
	const char *text;
	uint64_t wall_ns;
	uint64_t monotonic_ns;
};

struct trailer {
	uint64_t longest_hold_ns;
	uint64_t write_ns;
	uint64_t shim_mapped_bytes;
};
