/*
 * A CPU profile by the kernel's sampler.
 *
 * It copies the registers and the top of the stack, which are unwound here. Its
 * own call chains cost less but follow frame pointers, which the programs and
 * libraries of distributions do not have: such a chain is wrong without a sign
 * of it.
 */
#include "../analyzer/clock.h"
#include "cpu_profile.h"
#include "perf_events.h"
#include "stack_walk.h"

#include <inttypes.h>

/* Samples are taken out of the rings so often, which hold at least three times
 * as many (perf_events.c). */
#define READ_NS 20000000u
#define DEPTH_MAX 512

struct reading {
	struct cpu_sampling *sampling;
	struct stack_walk *walk;
	uint64_t lost;
	uint64_t broken;
	uint64_t cut;
	uint64_t unknown; /* without registers */
	bool is_stale;    /* code was mapped since the mappings were read */
	bool is_renewed;  /* in this turn: once is enough */
};

static void
renew(struct reading *reading)
{
	if (cpu_sampling_read_maps(reading->sampling))
		stack_walk_renew(reading->walk,
				 strbuf_text(&reading->sampling->maps));
	reading->is_stale = false;
	reading->is_renewed = true;
}

static void
add_sample(struct reading *reading, const struct perf_record *record)
{
	struct cpu_sampling *sampling = reading->sampling;
	uint64_t code[DEPTH_MAX];
	size_t depth;
	bool cut;

	if (record->pid != sampling->proc->pid ||
	    record->tid == sampling->helper)
		return;
	depth = stack_walk_sample(reading->walk, record, code, DEPTH_MAX, &cut);
	reading->cut += cut;
	reading->unknown += !depth;
	cpu_samples_add(&sampling->samples, code, depth);
}

static void
visit(enum perf_ring_kind kind, const struct perf_record *record,
      void *as_reading)
{
	struct reading *reading = as_reading;

	switch (kind) {
	case PERF_RING_SAMPLE:
		add_sample(reading, record);
		break;
	case PERF_RING_LOST:
		reading->lost += record->lost;
		break;
	case PERF_RING_MAPPED:
		if (reading->is_renewed)
			reading->is_stale = true;
		else
			renew(reading);
		break;
	case PERF_RING_BROKEN:
		reading->broken++;
		break;
	case PERF_RING_EMPTY:
	case PERF_RING_OTHER:
		break;
	}
}

static void
read_all(struct reading *reading, struct perf_events *events)
{
	reading->is_renewed = false;
	if (reading->is_stale)
		renew(reading);
	perf_events_read(events, visit, reading);
}

static void
add_notes(const struct reading *reading, const struct perf_events *events)
{
	struct strbuf *notes = &reading->sampling->samples.notes;

	strbuf_addf(notes,
		    "sampled by the kernel (perf_event_open), %d times in a "
		    "second of processor time\n",
		    PERF_EVENTS_HZ);
	strbuf_addf(notes,
		    "a thread that uses less than %d ms on each processor is "
		    "not in it\n",
		    1000 / PERF_EVENTS_HZ);
	if (events->user_only)
		strbuf_adds(notes, "without the time in the kernel, which "
				   "perf_event_paranoid forbids\n");
	if (reading->lost)
		strbuf_addf(notes, "%" PRIu64 " records were lost\n",
			    reading->lost);
	if (reading->broken)
		strbuf_addf(notes,
			    "%" PRIu64 " times records were unreadable\n",
			    reading->broken);
	if (reading->unknown)
		strbuf_addf(notes, "%" PRIu64 " samples have no call stack\n",
			    reading->unknown);
	if (reading->cut)
		strbuf_addf(notes,
			    "%" PRIu64 " call stacks are deeper than %d KiB or "
			    "%d frames: their outer part is missing\n",
			    reading->cut, PERF_EVENTS_STACK_BYTES / 1024,
			    DEPTH_MAX);
}

int
cpu_perf_sample(struct cpu_sampling *sampling, struct err *err)
{
	struct reading reading = { .sampling = sampling };
	struct perf_events events;

	if (!stack_walk_registers())
		return err_set(err, ERR_STEP,
			       "its stacks are not understood on this "
			       "processor");
	/* First: it takes a while, in which the rings would fill. */
	reading.walk = stack_walk_open(sampling->proc,
				       strbuf_text(&sampling->maps), err);
	if (!reading.walk)
		return -1;
	if (perf_events_open(&events, sampling->proc, sampling->helper,
			     stack_walk_registers(), err) < 0) {
		stack_walk_close(reading.walk);
		return -1;
	}
	sampling->period_ns = CLOCK_NS_PER_S / PERF_EVENTS_HZ;
	while (cpu_sampling_sleep(sampling, READ_NS))
		read_all(&reading, &events);
	read_all(&reading, &events);
	add_notes(&reading, &events);
	perf_events_close(&events);
	stack_walk_close(reading.walk);
	return 0;
}
