#include "perf_events.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../analyzer/strbuf.h"
#include "../analyzer/xalloc.h"
#include "procfs_text.h"

#define PERIOD_NS (1000000000u / PERF_EVENTS_HZ)
/* A megabyte for each processor, 31 samples, or a third of a second. Anyone may
 * have 129 pages for each (perf_event_mlock_kb), for all profiles together: so
 * then half of it, and once more where another profile is running. */
#define RING_PAGES_MAX 256
#define RING_PAGES_MIN 64

#define PARANOID "/proc/sys/kernel/perf_event_paranoid"

/* Descriptors of all profiles at once: no more than half of what we may open,
 * since clients are descriptors too. */
static atomic_size_t descriptors;

struct perf_event_ring {
	int processor;
	/* Of each thread; the first has the ring. Owned. */
	int *fds;
	size_t count;
	size_t capacity;
	struct perf_event_mmap_page *page; /* NULL = none; mapped */
	size_t bytes;                      /* of the mapping */
	struct perf_ring *reader;          /* owned */
};

struct opening {
	struct perf_events *events;
	struct perf_event_attr attr;
	pid_t helper;
	pid_t *tids; /* owned */
	size_t count;
	size_t capacity;
	size_t limit; /* of descriptors */
	size_t page_bytes;
	int error; /* of what could not be; 0 = all well */
	const char *what;
};

static int
event_open(const struct perf_event_attr *attr, pid_t tid, int processor)
{
	return (int)syscall(SYS_perf_event_open, attr, tid, processor, -1,
			    PERF_FLAG_FD_CLOEXEC);
}

static int
fail(struct opening *opening, const char *what)
{
	opening->error = errno;
	opening->what = what;
	return -1;
}

/* --- rings --------------------------------------------------------------- */

static int
map_ring(struct opening *opening, struct perf_event_ring *ring, int fd)
{
	size_t pages;
	void *at;

	for (pages = RING_PAGES_MAX; pages >= RING_PAGES_MIN; pages /= 2) {
		ring->bytes = (pages + 1) * opening->page_bytes;
		at = mmap(NULL, ring->bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			  fd, 0);
		if (at == MAP_FAILED)
			continue;
		ring->page = at;
		ring->reader = xcalloc(1, sizeof(*ring->reader));
		ring->reader->data =
			(const unsigned char *)at + opening->page_bytes;
		ring->reader->bytes = pages * opening->page_bytes;
		return 0;
	}
	return fail(opening, "no memory for its rings (perf_event_mlock_kb)");
}

/* One thread on one processor. */
static int
add_event(struct opening *opening, struct perf_event_ring *ring, pid_t tid)
{
	int fd;

	if (atomic_fetch_add(&descriptors, 1) >= opening->limit) {
		atomic_fetch_sub(&descriptors, 1);
		errno = EMFILE;
		return fail(opening, "threads times processors");
	}
	fd = event_open(&opening->attr, tid, ring->processor);
	if (fd < 0) {
		atomic_fetch_sub(&descriptors, 1);
		return fail(opening, "perf_event_open");
	}
	ring->fds = xgrow(ring->fds, &ring->capacity, ring->count + 1,
			  sizeof(*ring->fds));
	ring->fds[ring->count++] = fd;
	if (!ring->page)
		return map_ring(opening, ring, fd);
	if (ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, ring->fds[0]) == 0)
		return 0;
	return fail(opening, "PERF_EVENT_IOC_SET_OUTPUT");
}

/* --- threads ------------------------------------------------------------- */

static int
add_tid(pid_t tid, void *as_opening)
{
	struct opening *opening = as_opening;

	if (tid == opening->helper)
		return 0;
	opening->tids = xgrow(opening->tids, &opening->capacity,
			      opening->count + 1, sizeof(*opening->tids));
	opening->tids[opening->count++] = tid;
	return 0;
}

/*
 * All that are listed first: one that is listed later may have inherited its
 * events already, and would be sampled twice. So what a thread starts between
 * the list and its own events is missed, a few milliseconds.
 */
static int
add_threads(struct opening *opening)
{
	struct perf_events *events = opening->events;
	size_t i, k;

	for (i = 0; i < opening->count; i++) {
		for (k = 0; k < events->ring_count; k++) {
			if (add_event(opening, &events->rings[k],
				      opening->tids[i]) == 0)
				continue;
			/* The thread has ended, or the processor is off. */
			if (opening->error != ESRCH && opening->error != ENODEV)
				return -1;
			opening->error = 0;
		}
	}
	return 0;
}

/* What we may: with the kernel's share of the time, or without. */
static void
choose_attr(struct opening *opening, uint64_t registers)
{
	struct perf_event_attr *attr = &opening->attr;
	size_t i = 0;
	int fd;

	*attr = (struct perf_event_attr){
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(*attr),
		/* A timer: it works on virtual machines without counters. */
		.config = PERF_COUNT_SW_TASK_CLOCK,
		.sample_period = PERIOD_NS,
		.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_REGS_USER |
			       PERF_SAMPLE_STACK_USER,
		.sample_regs_user = registers,
		.sample_stack_user = PERF_EVENTS_STACK_BYTES,
		.inherit = 1,
		/* A child process and another program are not this one. Linux
		 * 5.13 has both; an older one says EINVAL. */
		.inherit_thread = 1,
		.remove_on_exec = 1,
		.exclude_hv = 1,
		.mmap = 1,
		.mmap2 = 1,
	};
	do {
		fd = event_open(attr, opening->tids[i++], -1);
	} while (fd < 0 && errno == ESRCH && i < opening->count);
	if (fd >= 0) {
		close(fd);
	} else if (errno == EACCES || errno == EPERM) {
		attr->exclude_kernel = 1;
		opening->events->user_only = true;
	}
}

static void
make_rings(struct perf_events *events)
{
	long count = sysconf(_SC_NPROCESSORS_CONF);
	size_t i;

	events->ring_count = count > 0 ? (size_t)count : 1;
	events->rings = xcalloc(events->ring_count, sizeof(*events->rings));
	for (i = 0; i < events->ring_count; i++)
		events->rings[i].processor = (int)i;
}

static size_t
descriptor_limit(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur / 2 : 0;
}

static bool
has_events(const struct perf_events *events)
{
	size_t i;

	for (i = 0; i < events->ring_count; i++) {
		if (events->rings[i].count)
			return true;
	}
	return false;
}

static int
refuse(const struct opening *opening, struct err *err)
{
	struct strbuf hint = { 0 };
	char *text;

	if (opening->error == EINVAL)
		strbuf_adds(&hint, " (it needs Linux 5.13)");
	if (opening->error == EACCES || opening->error == EPERM) {
		text = procfs_text_read(AT_FDCWD, PARANOID);
		if (text)
			strbuf_addf(&hint, " (perf_event_paranoid is %d)",
				    atoi(text));
		free(text);
	}
	err_set(err, ERR_STEP, "%s: %s%s", opening->what,
		strerror(opening->error), strbuf_text(&hint));
	strbuf_release(&hint);
	return -1;
}

int
perf_events_open(struct perf_events *events, const struct procfs *proc,
		 pid_t helper, uint64_t registers, struct err *err)
{
	struct opening opening = {
		.events = events,
		.helper = helper,
		.limit = descriptor_limit(),
		.page_bytes = (size_t)sysconf(_SC_PAGESIZE),
	};

	*events = (struct perf_events){ 0 };
	make_rings(events);
	procfs_each_thread(proc, add_tid, &opening);
	if (opening.count) {
		choose_attr(&opening, registers);
		add_threads(&opening);
	}
	free(opening.tids);
	if (!opening.error && has_events(events))
		return 0;
	perf_events_close(events);
	if (opening.error)
		return refuse(&opening, err);
	return err_set(err, ERR_TARGET, "process %d has ended", (int)proc->pid);
}

void
perf_events_close(struct perf_events *events)
{
	size_t i, k;

	for (i = 0; i < events->ring_count; i++) {
		struct perf_event_ring *ring = &events->rings[i];

		for (k = 0; k < ring->count; k++)
			close(ring->fds[k]);
		atomic_fetch_sub(&descriptors, ring->count);
		if (ring->page)
			munmap(ring->page, ring->bytes);
		free(ring->reader);
		free(ring->fds);
	}
	free(events->rings);
	*events = (struct perf_events){ 0 };
}

/* --- records ------------------------------------------------------------- */

static void
read_ring(struct perf_event_ring *ring, perf_events_visit *visit, void *context)
{
	struct perf_ring *reader = ring->reader;
	struct perf_record record;
	enum perf_ring_kind kind;

	/* acquire: pairs with the kernel's barrier before it writes it */
	reader->end = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
	while ((kind = perf_ring_next(reader, &record)) != PERF_RING_EMPTY) {
		visit(kind, &record, context);
		/* What can't be read is left out. */
		if (kind == PERF_RING_BROKEN)
			reader->at = reader->end;
		/* release: pairs with the kernel's reading of it, after which
		 * it writes over what was read */
		__atomic_store_n(&ring->page->data_tail, reader->at,
				 __ATOMIC_RELEASE);
	}
}

void
perf_events_read(struct perf_events *events, perf_events_visit *visit,
		 void *context)
{
	size_t i;

	for (i = 0; i < events->ring_count; i++) {
		if (events->rings[i].page)
			read_ring(&events->rings[i], visit, context);
	}
}
