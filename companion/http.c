#include "http.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../analyzer/clock.h"
#include "../analyzer/xalloc.h"
#include "cond.h"
#include "http_parts.h"

/* Of a connection: request line and headers. As much as Go's server takes by
 * default is a megabyte; nothing that asks us needs more than this. */
#define HEAD_BYTES (64u << 10)

/* At the server's end clients have so long to take their answers. */
#define SEND_S 5

/* The request line has come, still as it was sent. */
static void *
begin(void *as_http, const char *uri, struct MHD_Connection *connection)
{
	struct exchange *exchange = xcalloc(1, sizeof(*exchange));
	const char *query = strchr(uri, '?'), *authority, *path;
	size_t len;

	exchange->http = as_http;
	exchange->request.http = as_http;
	exchange->connection = connection;
	exchange->query = xstrdup(query ? query + 1 : "");
	exchange->request.query = exchange->query;
	path = http_path(uri, &authority, &len);
	/* What is decoded is a text that a NUL would end. */
	exchange->is_malformed = memmem(path, strcspn(path, "?"), "%00", 3);
	if (authority) {
		exchange->authority = xmalloc(len + 1);
		memcpy(exchange->authority, authority, len);
		exchange->authority[len] = '\0';
		exchange->absolute_path = xstrdup(*path == '/' ? path : "/");
		exchange->absolute_path[strcspn(exchange->absolute_path, "?")] =
			'\0';
		http_decode(exchange->absolute_path, false);
	}
	exchange->request.method = "GET";
	exchange->request.socket =
		MHD_get_connection_info(connection,
					MHD_CONNECTION_INFO_CONNECTION_FD)
			->connect_fd;
	http_reply_init(&exchange->reply);
	return exchange;
}

static void
watch(void *as_http, struct MHD_Connection *connection, void **as_turn,
      enum MHD_ConnectionNotificationCode code)
{
	const struct http *http = as_http;
	int fd = MHD_get_connection_info(connection,
					 MHD_CONNECTION_INFO_CONNECTION_FD)
			 ->connect_fd;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*as_turn = patience_begin(http->patience, fd);
	} else if (*as_turn) {
		patience_end(*as_turn);
		*as_turn = NULL;
	}
}

static void
count_unsent(struct exchange *exchange, bool is_unsent)
{
	struct http *http = exchange->http;

	if (exchange->is_unsent == is_unsent)
		return;
	exchange->is_unsent = is_unsent;
	pthread_mutex_lock(&http->lock);
	if (is_unsent)
		http->unsent++;
	else
		http->unsent--;
	pthread_cond_signal(&http->sent);
	pthread_mutex_unlock(&http->lock);
}

static void
end(void *as_http, struct MHD_Connection *connection, void **as_exchange,
    enum MHD_RequestTerminationCode code)
{
	struct exchange *exchange = *as_exchange;

	(void)as_http;
	(void)connection;
	(void)code;
	if (!exchange)
		return;
	count_unsent(exchange, false);
	/* The next request on this connection. */
	patience_restart(http_turn(exchange));
	if (exchange->reply.is_stream)
		exchange->http->settings.unused(exchange->reply.stream_context);
	http_reply_release(&exchange->reply);
	strbuf_release(&exchange->body);
	free(exchange->query);
	free(exchange->path);
	free(exchange->authority);
	free(exchange->absolute_path);
	free(exchange);
	*as_exchange = NULL;
}

static void
add_body(struct exchange *exchange, const char *bytes, size_t len)
{
	if (exchange->body.len + len > HTTP_BODY_BYTES)
		exchange->too_long = true;
	else
		strbuf_add(&exchange->body, bytes, len);
}

/* On a worker thread. */
static void
handle(void *as_exchange)
{
	struct exchange *exchange = as_exchange;
	struct http *http = exchange->http;

	http->settings.handler(&exchange->request, &exchange->reply,
			       http->settings.context);
	if (exchange->reply.is_stream)
		count_unsent(exchange, false);
	/* From here on the exchange is the server's again. */
	MHD_resume_connection(exchange->connection);
}

static bool
is_stopping(struct http *http)
{
	bool stopping;

	pthread_mutex_lock(&http->lock);
	stopping = http->stopping;
	pthread_mutex_unlock(&http->lock);
	return stopping;
}

/* Hands a whole request to a worker. */
static enum MHD_Result
dispatch(struct exchange *exchange)
{
	/* At its end the server wants no connection suspended. */
	bool is_late = is_stopping(exchange->http);

	exchange->request.body = strbuf_text(&exchange->body);
	exchange->request.body_bytes = exchange->body.len;
	if (!is_late) {
		exchange->progress = WAITING;
		count_unsent(exchange, true);
		patience_pause(http_turn(exchange));
		/* Before a worker can be through with it. */
		MHD_suspend_connection(exchange->connection);
		if (workers_give(exchange->http->workers, handle, exchange))
			return MHD_YES;
	}
	http_error(&exchange->reply, MHD_HTTP_SERVICE_UNAVAILABLE,
		   "too many requests at once");
	http_header(&exchange->reply, "Retry-After", "1");
	if (is_late)
		return http_answer(exchange);
	MHD_resume_connection(exchange->connection);
	return MHD_YES;
}

static enum MHD_Result
go_on(void *as_http, struct MHD_Connection *connection, const char *path,
      const char *method, const char *version, const char *bytes, size_t *len,
      void **as_exchange)
{
	struct exchange *exchange = *as_exchange;

	(void)as_http;
	(void)connection;
	switch (exchange->progress) {
	case FRESH:
		if (!http_admit(exchange, path, method, version))
			return http_answer(exchange);
		/* Ours, since the connection's goes with its buffer. */
		exchange->request.method = !strcmp(method, "POST")   ? "POST"
					   : !strcmp(method, "HEAD") ? "HEAD"
								     : "GET";
		exchange->progress = READING;
		return MHD_YES;
	case READING:
		if (*len) {
			add_body(exchange, bytes, *len);
			*len = 0;
			return MHD_YES;
		}
		if (!exchange->too_long)
			return dispatch(exchange);
		http_error(&exchange->reply, MHD_HTTP_CONTENT_TOO_LARGE,
			   "the body is over %u bytes", HTTP_BODY_BYTES);
		return http_answer(exchange);
	case WAITING:
		return http_answer(exchange);
	case ANSWERED:
		break;
	}
	return MHD_NO;
}

struct http *
http_start(const struct listen *listen, const struct http_settings *settings,
	   struct err *err)
{
	struct http *http = xcalloc(1, sizeof(*http));
	int fd;

	http->settings = *settings;
	http->guards_host = !settings->token && !listen->is_public &&
			    !listen->path;
	http->workers = workers_new(HTTP_WORKERS_MAX);
	pthread_mutex_init(&http->lock, NULL);
	cond_init(&http->sent);
	http->patience = patience_new(
		settings->patience_s ? settings->patience_s : HTTP_PATIENCE_S);
	if (!http->patience) {
		err_set(err, ERR_STEP, "cannot start a thread: %s",
			strerror(errno));
		http_stop(http);
		return NULL;
	}
	/* The descriptor stays ours: libmicrohttpd closes what it is given.
	 * Without one it would listen where it likes. */
	fd = fcntl(listen->fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0) {
		err_set(err, ERR_STEP, "cannot start the server: %s",
			strerror(errno));
		http_stop(http);
		return NULL;
	}
	http->daemon = MHD_start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0,
		NULL, NULL, go_on, http, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_CONNECTION_LIMIT, HTTP_CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)HTTP_IDLE_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEAD_BYTES,
		MHD_OPTION_NOTIFY_COMPLETED, end, http,
		MHD_OPTION_NOTIFY_CONNECTION, watch, http,
		MHD_OPTION_URI_LOG_CALLBACK, begin, http,
		MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
	if (http->daemon)
		return http;
	err_set(err, ERR_STEP, "cannot start the server: %s", strerror(errno));
	http_stop(http);
	return NULL;
}

void
http_stop(struct http *http)
{
	MHD_socket listening;
	uint64_t until_ns;

	if (!http)
		return;
	if (http->daemon) {
		listening = MHD_quiesce_daemon(http->daemon);
		if (listening != MHD_INVALID_SOCKET)
			close(listening);
	}
	pthread_mutex_lock(&http->lock);
	http->stopping = true;
	pthread_mutex_unlock(&http->lock);
	/* Freed after the server, whose thread still may have requests. */
	workers_end(http->workers);
	/* A profile of a process that ended is the last there is of it. */
	until_ns = clock_ns(CLOCK_MONOTONIC) + SEND_S * CLOCK_NS_PER_S;
	pthread_mutex_lock(&http->lock);
	while (http->unsent && cond_wait(&http->sent, &http->lock, until_ns))
		;
	pthread_mutex_unlock(&http->lock);
	http_end_streams(http);
	if (http->daemon)
		MHD_stop_daemon(http->daemon);
	workers_free(http->workers);
	patience_free(http->patience);
	pthread_cond_destroy(&http->sent);
	pthread_mutex_destroy(&http->lock);
	free(http);
}

/* A connection that was reset. */
static bool
has_error(int fd)
{
	struct pollfd one = { .fd = fd };

	return poll(&one, 1, 0) == 1;
}

bool
http_is_awaited(const struct http_request *request)
{
	/* Only the lock is changed. */
	struct http *http = (struct http *)(uintptr_t)request->http;
	char byte;

	/* The connection is suspended, so that nobody else reads or closes it.
	 * Who wants an answer does not end its own side before. */
	return !is_stopping(http) &&
	       recv(request->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0 &&
	       !has_error(request->socket);
}
