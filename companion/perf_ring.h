/*
 * What the kernel's sampler writes (perf_event_open(2)): a ring of records, read
 * from bytes, with no system call, so that tests can make them.
 *
 * The kernel fills it while it is read: the caller gets `end` by an acquiring
 * load of data_head, and gives `at` back by a releasing store to data_tail once
 * a record is done with.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A record's length is 16 bits. */
#define PERF_RING_RECORD_MAX 65536
/* General registers, and where the thread is: what unwinding needs. */
#define PERF_RING_REGISTERS 17

struct perf_ring {
	const unsigned char *data; /* borrowed */
	uint64_t bytes;            /* a power of 2 */
	/* What is read and what is written, counted from the beginning, not
	 * from the last turn of the ring. */
	uint64_t at;
	uint64_t end;
	/* A record that goes on at the ring's beginning. */
	unsigned char whole[PERF_RING_RECORD_MAX];
};

enum perf_ring_kind {
	PERF_RING_EMPTY,
	PERF_RING_SAMPLE,
	PERF_RING_LOST,   /* there was no room for so many records */
	PERF_RING_MAPPED, /* code was mapped */
	PERF_RING_OTHER,
	/* What no kernel writes. Nothing behind it can be read. */
	PERF_RING_BROKEN,
};

struct perf_record {
	pid_t pid; /* of a sample */
	pid_t tid;
	/* In the order of the kernel's numbers; false: it had none, as it was
	 * ending, or is no 64-bit program. */
	bool has_registers;
	uint64_t registers[PERF_RING_REGISTERS];
	/* From the stack pointer up. Borrowed until the next call. */
	const unsigned char *stack;
	size_t stack_bytes;
	uint64_t lost; /* of PERF_RING_LOST */
};

/*
 * The next record, and moves `at` behind it. A sample has to be of the types
 * PERF_SAMPLE_TID, PERF_SAMPLE_REGS_USER with PERF_RING_REGISTERS registers, and
 * PERF_SAMPLE_STACK_USER.
 */
enum perf_ring_kind perf_ring_next(struct perf_ring *ring,
				   struct perf_record *out)
	__attribute__((warn_unused_result));
