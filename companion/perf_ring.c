#include "perf_ring.h"

#include <linux/perf_event.h>
#include <string.h>

/* What is left of one record. */
struct cursor {
	const unsigned char *at;
	size_t left;
};

static bool
take(struct cursor *cursor, void *out, size_t bytes)
{
	if (bytes > cursor->left)
		return false;
	memcpy(out, cursor->at, bytes);
	cursor->at += bytes;
	cursor->left -= bytes;
	return true;
}

static bool
take_registers(struct cursor *cursor, struct perf_record *out)
{
	uint64_t abi;

	if (!take(cursor, &abi, sizeof(abi)))
		return false;
	if (abi == PERF_SAMPLE_REGS_ABI_NONE)
		return true;
	out->has_registers = abi == PERF_SAMPLE_REGS_ABI_64;
	return take(cursor, out->registers, sizeof(out->registers));
}

/* Room for the size that was asked for, and then how much of it is copied. */
static bool
take_stack(struct cursor *cursor, struct perf_record *out)
{
	uint64_t room, copied;

	if (!take(cursor, &room, sizeof(room)))
		return false;
	if (!room)
		return true;
	if (room > cursor->left)
		return false;
	out->stack = cursor->at;
	cursor->at += room;
	cursor->left -= room;
	if (!take(cursor, &copied, sizeof(copied)) || copied > room)
		return false;
	out->stack_bytes = copied;
	return true;
}

static bool
take_sample(struct cursor *cursor, struct perf_record *out)
{
	uint32_t ids[2];

	if (!take(cursor, ids, sizeof(ids)))
		return false;
	out->pid = (pid_t)ids[0];
	out->tid = (pid_t)ids[1];
	return take_registers(cursor, out) && take_stack(cursor, out);
}

static enum perf_ring_kind
decode(uint32_t type, struct cursor *cursor, struct perf_record *out)
{
	uint64_t lost[2]; /* which event's, and how many */

	switch (type) {
	case PERF_RECORD_SAMPLE:
		return take_sample(cursor, out) ? PERF_RING_SAMPLE
						: PERF_RING_BROKEN;
	case PERF_RECORD_LOST:
		if (!take(cursor, lost, sizeof(lost)))
			return PERF_RING_BROKEN;
		out->lost = lost[1];
		return PERF_RING_LOST;
	case PERF_RECORD_MMAP:
	case PERF_RECORD_MMAP2:
		return PERF_RING_MAPPED;
	default:
		return PERF_RING_OTHER;
	}
}

/* `bytes` from where it is read, which the ring has. */
static const unsigned char *
make_whole(struct perf_ring *ring, size_t bytes)
{
	size_t offset = ring->at & (ring->bytes - 1);
	size_t first = ring->bytes - offset;

	if (bytes <= first)
		return ring->data + offset;
	memcpy(ring->whole, ring->data + offset, first);
	memcpy(ring->whole + first, ring->data, bytes - first);
	return ring->whole;
}

enum perf_ring_kind
perf_ring_next(struct perf_ring *ring, struct perf_record *out)
{
	struct perf_event_header header;
	struct cursor cursor;

	memset(out, 0, sizeof(*out));
	if (ring->at == ring->end)
		return PERF_RING_EMPTY;
	/* Records begin at multiples of 8, so that a header is never in two
	 * pieces; what does not is not read. */
	if (ring->end - ring->at > ring->bytes ||
	    ring->end - ring->at < sizeof(header) || ring->at % 8)
		return PERF_RING_BROKEN;
	memcpy(&header, make_whole(ring, sizeof(header)), sizeof(header));
	if (header.size < sizeof(header) || header.size % 8 ||
	    header.size > ring->end - ring->at)
		return PERF_RING_BROKEN;
	cursor.at = make_whole(ring, header.size);
	cursor.at += sizeof(header);
	cursor.left = header.size - sizeof(header);
	ring->at += header.size;
	return decode(header.type, &cursor, out);
}
