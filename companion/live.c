#include "live.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libunwind-ptrace.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../analyzer/clock.h"
#include "../analyzer/xalloc.h"
#include "procfs_body.h"
#include "procfs_text.h"

/* Of /proc/PID/maps: 65,530 mappings is the kernel's limit, with long names. */
#define MAPPINGS_BYTES (32u << 20)

struct walk {
	const struct procfs *proc;
	pid_t helper;
	live_wants *wants;
	void *context;
	struct live *live;
	size_t capacity;
	unw_addr_space_t space;
	uint64_t end_ns;
	int error; /* of the last refusal */
};

/* Two tracers can't have one process; and two processes at once would only make
 * the machine busier. */
static pthread_mutex_t tracing = PTHREAD_MUTEX_INITIALIZER;

/* Waits until a thread has stopped. *again is a signal that came to it
 * meanwhile, to be given when it goes on. */
static bool
wait_stopped(pid_t tid, int *again)
{
	const struct timespec pause = { 0, 200000 };
	uint64_t end = clock_ns(CLOCK_MONOTONIC) + LIVE_STOP_MS * 1000000ull;
	int status;

	for (;;) {
		pid_t found = waitpid(tid, &status, __WALL | WNOHANG);

		if (found < 0)
			return false;
		if (found == tid && !WIFSTOPPED(status)) {
			errno = ESRCH;
			return false;
		}
		if (found == tid) {
			/* A stop by a signal comes before ours. */
			*again = status >> 16 == 0 ? WSTOPSIG(status) : 0;
			return true;
		}
		if (clock_ns(CLOCK_MONOTONIC) > end) {
			errno = ETIMEDOUT;
			return false;
		}
		nanosleep(&pause, NULL);
	}
}

static bool
stop(pid_t tid, int *again)
{
	return ptrace(PTRACE_SEIZE, tid, NULL, NULL) == 0 &&
	       ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) == 0 &&
	       wait_stopped(tid, again);
}

static void
walk_stopped(unw_addr_space_t space, struct live_thread *thread)
{
	void *context = _UPT_create(thread->tid);
	unw_cursor_t cursor;
	unw_word_t ip;

	if (!context)
		return;
	if (unw_init_remote(&cursor, space, context) == 0) {
		do {
			if (unw_get_reg(&cursor, UNW_REG_IP, &ip) < 0 || !ip)
				break;
			/* What a signal interrupted is no call either. */
			thread->code[thread->depth] =
				ip + (thread->depth == 0 ||
				      unw_is_signal_frame(&cursor) > 0);
			thread->depth++;
		} while (thread->depth < LIVE_DEPTH_MAX &&
			 unw_step(&cursor) > 0);
	}
	_UPT_destroy(context);
}

static void
read_names(const struct procfs *proc, struct live_thread *thread)
{
	struct procfs_stat stat;
	char name[64];
	char *text;
	size_t len;

	snprintf(name, sizeof(name), "task/%d/comm", (int)thread->tid);
	text = procfs_text_read(proc->fd, name);
	len = text ? strcspn(text, "\n") : 0;
	if (len >= sizeof(thread->comm))
		len = sizeof(thread->comm) - 1;
	if (text)
		memcpy(thread->comm, text, len);
	free(text);
	snprintf(name, sizeof(name), "task/%d/stat", (int)thread->tid);
	text = procfs_text_read(proc->fd, name);
	thread->state = text && procfs_parse_stat(text, &stat) == 0 ? stat.state
								    : '?';
	free(text);
}

static int
visit(pid_t tid, void *as_walk)
{
	struct walk *walk = as_walk;
	struct live *live = walk->live;
	struct live_thread *thread;
	int again;

	if (tid == walk->helper ||
	    (walk->wants && !walk->wants(tid, walk->context)))
		return 0;
	if (live->count == LIVE_THREADS_MAX ||
	    clock_ns(CLOCK_MONOTONIC) > walk->end_ns) {
		live->left_out++;
		return 0;
	}
	live->threads = xgrow(live->threads, &walk->capacity, live->count + 1,
			      sizeof(*live->threads));
	thread = &live->threads[live->count];
	memset(thread, 0, sizeof(*thread));
	thread->tid = tid;
	read_names(walk->proc, thread);
	if (!stop(tid, &again)) {
		/* One that has ended is no refusal. */
		if (errno != ESRCH)
			walk->error = errno;
		live->left_out++;
		return 0;
	}
	walk_stopped(walk->space, thread);
	ptrace(PTRACE_DETACH, tid, NULL, (void *)(intptr_t)again);
	live->count++;
	return 0;
}

/*
 * In a thread of its own: what it could not let go (a thread that stops too
 * late) the kernel lets go when it ends.
 */
static void *
run(void *as_walk)
{
	struct walk *walk = as_walk;

	walk->space = unw_create_addr_space(&_UPT_accessors, 0);
	if (!walk->space) {
		walk->error = ENOMEM;
		return NULL;
	}
	/* What a module says about its frames is the same for each thread. */
	unw_set_caching_policy(walk->space, UNW_CACHE_GLOBAL);
	walk->end_ns = clock_ns(CLOCK_MONOTONIC) + LIVE_ALL_MS * 1000000ull;
	procfs_each_thread(walk->proc, visit, walk);
	unw_destroy_addr_space(walk->space);
	return NULL;
}

int
live_walk(const struct procfs *proc, pid_t helper, live_wants *wants,
	  void *context, struct live *out, struct err *err)
{
	struct walk walk = {
		.proc = proc,
		.helper = helper,
		.wants = wants,
		.context = context,
		.live = out,
	};
	pthread_t thread;
	int failed;

	*out = (struct live){ 0 };
	pthread_mutex_lock(&tracing);
	failed = pthread_create(&thread, NULL, run, &walk);
	if (!failed)
		pthread_join(thread, NULL);
	pthread_mutex_unlock(&tracing);
	if (failed)
		walk.error = failed;
	if (out->count || !walk.error)
		return 0;
	live_release(out);
	return err_set(err, ERR_STEP, "cannot trace process %d: %s",
		       (int)proc->pid, strerror(walk.error));
}

void
live_release(struct live *live)
{
	free(live->threads);
	*live = (struct live){ 0 };
}

void
live_add_rows(struct strbuf *out, const struct live *live)
{
	size_t i, k;

	for (i = 0; i < live->count; i++) {
		strbuf_adds(out, "1 @");
		for (k = 0; k < live->threads[i].depth; k++)
			strbuf_addf(out, " 0x%" PRIx64,
				    live->threads[i].code[k]);
		strbuf_addc(out, '\n');
	}
}

/* What follows `begin` are the mappings of a process in another root: their files
 * are called as we can open them. */
static void
name_in_root(struct strbuf *out, size_t begin, pid_t pid)
{
	char *maps = xstrdup(strbuf_text(out) + begin);
	char *line = maps, *path, *end;

	out->len = begin;
	for (; *line; line = end) {
		end = line + strcspn(line, "\n");
		end += *end == '\n';
		path = memchr(line, '/', (size_t)(end - line));
		if (!path)
			path = end;
		strbuf_add(out, line, (size_t)(path - line));
		if (path < end)
			strbuf_addf(out, "/proc/%d/root", (int)pid);
		strbuf_add(out, path, (size_t)(end - path));
	}
	free(maps);
}

int
live_add_mappings(struct strbuf *out, const struct procfs *proc)
{
	int fd = procfs_body_open(proc, "maps", O_RDONLY);
	size_t begin = out->len;
	char bytes[16384];
	ssize_t len = -1;

	while (fd >= 0 && (len = read(fd, bytes, sizeof(bytes))) > 0 &&
	       out->len - begin < MAPPINGS_BYTES)
		strbuf_add(out, bytes, (size_t)len);
	if (fd >= 0)
		close(fd);
	if (len >= 0 && procfs_other_root(proc))
		name_in_root(out, begin, proc->pid);
	return len < 0 ? -1 : 0;
}

static int
write_all(int fd, const struct strbuf *text)
{
	size_t done = 0;
	ssize_t n;

	while (done < text->len) {
		n = write(fd, text->data + done, text->len - done);
		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0)
			done += (size_t)n;
	}
	return 0;
}

int
live_open_rows(const struct strbuf *rows, uint64_t count,
	       const struct strbuf *maps, struct err *err)
{
	struct strbuf text = { 0 };
	int fd = memfd_create("threads", MFD_CLOEXEC);
	int result = fd;

	strbuf_addf(&text, "goroutine profile: total %" PRIu64 "\n", count);
	strbuf_adds(&text, strbuf_text(rows));
	strbuf_adds(&text, "\nMAPPED_LIBRARIES:\n");
	strbuf_adds(&text, strbuf_text(maps));
	if (fd < 0 || write_all(fd, &text) < 0) {
		result = err_set(err, ERR_STEP, "cannot keep a profile: %s",
				 strerror(errno));
		if (fd >= 0)
			close(fd);
	}
	strbuf_release(&text);
	return result;
}
