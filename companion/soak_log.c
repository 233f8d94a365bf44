#include "soak_log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "../analyzer/xalloc.h"

/* How often, and how far apart, the pipe is looked at before its last lines
 * are read: a fifth of a second in all. */
#define DRAIN_LOOKS 20
#define DRAIN_NS 10000000

struct soak_log {
	char *path;
	int in;         /* the thread's end of the pipe */
	int out;        /* the writers' end */
	int stop[2];    /* a byte in it ends the thread */
	int file;       /* thread's */
	size_t written; /* thread's */
	pthread_t thread;
	pthread_mutex_t lock;
	char tail[SOAK_LOG_TAIL]; /* guard: lock; a ring */
	size_t total;             /* guard: lock; bytes ever */
	size_t marked;            /* guard: lock; total at the mark */
};

static int
open_file(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		    0644);
}

static void
rotate(struct soak_log *log)
{
	struct strbuf old = { 0 };

	strbuf_addf(&old, "%s.1", log->path);
	close(log->file);
	/* What can't be kept is lost, as older lines are in any case. */
	if (rename(log->path, strbuf_text(&old)) < 0)
		unlink(log->path);
	log->file = open_file(log->path);
	log->written = 0;
	strbuf_release(&old);
}

static void
remember(struct soak_log *log, const char *bytes, size_t len)
{
	size_t i;

	pthread_mutex_lock(&log->lock);
	for (i = 0; i < len; i++)
		log->tail[log->total++ % SOAK_LOG_TAIL] = bytes[i];
	pthread_mutex_unlock(&log->lock);
}

static void
put(struct soak_log *log, const char *bytes, size_t len)
{
	ssize_t done;

	if (log->written + len > SOAK_LOG_BYTES)
		rotate(log);
	log->written += len;
	for (; len && log->file >= 0; bytes += done, len -= (size_t)done) {
		done = write(log->file, bytes, len);
		/* A full disk must not stop the target. */
		if (done < 0)
			return;
	}
}

static void *
pump(void *arg)
{
	struct soak_log *log = arg;
	struct pollfd fds[2] = {
		{ .fd = log->in, .events = POLLIN },
		{ .fd = log->stop[0], .events = POLLIN },
	};
	char bytes[16384];
	ssize_t len;

	for (;;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		/* First: a writer that we may not end could go on for ever.
		 * What was written before was drained. */
		if (fds[1].revents)
			break;
		if (fds[0].revents) {
			len = read(log->in, bytes, sizeof(bytes));
			if (len == 0)
				break;
			if (len > 0) {
				put(log, bytes, (size_t)len);
				remember(log, bytes, (size_t)len);
			}
		}
	}
	return NULL;
}

static int
start(struct soak_log *log)
{
	sigset_t all, before;
	int result;

	/* Signals are for main. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	result = pthread_create(&log->thread, NULL, pump, log);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return result;
}

static void
release(struct soak_log *log)
{
	close(log->in);
	close(log->out);
	close(log->stop[0]);
	close(log->stop[1]);
	if (log->file >= 0)
		close(log->file);
	pthread_mutex_destroy(&log->lock);
	free(log->path);
	free(log);
}

struct soak_log *
soak_log_open(const char *path, struct err *err)
{
	struct soak_log *log = xcalloc(1, sizeof(*log));
	int pipe_fds[2] = { -1, -1 };
	int error = 0;

	log->path = xstrdup(path);
	log->stop[0] = log->stop[1] = -1;
	pthread_mutex_init(&log->lock, NULL);
	log->file = open_file(path);
	if (log->file < 0 || pipe2(pipe_fds, O_CLOEXEC) < 0 ||
	    pipe2(log->stop, O_CLOEXEC) < 0)
		error = errno;
	log->in = pipe_fds[0];
	log->out = pipe_fds[1];
	if (!error)
		error = start(log);
	if (!error)
		return log;
	err_set(err, ERR_WRITE, "cannot write '%s': %s", path, strerror(error));
	release(log);
	return NULL;
}

int
soak_log_fd(const struct soak_log *log)
{
	return log->out;
}

void
soak_log_mark(struct soak_log *log)
{
	pthread_mutex_lock(&log->lock);
	log->marked = log->total;
	pthread_mutex_unlock(&log->lock);
}

static void
drain(const struct soak_log *log)
{
	const struct timespec pause = { 0, DRAIN_NS };
	int i, waiting = 0;

	for (i = 0; i < DRAIN_LOOKS; i++) {
		nanosleep(&pause, NULL);
		if (ioctl(log->in, FIONREAD, &waiting) < 0 || !waiting)
			return;
	}
}

void
soak_log_tail(struct soak_log *log, unsigned int lines, struct strbuf *out)
{
	char text[SOAK_LOG_TAIL + 1], *start, *line, *rest;
	size_t from, i, count = 0;
	unsigned int ends = 0;

	drain(log);
	pthread_mutex_lock(&log->lock);
	from = log->total > SOAK_LOG_TAIL ? log->total - SOAK_LOG_TAIL : 0;
	from = from > log->marked ? from : log->marked;
	for (i = from; i < log->total; i++)
		if (log->tail[i % SOAK_LOG_TAIL])
			text[count++] = log->tail[i % SOAK_LOG_TAIL];
	pthread_mutex_unlock(&log->lock);
	while (count && text[count - 1] == '\n')
		count--;
	text[count] = '\0';
	for (start = text + count; start > text; start--)
		if (start[-1] == '\n' && ++ends == lines)
			break;
	for (line = strtok_r(start, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (line != start)
			strbuf_adds(out, " | ");
		strbuf_add_printable(out, line);
	}
}

void
soak_log_close(struct soak_log *take)
{
	if (!take)
		return;
	drain(take);
	/* Nothing to be done if it can't be told: the pipe is new and empty. */
	if (write(take->stop[1], "", 1) == 1)
		pthread_join(take->thread, NULL);
	release(take);
}
