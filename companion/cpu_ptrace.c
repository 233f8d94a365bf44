/*
 * A CPU profile by ptrace: threads that used processor time since the last look
 * are stopped, walked and let go.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../analyzer/clock.h"
#include "../analyzer/xalloc.h"
#include "cpu_profile.h"
#include "live.h"
#include "procfs_text.h"

/* A thread is stopped for about a millisecond each time, and only after it used
 * a period. */
#define HZ 20
#define PERIOD_NS ((unsigned int)(CLOCK_NS_PER_S / HZ))

struct busy {
	pid_t tid;
	uint64_t used_ns;  /* when it was looked at last */
	uint64_t owing_ns; /* used, and not sampled yet */
};

/* Threads of one look. */
struct look {
	struct busy *busy; /* owned */
	size_t count;
	size_t capacity;
};

struct looking {
	const struct procfs *proc;
	struct look last;
	struct look now;
	/* Where in the last one to go on: the kernel lists threads in the order
	 * in which they were created. */
	size_t next;
	bool is_first;
	uint32_t started; /* threads since then */
};

/* Processor time of a thread: the first number of schedstat, in ns. */
static uint64_t
used_ns(const struct procfs *proc, pid_t tid)
{
	char name[64];
	char *text;
	uint64_t used;

	snprintf(name, sizeof(name), "task/%d/schedstat", (int)tid);
	text = procfs_text_read(proc->fd, name);
	used = text ? strtoull(text, NULL, 10) : 0;
	free(text);
	return used;
}

/* What it was the last time; NULL: it was not there. */
static const struct busy *
find_last(struct looking *looking, pid_t tid)
{
	const struct look *last = &looking->last;
	size_t i, at;

	for (i = 0; i < last->count; i++) {
		at = (looking->next + i) % last->count;
		if (last->busy[at].tid == tid) {
			looking->next = at + 1;
			return &last->busy[at];
		}
	}
	return NULL;
}

/*
 * What a thread that is new owes to begin with. Many that live for less than a
 * period are sampled as often as they should be if they begin anywhere in it,
 * which the multiples of the golden ratio do evenly.
 */
static uint64_t
first_owing(struct looking *looking)
{
	looking->started++;
	return (uint64_t)(looking->started * 2654435769u) * PERIOD_NS >> 32;
}

/* A thread is sampled once for each period that it used. */
static bool
is_busy(pid_t tid, void *as_looking)
{
	struct looking *looking = as_looking;
	struct look *now = &looking->now;
	const struct busy *last = find_last(looking, tid);
	struct busy busy = { .tid = tid };
	bool wanted;

	busy.used_ns = used_ns(looking->proc, tid);
	/* A tid that used less than before is another thread's by now. */
	if (last && busy.used_ns >= last->used_ns)
		busy.owing_ns = last->owing_ns + busy.used_ns - last->used_ns;
	else
		busy.owing_ns = first_owing(looking) +
				(looking->is_first ? 0 : busy.used_ns);
	wanted = busy.owing_ns >= PERIOD_NS;
	if (wanted)
		busy.owing_ns -= PERIOD_NS;
	/* What could not be sampled in time is not made up for. */
	if (busy.owing_ns > PERIOD_NS)
		busy.owing_ns = PERIOD_NS;
	now->busy = xgrow(now->busy, &now->capacity, now->count + 1,
			  sizeof(*now->busy));
	now->busy[now->count++] = busy;
	return wanted;
}

static void
begin_look(struct looking *looking)
{
	struct look empty = looking->last;

	looking->is_first = !looking->now.count;
	looking->last = looking->now;
	looking->now = empty;
	looking->now.count = 0;
	looking->next = 0;
}

int
cpu_ptrace_sample(struct cpu_sampling *sampling, struct err *err)
{
	struct looking looking = { .proc = sampling->proc };
	uint64_t left_out = 0;
	struct live live;
	size_t i;
	int result;

	sampling->period_ns = PERIOD_NS;
	do {
		begin_look(&looking);
		result = live_walk(sampling->proc, sampling->helper, is_busy,
				   &looking, &live, err);
		/* Later it is a debugger that has them, for a while. */
		if (result < 0 && !sampling->samples.count)
			break;
		if (result < 0) {
			left_out++;
			continue;
		}
		for (i = 0; i < live.count; i++)
			cpu_samples_add(&sampling->samples,
					live.threads[i].code,
					live.threads[i].depth);
		left_out += live.left_out;
		live_release(&live);
	} while (cpu_sampling_sleep(sampling, PERIOD_NS));
	free(looking.last.busy);
	free(looking.now.busy);
	if (result < 0 && !sampling->samples.count)
		return -1;
	/* If it has ended, those of the beginning have to do. */
	(void)cpu_sampling_read_maps(sampling);
	strbuf_addf(&sampling->samples.notes,
		    "sampled by ptrace, %d times in a second of processor "
		    "time\n",
		    HZ);
	if (left_out)
		strbuf_addf(&sampling->samples.notes,
			    "%" PRIu64 " samples could not be taken: the "
			    "thread did not stop\n",
			    left_out);
	return 0;
}
