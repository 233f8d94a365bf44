/* The records of the kernel's sampler, made by hand as perf_event_open(2)
 * describes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <linux/perf_event.h>

#include <cmocka.h>

#include "../../analyzer/strbuf.h"
#include "../../analyzer/xalloc.h"
#include "../../companion/perf_ring.h"

#define RING_BYTES 4096

/* A ring whose pages end where the mapping ends, for ASan. */
struct made {
	unsigned char *data;
	struct perf_ring *ring;
};

static int
make(void **state)
{
	struct made *made = xcalloc(1, sizeof(*made));

	made->data = xcalloc(1, RING_BYTES);
	made->ring = xcalloc(1, sizeof(*made->ring));
	made->ring->data = made->data;
	made->ring->bytes = RING_BYTES;
	*state = made;
	return 0;
}

static int
unmake(void **state)
{
	struct made *made = *state;

	free(made->data);
	free(made->ring);
	free(made);
	return 0;
}

/* As the kernel does: behind the last, and around the end. */
static void
write_bytes(struct made *made, const void *bytes, size_t len)
{
	const unsigned char *from = bytes;
	size_t i;

	for (i = 0; i < len; i++)
		made->data[made->ring->end++ % RING_BYTES] = from[i];
}

static void
write_record(struct made *made, uint32_t type, const struct strbuf *body)
{
	const struct perf_event_header header = {
		.type = type,
		.size = (uint16_t)(sizeof(header) + body->len),
	};

	write_bytes(made, &header, sizeof(header));
	if (body->len)
		write_bytes(made, body->data, body->len);
}

static void
add_u64(struct strbuf *body, uint64_t value)
{
	strbuf_add(body, &value, sizeof(value));
}

/* Its registers are 100, 101, ...; its stack counts up from 0. */
static void
add_sample(struct strbuf *body, uint32_t tid, uint64_t abi, size_t room,
	   uint64_t copied)
{
	const uint32_t ids[2] = { 42, tid };
	uint64_t i;

	strbuf_add(body, ids, sizeof(ids));
	add_u64(body, abi);
	for (i = 0; abi != PERF_SAMPLE_REGS_ABI_NONE && i < PERF_RING_REGISTERS;
	     i++)
		add_u64(body, 100 + i);
	add_u64(body, room);
	for (i = 0; i < room; i++)
		strbuf_addc(body, (char)i);
	if (room)
		add_u64(body, copied);
}

static void
write_sample(struct made *made, uint32_t tid, size_t room, uint64_t copied)
{
	struct strbuf body = { 0 };

	add_sample(&body, tid, PERF_SAMPLE_REGS_ABI_64, room, copied);
	write_record(made, PERF_RECORD_SAMPLE, &body);
	strbuf_release(&body);
}

static void
assert_next(struct made *made, enum perf_ring_kind kind,
	    struct perf_record *record)
{
	assert_int_equal(perf_ring_next(made->ring, record), kind);
}

static void
sample_has_ids_registers_and_what_was_copied(void **state)
{
	struct made *made = *state;
	struct perf_record record;
	size_t i;

	write_sample(made, 43, 64, 40);
	assert_next(made, PERF_RING_SAMPLE, &record);
	assert_int_equal(record.pid, 42);
	assert_int_equal(record.tid, 43);
	assert_true(record.has_registers);
	for (i = 0; i < PERF_RING_REGISTERS; i++)
		assert_int_equal(record.registers[i], 100 + i);
	/* Not the room that was left. */
	assert_int_equal(record.stack_bytes, 40);
	for (i = 0; i < 40; i++)
		assert_int_equal(record.stack[i], i);
	assert_next(made, PERF_RING_EMPTY, &record);
}

static void
record_that_goes_on_at_the_beginning_is_whole(void **state)
{
	struct made *made = *state;
	struct perf_record record;
	size_t i, turn;

	/* 8 more each time: every place in the ring is an end once. */
	for (turn = 0; turn < RING_BYTES; turn++) {
		write_sample(made, 43, 64 + turn % 32 * 8, 64);
		assert_next(made, PERF_RING_SAMPLE, &record);
		assert_int_equal(record.registers[16], 116);
		assert_int_equal(record.stack_bytes, 64);
		for (i = 0; i < 64; i++)
			assert_int_equal(record.stack[i], i);
	}
	assert_true(made->ring->at > 100 * (uint64_t)RING_BYTES);
	assert_next(made, PERF_RING_EMPTY, &record);
}

static void
records_come_one_after_the_other(void **state)
{
	struct made *made = *state;
	struct strbuf body = { 0 };
	struct perf_record record;

	write_sample(made, 43, 8, 8);
	add_u64(&body, 7); /* the event's */
	add_u64(&body, 1234);
	write_record(made, PERF_RECORD_LOST, &body);
	write_record(made, PERF_RECORD_MMAP2, &body);
	write_record(made, PERF_RECORD_FORK, &body);
	write_record(made, 99, &body);
	write_sample(made, 44, 8, 8);
	assert_next(made, PERF_RING_SAMPLE, &record);
	assert_next(made, PERF_RING_LOST, &record);
	assert_int_equal(record.lost, 1234);
	assert_next(made, PERF_RING_MAPPED, &record);
	assert_next(made, PERF_RING_OTHER, &record);
	assert_next(made, PERF_RING_OTHER, &record);
	assert_next(made, PERF_RING_SAMPLE, &record);
	assert_int_equal(record.tid, 44);
	assert_next(made, PERF_RING_EMPTY, &record);
	strbuf_release(&body);
}

static void
thread_without_registers_is_told(void **state)
{
	struct made *made = *state;
	struct strbuf body = { 0 };
	struct perf_record record;

	/* It was ending: there is no stack either. */
	add_sample(&body, 43, PERF_SAMPLE_REGS_ABI_NONE, 0, 0);
	write_record(made, PERF_RECORD_SAMPLE, &body);
	strbuf_clear(&body);
	/* A 32-bit program's are others. */
	add_sample(&body, 44, PERF_SAMPLE_REGS_ABI_32, 8, 8);
	write_record(made, PERF_RECORD_SAMPLE, &body);
	assert_next(made, PERF_RING_SAMPLE, &record);
	assert_int_equal(record.tid, 43);
	assert_false(record.has_registers);
	assert_int_equal(record.stack_bytes, 0);
	assert_next(made, PERF_RING_SAMPLE, &record);
	assert_int_equal(record.tid, 44);
	assert_false(record.has_registers);
	strbuf_release(&body);
}

/* A sample cut after each multiple of 8 bytes. */
static void
record_that_ends_early_is_broken(void **state)
{
	struct made *made = *state;
	struct perf_record record;
	struct strbuf body = { 0 };
	size_t len;

	add_sample(&body, 43, PERF_SAMPLE_REGS_ABI_64, 64, 64);
	for (len = 0; len < body.len; len += 8) {
		const struct strbuf part = { body.data, len, len };

		write_record(made, PERF_RECORD_SAMPLE, &part);
		assert_next(made, PERF_RING_BROKEN, &record);
		assert_next(made, PERF_RING_EMPTY, &record);
	}
	strbuf_release(&body);
	add_u64(&body, 7);
	write_record(made, PERF_RECORD_LOST, &body);
	assert_next(made, PERF_RING_BROKEN, &record);
	strbuf_release(&body);
}

static void
more_copied_than_there_was_room_for_is_broken(void **state)
{
	struct made *made = *state;
	struct perf_record record;

	write_sample(made, 43, 64, 65);
	assert_next(made, PERF_RING_BROKEN, &record);
	write_sample(made, 43, 64, UINT64_MAX);
	assert_next(made, PERF_RING_BROKEN, &record);
}

static void
size_that_cannot_be_is_broken(void **state)
{
	static const uint16_t sizes[] = { 0, 4, 7, 9, 12, 24, 65528 };
	struct made *made = *state;
	struct perf_record record;
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const struct perf_event_header header = {
			.type = PERF_RECORD_SAMPLE,
			.size = sizes[i],
		};
		const uint64_t more = 0;

		made->ring->at = made->ring->end;
		write_bytes(made, &header, sizeof(header));
		write_bytes(made, &more, sizeof(more));
		assert_next(made, PERF_RING_BROKEN, &record);
	}
}

static void
ring_that_is_overrun_is_broken(void **state)
{
	struct made *made = *state;
	struct perf_record record;

	made->ring->end = RING_BYTES + 8;
	assert_next(made, PERF_RING_BROKEN, &record);
	made->ring->at = 8;
	made->ring->end = 0;
	assert_next(made, PERF_RING_BROKEN, &record);
	made->ring->at = 4;
	made->ring->end = 64;
	assert_next(made, PERF_RING_BROKEN, &record);
	made->ring->at = 8;
	made->ring->end = 12;
	assert_next(made, PERF_RING_BROKEN, &record);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)
	const struct CMUnitTest tests[] = {
		TEST(sample_has_ids_registers_and_what_was_copied),
		TEST(record_that_goes_on_at_the_beginning_is_whole),
		TEST(records_come_one_after_the_other),
		TEST(thread_without_registers_is_told),
		TEST(record_that_ends_early_is_broken),
		TEST(more_copied_than_there_was_room_for_is_broken),
		TEST(size_that_cannot_be_is_broken),
		TEST(ring_that_is_overrun_is_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
