#include "ledger.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <malloc.h>
#include <string.h>

#include "arena.h"
#include "cgroup.h"
#include "ident.h"
#include "msg.h"
#include "opts.h"
#include "scratch.h"
#include "sys.h"
#include "threads.h"

#define LINE_BUFFER (64 * 1024ul)
/* A held mmap lock per step: 0.17 ms at most (measured, all resident). */
#define STEP_BYTES (64ul << 20)
#define STATUS_BYTES 8192

enum kind {
	KIND_HEAP,
	KIND_DIRECT,
	KIND_STACK,
	KIND_SHIM,
	KINDS,
};

/* A range whose kind is known beforehand. */
struct claim {
	uintptr_t start;
	uintptr_t end;
	enum kind kind;
};

struct survey {
	const struct lks_granules *blocks;
	struct claim *claims; /* sorted, may overlap */
	uint32_t claim_count;
	uint32_t next_claim; /* the first that may touch what is to come */
	uint8_t *resident;   /* mincore's answer for one step */
	uint64_t scan_left;
	uint64_t bytes[KINDS];
	uint64_t mappings;
};

static struct mallinfo2 (*find_mallinfo2)(void);
static struct mallinfo2 allocator; /* what it said last */

void
lks_ledger_init(void)
{
	/* Only then: a dlsym that fails allocates. */
	if (lks_opts.deep)
		*(void **)&find_mallinfo2 = dlsym(RTLD_DEFAULT, "mallinfo2");
}

void
lks_ledger_ask_allocator(void)
{
	if (find_mallinfo2 != NULL)
		allocator = find_mallinfo2();
}

/* --- claims --- */

static void
sift_down(struct claim *claims, uint32_t root, uint32_t count)
{
	for (uint32_t child; (child = 2 * root + 1) < count; root = child) {
		struct claim lower = claims[root];

		if (child + 1 < count &&
		    claims[child + 1].start > claims[child].start)
			child++;
		if (lower.start >= claims[child].start)
			return;
		claims[root] = claims[child];
		claims[child] = lower;
	}
}

/* Heap sort: qsort may allocate. */
static void
sort_claims(struct claim *claims, uint32_t count)
{
	for (uint32_t i = count / 2; i > 0; i--)
		sift_down(claims, i - 1, count);
	for (uint32_t i = count; i > 1; i--) {
		struct claim highest = claims[0];

		claims[0] = claims[i - 1];
		claims[i - 1] = highest;
		sift_down(claims, 0, i - 1);
	}
}

static void
claim_stacks(struct survey *s, uint32_t cap)
{
	struct lks_thread_info info;
	uint32_t count = lks_threads_entry_count();
	uintptr_t page = lks_ident.page_bytes;

	for (uint32_t i = 1; i <= count && s->claim_count < cap; i++) {
		uintptr_t start;

		if (!lks_threads_get(i, &info) || info.bounds.hi == 0)
			continue;
		start = info.bounds.lo;
		if (info.stack_bytes != 0 && info.stack_bytes < info.bounds.hi)
			start = info.bounds.hi - info.stack_bytes;
		s->claims[s->claim_count++] = (struct claim){
			start & ~(page - 1),
			(info.bounds.hi + page - 1) & ~(page - 1),
			KIND_STACK,
		};
	}
}

static bool
gather_claims(struct survey *s)
{
	/* Room for what is mapped and started meanwhile. */
	uint32_t range_cap = lks_arena_ranges(NULL, 0) + 64;
	uint32_t thread_cap = lks_threads_entry_count() + 64;
	struct lks_range *ranges = lks_scratch_map(range_cap * sizeof(*ranges));
	uint32_t range_count;

	s->claims =
		lks_scratch_map((range_cap + thread_cap) * sizeof(*s->claims));
	if (ranges == NULL || s->claims == NULL)
		return false;
	range_count = lks_arena_ranges(ranges, range_cap);
	if (range_count > range_cap)
		range_count = range_cap;
	for (uint32_t i = 0; i < range_count; i++)
		s->claims[s->claim_count++] = (struct claim){
			ranges[i].start,
			ranges[i].end,
			KIND_SHIM,
		};
	lks_scratch_drop(ranges);
	claim_stacks(s, range_count + thread_cap);
	sort_claims(s->claims, s->claim_count);
	return true;
}

/* --- resident pages --- */

static uint64_t
count_resident(const uint8_t *answer, size_t pages)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < pages; i++)
		sum += answer[i] & 1;
	return sum;
}

static void
add_resident(struct survey *s, enum kind kind, uintptr_t start, uintptr_t end)
{
	size_t page = lks_ident.page_bytes;

	while (start < end && s->scan_left > 0) {
		size_t step = end - start < STEP_BYTES ? end - start
						       : STEP_BYTES;

		/* ENOMEM: unmapped meanwhile. */
		if (!lks_sys_failed(
			    lks_sys3(SYS_mincore, start, step, s->resident)))
			s->bytes[kind] +=
				count_resident(s->resident, step / page) * page;
		s->scan_left -= step < s->scan_left ? step : s->scan_left;
		start += step;
	}
}

static void
add_unclaimed(struct survey *s, enum kind kind, uintptr_t start, uintptr_t end)
{
	if (start >= end)
		return;
	if (kind == KIND_DIRECT && lks_granules_hold(s->blocks, start, end))
		kind = KIND_HEAP;
	add_resident(s, kind, start, end);
}

/* One anonymous mapping, cut at the claims that touch it. */
static void
add_mapping(struct survey *s, enum kind kind, uintptr_t start, uintptr_t end)
{
	if (end - start > LKS_LEDGER_MAPPING_BYTES)
		return;
	while (s->next_claim < s->claim_count &&
	       s->claims[s->next_claim].end <= start)
		s->next_claim++;
	for (uint32_t i = s->next_claim;
	     i < s->claim_count && s->claims[i].start < end; i++) {
		const struct claim *c = &s->claims[i];
		uintptr_t from = c->start > start ? c->start : start;
		uintptr_t to = c->end < end ? c->end : end;

		if (from >= to)
			continue;
		add_unclaimed(s, kind, start, from);
		add_resident(s, c->kind, from, to);
		start = to;
	}
	add_unclaimed(s, kind, start, end);
}

/* --- /proc --- */

/*
 * A line of maps: START-END PERMS OFFSET DEVICE INODE [PATH]. Files are in
 * RssFile and RssShmem; a mapping that nobody may access is a reservation,
 * often of a TiB, and hardly ever has pages.
 */
static void
read_mapping(struct survey *s, const char *line)
{
	enum kind kind = KIND_DIRECT;
	uint64_t start;
	uint64_t end;
	const char *perms;
	const char *inode;
	const char *name;

	s->mappings++;
	if (!lks_parse_hex(&line, &start) || *line++ != '-' ||
	    !lks_parse_hex(&line, &end) || *line++ != ' ' || strlen(line) < 5)
		return;
	perms = line;
	inode = perms + 5;
	for (int spaces = 0; spaces < 2 && *inode != '\0'; inode++)
		if (*inode == ' ')
			spaces++;
	if (strncmp(inode, "0", 1) != 0 || strncmp(perms, "---", 3) == 0 ||
	    perms[3] != 'p')
		return;
	name = strchr(inode, '[');
	if (name != NULL && strncmp(name, "[v", 2) == 0)
		return; /* vdso, vvar, vsyscall: not in RSS */
	if (name != NULL && strncmp(name, "[heap]", 6) == 0)
		kind = KIND_HEAP;
	else if (name != NULL && strncmp(name, "[stack", 6) == 0)
		kind = KIND_STACK;
	add_mapping(s, kind, start, end);
}

/* Hands over each line of maps, read through one buffer. */
static bool
read_maps(struct survey *s)
{
	char *buffer = lks_scratch_map(LINE_BUFFER);
	long fd = lks_sys_open("/proc/self/maps", O_RDONLY, 0);
	size_t have = 0;
	long n = -1;

	if (buffer != NULL && !lks_sys_failed(fd)) {
		for (;;) {
			char *line = buffer;
			char *end;

			n = lks_sys3(SYS_read, fd, buffer + have,
				     LINE_BUFFER - 1 - have);
			if (n <= 0)
				break;
			have += (size_t)n;
			buffer[have] = '\0';
			while ((end = strchr(line, '\n')) != NULL) {
				*end = '\0';
				read_mapping(s, line);
				line = end + 1;
			}
			/* No line is longer than a path and some. */
			have -= (size_t)(line - buffer);
			memmove(buffer, line, have);
		}
	}
	if (!lks_sys_failed(fd))
		lks_sys_close((int)fd);
	lks_scratch_drop(buffer);
	return n == 0;
}

/* Adds up the numbers of all lines that begin with `key`. */
static uint64_t
sum_of(const char *text, const char *key)
{
	size_t length = strlen(key);
	uint64_t sum = 0;

	while (text != NULL && *text != '\0') {
		uint64_t value = 0;

		if (strncmp(text, key, length) == 0) {
			text += length;
			while (*text == ' ' || *text == '\t')
				text++;
			lks_parse_u64(&text, &value);
			sum += value;
		}
		text = strchr(text, '\n');
		if (text != NULL)
			text++;
	}
	return sum;
}

static bool
read_status(struct lks_ledger *out, char *text)
{
	/* A cloned writer's own status has the host's memory, but its own
	 * thread alone. */
	bool cloned = lks_sys_getpid() != lks_ident.pid;
	char path[40];

	if (lks_sys_failed(
		    lks_sys_slurp("/proc/self/status", text, STATUS_BYTES)))
		return false;
	out->rss_bytes = sum_of(text, "VmRSS:") * 1024;
	out->file_bytes = sum_of(text, "RssFile:") * 1024;
	out->shared_bytes = sum_of(text, "RssShmem:") * 1024;
	out->swap_bytes = sum_of(text, "VmSwap:") * 1024;
	out->virtual_bytes = sum_of(text, "VmSize:") * 1024;
	if (cloned) {
		lks_format(path, sizeof(path), "/proc/%d/status",
			   lks_ident.pid);
		lks_sys_slurp(path, text, STATUS_BYTES);
	}
	out->thread_count = sum_of(text, "Threads:");
	return out->rss_bytes != 0;
}

static void
measure_deep(struct lks_ledger *out, char *text)
{
	out->deep = true;
	if (!lks_sys_failed(lks_sys_slurp("/proc/self/smaps_rollup", text,
					  STATUS_BYTES))) {
		out->pss_bytes = sum_of(text, "Pss:") * 1024;
		out->uss_bytes = (sum_of(text, "Private_Clean:") +
				  sum_of(text, "Private_Dirty:")) *
				 1024;
	}
	out->malloc_arena_bytes = allocator.arena + allocator.hblkhd;
	out->malloc_used_bytes = allocator.uordblks + allocator.hblkhd;
	out->malloc_free_bytes = allocator.fordblks;
	out->malloc_trimmable_bytes = allocator.keepcost;
}

bool
lks_ledger_measure(struct lks_ledger *out, const struct lks_granules *blocks,
		   uint64_t live_bytes, bool deep)
{
	struct survey s = {
		.blocks = blocks,
		.resident = lks_scratch_map(STEP_BYTES / lks_ident.page_bytes),
		.scan_left = LKS_LEDGER_SCAN_BYTES,
	};
	char *text = lks_scratch_map(STATUS_BYTES);
	uint64_t heap;

	*out = (struct lks_ledger){ .live_heap_bytes = live_bytes };
	if (s.resident == NULL || text == NULL || !gather_claims(&s) ||
	    !read_maps(&s) || !read_status(out, text))
		return false;
	heap = s.bytes[KIND_HEAP];
	out->allocator_retained_bytes = heap > live_bytes ? heap - live_bytes
							  : 0;
	out->direct_mmap_bytes = s.bytes[KIND_DIRECT];
	out->thread_stack_bytes = s.bytes[KIND_STACK];
	out->shim_bytes = s.bytes[KIND_SHIM];
	out->unexplained_bytes =
		(int64_t)(out->rss_bytes - out->live_heap_bytes -
			  out->allocator_retained_bytes -
			  out->direct_mmap_bytes - out->thread_stack_bytes -
			  out->file_bytes - out->shared_bytes -
			  out->shim_bytes);
	out->mapping_count = s.mappings;
	out->cgroup_bytes = lks_cgroup_usage_bytes();
	if (deep)
		measure_deep(out, text);
	lks_scratch_drop(s.claims);
	lks_scratch_drop(s.resident);
	lks_scratch_drop(text);
	return true;
}
