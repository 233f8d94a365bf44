#include "debuginfod.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "format.h"
#include "xalloc.h"

#define LIBRARY "libdebuginfod.so.1"

/* The library looks at its limit once a second; then the child is ended. */
#define GRACE_MS 1000
#define PROGRESS_MS 100

#define MS_PER_SECOND 1000

/* Both ways one message is one packet. */
struct request {
	int64_t deadline_ms;
	enum debuginfod_kind kind;
	uint32_t build_id_bytes;
	uint8_t build_id[DEBUGINFOD_BUILD_ID_MAX];
};

enum answer_kind {
	ANSWER_PROGRESS, /* done, total: bytes; total <= 0 = unknown */
	ANSWER_FOUND,    /* text: path */
	ANSWER_FAILED,   /* error: errno */
	ANSWER_LATE,
	ANSWER_UNUSABLE /* text: why the library can't be used */
};

struct answer {
	enum answer_kind kind;
	int error;
	int64_t done;
	int64_t total;
	char text[PATH_MAX];
};

struct debuginfod {
	struct debuginfod_options options;
	int64_t left_ms; /* for all files */
	bool gave_up;
	pid_t child; /* 0: none is running */
	int socket;
	struct answer answer; /* scratch */
	struct strbuf line;   /* scratch */
};

static int64_t
now_ms(void)
{
	return (int64_t)(clock_ns(CLOCK_MONOTONIC) / 1000000);
}

/* --- the child ------------------------------------------------------------- */

struct debuginfod_client; /* libdebuginfod's */

struct library {
	struct debuginfod_client *(*begin)(void);
	void (*set_progress)(struct debuginfod_client *client,
			     int (*progress)(struct debuginfod_client *client,
					     long done, long total));
	int (*find_debuginfo)(struct debuginfod_client *client,
			      const unsigned char *build_id, int bytes,
			      char **path);
	int (*find_executable)(struct debuginfod_client *client,
			       const unsigned char *build_id, int bytes,
			       char **path);
};

/* The library's callback has no place for a context. The child's alone. */
static struct {
	int socket;
	int64_t deadline_ms;
	int64_t told_ms;
	bool late;
} asking;

static void
answer(enum answer_kind kind, int error, const char *text)
{
	static struct answer message;

	memset(&message, 0, sizeof(message));
	message.kind = kind;
	message.error = error;
	strncpy(message.text, text, sizeof(message.text) - 1);
	if (send(asking.socket, &message, sizeof(message), MSG_NOSIGNAL) < 0)
		_exit(1); /* nobody is waiting any more */
}

/* Ends the query by returning other than 0. */
static int
on_progress(struct debuginfod_client *client, long done, long total)
{
	struct answer message = { .kind = ANSWER_PROGRESS };
	int64_t now = now_ms();

	(void)client;
	if (now >= asking.deadline_ms) {
		asking.late = true;
		return 1;
	}
	if (now - asking.told_ms >= PROGRESS_MS) {
		asking.told_ms = now;
		message.done = done;
		message.total = total;
		/* A line that finds no room is not missed. */
		send(asking.socket, &message, sizeof(message),
		     MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	return 0;
}

static bool
find_function(void *handle, const char *name, void *function)
{
	void *address = dlsym(handle, name);

	memcpy(function, &address, sizeof(address));
	return address != NULL;
}

static bool
open_library(const char *name, struct library *library)
{
	void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);

	return handle &&
	       find_function(handle, "debuginfod_begin", &library->begin) &&
	       find_function(handle, "debuginfod_set_progressfn",
			     &library->set_progress) &&
	       find_function(handle, "debuginfod_find_debuginfo",
			     &library->find_debuginfo) &&
	       find_function(handle, "debuginfod_find_executable",
			     &library->find_executable);
}

static void
serve(const struct library *library, struct debuginfod_client *client,
      const struct request *request)
{
	char *path = NULL;
	int fd;

	asking.deadline_ms = request->deadline_ms;
	asking.late = false;
	fd = (request->kind == DEBUGINFOD_EXECUTABLE ? library->find_executable
						     : library->find_debuginfo)(
		client, request->build_id, (int)request->build_id_bytes, &path);
	if (fd >= 0 && path)
		answer(ANSWER_FOUND, 0, path);
	else if (asking.late)
		answer(ANSWER_LATE, 0, "");
	else
		answer(ANSWER_FAILED, fd < 0 ? -fd : EIO, "");
	if (fd >= 0)
		close(fd);
	free(path);
}

static struct debuginfod_client *
open_client(const struct debuginfod_options *options, struct library *library)
{
	struct debuginfod_client *client;
	const char *reason;

	setenv("DEBUGINFOD_URLS", options->urls, 1);
	if (!open_library(options->library ? options->library : LIBRARY,
			  library)) {
		reason = dlerror();
		answer(ANSWER_UNUSABLE, 0, reason ? reason : "unusable");
		return NULL;
	}
	client = library->begin();
	if (client)
		library->set_progress(client, on_progress);
	else
		answer(ANSWER_UNUSABLE, 0, "libdebuginfod cannot start");
	return client;
}

static void __attribute__((noreturn))
run_child(const struct debuginfod_options *options, int socket)
{
	struct library library;
	struct debuginfod_client *client = NULL;
	struct request request;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	asking.socket = socket;
	/* The first request is read before anything can fail: the kernel drops
	 * an answer whose sender ended with something unread. */
	while (recv(socket, &request, sizeof(request), 0) ==
	       (ssize_t)sizeof(request)) {
		if (!client)
			client = open_client(options, &library);
		if (!client)
			break;
		serve(&library, client, &request);
	}
	/* Not exit(): what the parent has in its buffers is not ours. */
	_exit(0);
}

/* --- the parent ------------------------------------------------------------ */

struct debuginfod *
debuginfod_new(const struct debuginfod_options *options)
{
	struct debuginfod *debuginfod = xcalloc(1, sizeof(*debuginfod));

	debuginfod->options = *options;
	if (debuginfod->options.seconds == 0)
		debuginfod->options.seconds = DEBUGINFOD_SECONDS_DEFAULT;
	debuginfod->left_ms = (int64_t)debuginfod->options.seconds *
			      DEBUGINFOD_TOTAL_FILES * MS_PER_SECOND;
	return debuginfod;
}

static void
end_child(struct debuginfod *debuginfod)
{
	if (debuginfod->child <= 0)
		return;
	kill(debuginfod->child, SIGKILL);
	while (waitpid(debuginfod->child, NULL, 0) < 0 && errno == EINTR)
		continue;
	debuginfod->child = 0;
	close(debuginfod->socket);
}

void
debuginfod_free(struct debuginfod *debuginfod)
{
	if (!debuginfod)
		return;
	end_child(debuginfod);
	strbuf_release(&debuginfod->line);
	free(debuginfod);
}

static int
start_child(struct debuginfod *debuginfod)
{
	int sockets[2];
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return -1;
	child = fork();
	if (child == 0) {
		close(sockets[0]);
		run_child(&debuginfod->options, sockets[1]);
	}
	close(sockets[1]);
	if (child < 0) {
		close(sockets[0]);
		return -1;
	}
	debuginfod->child = child;
	debuginfod->socket = sockets[0];
	return 0;
}

static void
tell(struct debuginfod *debuginfod, const char *name,
     const struct answer *progress)
{
	struct strbuf *line = &debuginfod->line;

	if (!debuginfod->options.progress)
		return;
	strbuf_clear(line);
	strbuf_adds(line, "debuginfod: ");
	strbuf_add_printable(line, name);
	if (progress && progress->done > 0 && progress->total > 0) {
		strbuf_adds(line, ": ");
		format_bytes(line, progress->done, false);
		strbuf_adds(line, " of ");
		format_bytes(line, progress->total, false);
	}
	debuginfod->options.progress(debuginfod->options.context,
				     strbuf_text(line));
}

/* Waits for the next answer. Returns 1; 0 if it is too late; -1 if the child
 * is gone. */
static int
await(struct debuginfod *debuginfod, int64_t deadline_ms)
{
	struct pollfd ready = { .fd = debuginfod->socket, .events = POLLIN };
	int64_t wait_ms;
	ssize_t bytes;
	int result;

	do {
		wait_ms = deadline_ms + GRACE_MS - now_ms();
		if (wait_ms <= 0)
			return 0;
		result = poll(&ready, 1,
			      wait_ms > INT_MAX ? INT_MAX : (int)wait_ms);
	} while (result < 0 && errno == EINTR);
	if (result == 0)
		return 0;
	bytes = recv(debuginfod->socket, &debuginfod->answer,
		     sizeof(debuginfod->answer), 0);
	if (bytes != (ssize_t)sizeof(debuginfod->answer))
		return -1;
	debuginfod->answer.text[sizeof(debuginfod->answer.text) - 1] = '\0';
	return 1;
}

static int
give_up(struct debuginfod *debuginfod, struct strbuf *why, const char *reason)
{
	debuginfod->gave_up = true;
	strbuf_addf(why, "debuginfod: %s; no debug files are fetched", reason);
	errno = 0;
	return -1;
}

static int
too_late(const struct debuginfod *debuginfod, struct strbuf *why)
{
	strbuf_addf(why, "debuginfod: not fetched within %u s",
		    debuginfod->options.seconds);
	return -1;
}

static int
failed(int error, struct strbuf *why)
{
	if (error == ENOENT)
		strbuf_adds(why, "debuginfod: no server has it");
	else
		strbuf_addf(why, "debuginfod: %s", strerror(error));
	return -1;
}

static int
open_found(const char *path, struct strbuf *found, struct strbuf *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return failed(errno, why);
	strbuf_adds(found, path);
	return fd;
}

static int
receive(struct debuginfod *debuginfod, const char *name, int64_t deadline_ms,
	struct strbuf *path, struct strbuf *why)
{
	int result;

	for (;;) {
		result = await(debuginfod, deadline_ms);
		if (result <= 0) {
			end_child(debuginfod);
			if (result == 0)
				return too_late(debuginfod, why);
			strbuf_adds(why, "debuginfod: ended unexpectedly");
			return -1;
		}
		switch (debuginfod->answer.kind) {
		case ANSWER_PROGRESS:
			tell(debuginfod, name, &debuginfod->answer);
			continue;
		case ANSWER_FOUND:
			return open_found(debuginfod->answer.text, path, why);
		case ANSWER_LATE:
			return too_late(debuginfod, why);
		case ANSWER_UNUSABLE:
			return give_up(debuginfod, why,
				       debuginfod->answer.text);
		case ANSWER_FAILED:
		default:
			return failed(debuginfod->answer.error, why);
		}
	}
}

int
debuginfod_fetch(struct debuginfod *debuginfod, enum debuginfod_kind kind,
		 const uint8_t *build_id, size_t build_id_bytes,
		 const char *name, struct strbuf *path, struct strbuf *why)
{
	struct request request = { .kind = kind };
	int64_t begin_ms = now_ms();
	int64_t limit_ms = (int64_t)debuginfod->options.seconds * MS_PER_SECOND;
	int fd;

	strbuf_clear(path);
	strbuf_clear(why);
	errno = 0;
	if (debuginfod->gave_up || build_id_bytes == 0 ||
	    build_id_bytes > sizeof(request.build_id))
		return -1;
	if (!debuginfod->options.urls || !debuginfod->options.urls[0])
		return give_up(debuginfod, why, "DEBUGINFOD_URLS is not set");
	if (debuginfod->left_ms <= 0)
		return give_up(debuginfod, why,
			       "the time for all files is over");
	if (debuginfod->child <= 0 && start_child(debuginfod) < 0)
		return give_up(debuginfod, why, strerror(errno));
	if (limit_ms > debuginfod->left_ms)
		limit_ms = debuginfod->left_ms;
	request.deadline_ms = begin_ms + limit_ms;
	request.build_id_bytes = (uint32_t)build_id_bytes;
	memcpy(request.build_id, build_id, build_id_bytes);
	tell(debuginfod, name, NULL);
	/* If the child is gone, receive() sees that. */
	send(debuginfod->socket, &request, sizeof(request), MSG_NOSIGNAL);
	fd = receive(debuginfod, name, request.deadline_ms, path, why);
	if (debuginfod->options.progress)
		debuginfod->options.progress(debuginfod->options.context, NULL);
	debuginfod->left_ms -= now_ms() - begin_ms;
	errno = fd < 0 && debuginfod->answer.kind == ANSWER_FAILED
			? debuginfod->answer.error
			: 0;
	return fd;
}
