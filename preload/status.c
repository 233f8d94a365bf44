#include "status.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "../proto/defaults.h"
#include "../proto/limits.h"
#include "arena.h"
#include "counters.h"
#include "dirs.h"
#include "dump.h"
#include "ident.h"
#include "livetab.h"
#include "msg.h"
#include "opts.h"
#include "sampler.h"
#include "scratch.h"
#include "sink.h"
#include "site.h"
#include "snap.h"
#include "state.h"
#include "sweep.h"
#include "sys.h"
#include "threads.h"
#include "trigger.h"
#include "writer.h"

#define FILE_BYTES LKS_STATUS_PATH_BYTES

static char file[FILE_BYTES]; /* written last; "" = none */
static uint32_t children;     /* forked ones; guard: who forks */

struct page {
	char *text; /* scratch, LKS_STATUS_BYTES */
	size_t length;
	bool full;
};

static void
put(struct page *page, char c)
{
	if (page->length < LKS_STATUS_BYTES)
		page->text[page->length++] = c;
	else
		page->full = true;
}

static void
put_value(struct page *page, const char *value)
{
	static const char digits[] = "0123456789ABCDEF";

	for (; *value != '\0'; value++) {
		unsigned char c = (unsigned char)*value;

		if (c >= 0x20 && c != 0x7f && c != '%') {
			put(page, *value);
			continue;
		}
		put(page, '%');
		put(page, digits[c >> 4]);
		put(page, digits[c & 15]);
	}
}

/* A value cut in half is worse than none: the line is taken back. */
static void
end_line(struct page *page, size_t start)
{
	put(page, '\n');
	if (page->full)
		page->length = start;
	page->full = false;
}

static void
text_line(struct page *page, const char *key, const char *value)
{
	size_t start = page->length;

	while (*key != '\0')
		put(page, *key++);
	put(page, '=');
	put_value(page, value);
	end_line(page, start);
}

static void
number_line(struct page *page, const char *key, uint64_t value)
{
	char decimal[24];

	lks_format(decimal, sizeof(decimal), "%lu", (unsigned long)value);
	text_line(page, key, decimal);
}

/* Every option in force, as one LEAKSHIM= value. */
static void
options_line(struct page *page)
{
	/* Not on the stack: a path with every comma escaped. */
	static char value[2 * LKS_PATH_BYTES];
	size_t start = page->length;
	const char *before = "options=";

	for (uint32_t i = 0; i < lks_opts_count(); i++) {
		const char *key = lks_opts_get(i, value, sizeof(value));

		if (value[0] == '\0')
			continue;
		while (*before != '\0')
			put(page, *before++);
		before = ",";
		put_value(page, key);
		put(page, '=');
		put_value(page, value);
	}
	end_line(page, start);
}

static const char *
state_word(void)
{
	switch (lks_state_page.state) {
	case LKS_ON:
		return "on";
	case LKS_DORMANT:
		return "dormant";
	default:
		return "off";
	}
}

static void
put_process(struct page *page)
{
	const char *reason = lks_state_reason();
	bool exact = lks_sampler_mean() == 1;

	text_line(page, "version", LKS_VERSION);
	number_line(page, "pid", (uint64_t)lks_ident.pid);
	number_line(page, "start_ticks", lks_ident.start_ticks);
	number_line(page, "ppid", (uint64_t)lks_ident.parent_pid);
	text_line(page, "exe", lks_ident.exe);
	text_line(page, "state", state_word());
	text_line(page, "reason", reason != NULL ? reason : "");
	options_line(page);
	text_line(page, "mode", exact ? "exact" : "sampled");
	number_line(page, "sample", lks_sampler_mean());
	text_line(page, "unwind", lks_unwind_name(lks_opts.unwind));
	number_line(page, "signal", (uint64_t)lks_trigger_signal());
	text_line(page, "signal_note", lks_trigger_signal_note());
	number_line(page, "bell", (uint64_t)lks_trigger_bell());
	text_line(page, "bell_note", lks_trigger_bell_note());
	number_line(page, "helper", (uint64_t)lks_writer_helper_tid());
}

/* A token and what came of it. */
static void
put_dumps(struct page *page)
{
	/* Not on the stack: a path. */
	static char value[LKS_PATH_BYTES + 16];
	const struct lks_dump_result *dump;

	for (uint32_t i = 0; (dump = lks_dump_result(i)) != NULL; i++) {
		size_t length =
			lks_format(value, sizeof(value), "%u ", dump->token);

		lks_copy_text(value + length, sizeof(value) - length,
			      dump->text);
		text_line(page, dump->failed ? "dump_error" : "dump", value);
	}
}

static void
put_snapshots(struct page *page, const struct lks_status *status)
{
	text_line(page, "out", lks_sink_template());
	text_line(page, "out_note", lks_sink_note());
	number_line(page, "sequence", status->sequence);
	text_line(page, "snapshot", lks_sink_last_path());
	number_line(page, "snapshot_ns", status->snapshot_wall_ns);
	text_line(page, "error", lks_sink_error());
	if (lks_sink_scrape_error()[0] != '\0')
		text_line(page, "scrape_error", lks_sink_scrape_error());
	for (uint32_t i = 0; i < status->token_count && i < LKS_STATUS_TOKENS;
	     i++)
		number_line(page, "token", status->tokens[i]);
	number_line(page, "updated_ns", lks_clock_ns(CLOCK_REALTIME));
	number_line(page, "cpu_ns", status->cpu_ns);
	number_line(page, "longest_hold_ns", lks_hold_longest_ns());
}

/* Thinning takes what it drops out of the allocations: read in the middle of
 * that, they may be fewer than what was freed. */
static uint64_t
left(uint64_t alloc, uint64_t free)
{
	return alloc > free ? alloc - free : 0;
}

static void
put_totals(struct page *page)
{
	struct lks_site_totals sum = lks_site_sum(lks_heap_sites);
	uint32_t scale = lks_sampler_scale();

	sum.alloc_objects /= scale;
	sum.free_objects /= scale;
	number_line(page, "live_objects",
		    left(sum.alloc_objects, sum.free_objects));
	number_line(page, "live_bytes", left(sum.alloc_bytes, sum.free_bytes));
	number_line(page, "alloc_objects", sum.alloc_objects);
	number_line(page, "alloc_bytes", sum.alloc_bytes);
	number_line(page, "free_objects", sum.free_objects);
	number_line(page, "free_bytes", sum.free_bytes);
}

static void
put_losses(struct page *page)
{
	uint64_t value;

#define X(name)                                                                \
	value = lks_count_get(name);                                           \
	if (value != 0)                                                        \
		number_line(page, "loss." #name, value);
	LKS_COUNTERS(X)
#undef X
	value = lks_livetab_shift();
	if (value != 0)
		number_line(page, "loss.thinning_shift", value);
}

static void
fill(struct page *page, const struct lks_status *status)
{
	const char *message;

	for (const char *c = LKS_STATUS_MAGIC "\n"; *c != '\0'; c++)
		put(page, *c);
	put_process(page);
	put_snapshots(page, status);
	if (status->with_totals)
		put_totals(page);
	put_dumps(page);
	number_line(page, "threads_running", lks_threads_running());
	number_line(page, "threads_unjoined", lks_threads_unjoined());
	number_line(page, "own_bytes", lks_arena_bytes());
	put_losses(page);
	for (uint32_t i = 0; (message = lks_msg_get(i)) != NULL; i++)
		text_line(page, "message", message);
}

/* Our directory for the effective user, made if need be. */
static bool
choose_directory(char *out, size_t cap)
{
	unsigned uid = (unsigned)lks_sys0(SYS_geteuid);
	struct stat st;

	lks_format(out, cap, "/run/user/%u", uid);
	if (!lks_sys_failed(lks_sys4(SYS_newfstatat, AT_FDCWD, out, &st,
				     AT_SYMLINK_NOFOLLOW)) &&
	    S_ISDIR(st.st_mode) && st.st_uid == uid) {
		lks_format(out, cap, "/run/user/%u/leakshim", uid);
		if (lks_own_directory(out))
			return true;
	}
	lks_format(out, cap, LKS_FALLBACK_DIRECTORY "%u", uid);
	return lks_own_directory(out);
}

/* A new file beside the old one, then in its place. */
static bool
replace(const char *path, const struct page *page)
{
	char temp[FILE_BYTES + 8];
	long fd = -EEXIST;
	long result;

	lks_format(temp, sizeof(temp), "%s.tmp", path);
	/* One left by a killed writer is in the way once. */
	for (int i = 0; i < 2 && fd == -EEXIST; i++) {
		fd = lks_sys_open(
			temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
		if (fd == -EEXIST)
			lks_sys3(SYS_unlinkat, AT_FDCWD, temp, 0);
	}
	if (lks_sys_failed(fd))
		return false;
	lks_sys2(SYS_fchmod, fd, 0600); /* whatever the umask */
	result = lks_sys_write_all((int)fd, page->text, page->length);
	if (lks_sys_failed(lks_sys_close((int)fd)) || lks_sys_failed(result) ||
	    lks_sys_failed(lks_sys5(SYS_renameat2, AT_FDCWD, temp, AT_FDCWD,
				    path, 0))) {
		lks_sys3(SYS_unlinkat, AT_FDCWD, temp, 0);
		return false;
	}
	return true;
}

bool
lks_status_write(const struct lks_status *status)
{
	struct page page = { .text = lks_scratch_map(LKS_STATUS_BYTES) };
	char path[FILE_BYTES];
	size_t length;
	bool done;

	if (page.text == NULL || !choose_directory(path, sizeof(path))) {
		lks_scratch_drop(page.text);
		return false;
	}
	length = strlen(path);
	lks_format(path + length, sizeof(path) - length, "/%lu-%d",
		   (unsigned long)lks_ident.pid_namespace, lks_ident.pid);
	fill(&page, status);
	done = replace(path, &page);
	lks_scratch_drop(page.text);
	if (done && strcmp(path, file) != 0) {
		/* Another user's now, or its place has gone. */
		lks_status_remove();
		lks_copy_text(file, sizeof(file), path);
	}
	return done;
}

bool
lks_status_beside(uint32_t token, char *path, size_t cap)
{
	if (file[0] == '\0')
		return false;
	return lks_format(path, cap, "%s.%u", file, token) < cap - 1;
}

bool
lks_status_scrape(char *path, size_t cap, bool unfinished)
{
	if (file[0] == '\0')
		return false;
	return lks_format(path, cap, "%s.scrape%s", file,
			  unfinished ? ".tmp" : "") < cap - 1;
}

/* Whether it is this process's turn to look for files that others left. */
static bool
is_to_sweep(void)
{
	if (lks_ident.fork_wall_ns != 0)
		return children % LKS_SWEEP_CHILDREN == 1;
	return lks_ident.pid % LKS_SWEEP_STARTS == 0;
}

bool
lks_status_first(const struct lks_status *status)
{
	char path[FILE_BYTES];

	if (!lks_status_write(status))
		return false;
	if (is_to_sweep() && choose_directory(path, sizeof(path)))
		lks_sweep(path);
	return true;
}

void
lks_status_remove(void)
{
	char scrape[FILE_BYTES];

	/* It goes first: without the other file nobody looks for it. */
	if (lks_status_scrape(scrape, sizeof(scrape), false))
		lks_sys3(SYS_unlinkat, AT_FDCWD, scrape, 0);
	if (file[0] != '\0')
		lks_sys3(SYS_unlinkat, AT_FDCWD, file, 0);
	file[0] = '\0';
}

void
lks_status_fork_prepare(void)
{
	children++;
}

void
lks_status_fork_child(void)
{
	file[0] = '\0';
}
