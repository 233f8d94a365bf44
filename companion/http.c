#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../analyzer/xalloc.h"
#include "patience.h"

/* Of a connection: request line and headers. As much as Go's server takes by
 * default is a megabyte; nothing that asks us needs more than this. */
#define HEAD_BYTES (64u << 10)
#define STREAM_BLOCK_BYTES (16u << 10)
/* A worker without work ends after this. */
#define WORKER_IDLE_S 10
/* The analyzer's recursion is bounded, libdw's not by us. */
#define WORKER_STACK_BYTES (2u << 20)

/* At the server's end clients have so long to take their answers. */
#define SEND_S 5

enum progress {
	FRESH,   /* nothing but the request line and headers is there */
	READING, /* its body */
	WAITING, /* a worker has it; the connection is suspended */
	ANSWERED,
};

/* One request from its first line until its last byte is sent. */
struct exchange {
	struct http *http;
	struct MHD_Connection *connection;
	struct http_request request;
	struct http_reply reply;
	char *query; /* owned */
	char *path;  /* owned */
	struct strbuf body;
	enum progress progress;
	bool too_long;
	bool is_unsent;        /* counted in http->unsent */
	struct exchange *next; /* guard: http->lock; waiting for a worker */
};

struct http {
	struct http_settings settings;
	struct MHD_Daemon *daemon;
	bool guards_host; /* no token, and loopback */
	struct patience *patience;
	pthread_mutex_t lock;
	pthread_cond_t work;        /* with lock: waiting, stopping */
	pthread_cond_t ended;       /* with lock: workers */
	struct exchange *waiting;   /* guard: lock; first in, first out */
	struct exchange **last;     /* guard: lock */
	unsigned int waiting_count; /* guard: lock */
	unsigned int workers;       /* guard: lock */
	unsigned int idle;          /* guard: lock */
	/* Guard: lock. Requests that a worker had, but for streams, and whose
	 * answers the client has not yet. */
	unsigned int unsent;
	bool stopping;               /* guard: lock */
	struct http_stream *streams; /* guard: lock */
};

struct http_stream {
	struct http *http;
	void *context; /* of its reply */
	struct MHD_Connection *connection;
	pthread_mutex_t lock;
	struct strbuf bytes; /* guard: lock; what was not sent, from `sent` on */
	size_t sent;         /* guard: lock */
	bool suspended;      /* guard: lock */
	bool over;           /* guard: lock */
	struct http_stream *next; /* guard: http->lock */
	struct http_stream **link;
};

/* --- pure ---------------------------------------------------------------- */

bool
http_same_token(const char *secret, const char *given)
{
	size_t secret_len = strlen(secret);
	size_t given_len = strlen(given);
	unsigned char differ = secret_len != given_len;
	size_t i;

	for (i = 0; i < given_len; i++)
		differ |=
			(unsigned char)(given[i] ^
					secret[secret_len ? i % secret_len : 0]);
	return !differ;
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

void
http_decode(char *text, bool plus)
{
	char *out = text;

	for (; *text; text++) {
		if (*text == '%' && hex(text[1]) >= 0 && hex(text[2]) >= 0) {
			*out++ = (char)(hex(text[1]) * 16 + hex(text[2]));
			text += 2;
		} else {
			*out++ = plus && *text == '+' ? ' ' : *text;
		}
	}
	*out = '\0';
}

char *
http_query(const struct http_request *request, const char *key)
{
	const char *at = request->query;
	size_t key_len = strlen(key);

	while (*at) {
		size_t len = strcspn(at, "&");
		size_t name_len = strcspn(at, "=&");

		if (name_len == key_len && !memcmp(at, key, key_len)) {
			char *value;

			at += name_len;
			len -= name_len;
			if (len)
				at++, len--;
			value = xmalloc(len + 1);
			memcpy(value, at, len);
			value[len] = '\0';
			http_decode(value, true);
			return value;
		}
		at += len;
		at += *at == '&';
	}
	return NULL;
}

/* --- replies ------------------------------------------------------------- */

static void
reply_init(struct http_reply *reply)
{
	*reply = (struct http_reply){
		.status = MHD_HTTP_OK,
		.type = "text/plain; charset=utf-8",
		.fd = -1,
	};
}

void
http_forget_headers(struct http_reply *reply)
{
	while (reply->header_count)
		free(reply->headers[--reply->header_count].value);
}

static void
reply_release(struct http_reply *reply)
{
	http_forget_headers(reply);
	strbuf_release(&reply->body);
	if (reply->fd >= 0)
		close(reply->fd);
}

void
http_header(struct http_reply *reply, const char *name, const char *format, ...)
{
	struct strbuf value = { 0 };
	va_list args;
	char *at;

	if (reply->header_count == HTTP_HEADERS_MAX)
		return;
	va_start(args, format);
	strbuf_vaddf(&value, format, args);
	va_end(args);
	strbuf_adds(&value, "");
	reply->headers[reply->header_count].name = name;
	at = strbuf_detach(&value);
	reply->headers[reply->header_count++].value = at;
	for (; *at; at++) {
		if (*at == '\r' || *at == '\n')
			*at = ' ';
	}
}

void
http_error(struct http_reply *reply, unsigned int status, const char *format,
	   ...)
{
	va_list args;

	reply_release(reply);
	reply_init(reply);
	reply->status = status;
	va_start(args, format);
	strbuf_vaddf(&reply->body, format, args);
	va_end(args);
	strbuf_addc(&reply->body, '\n');
}

void
http_add_html(struct strbuf *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("<>&\"'", *text))
			strbuf_addf(out, "&#%d;", *text);
		else
			strbuf_addc(out, *text);
	}
}

/* --- streams ------------------------------------------------------------- */

bool
http_stream_push(struct http_stream *stream, const char *bytes, size_t len)
{
	bool good;

	pthread_mutex_lock(&stream->lock);
	if (stream->bytes.len - stream->sent + len > HTTP_STREAM_BYTES)
		stream->over = true;
	good = !stream->over;
	if (good)
		strbuf_add(&stream->bytes, bytes, len);
	if (stream->suspended) {
		stream->suspended = false;
		MHD_resume_connection(stream->connection);
	}
	pthread_mutex_unlock(&stream->lock);
	return good;
}

void
http_stream_end(struct http_stream *stream)
{
	pthread_mutex_lock(&stream->lock);
	stream->over = true;
	if (stream->suspended) {
		stream->suspended = false;
		MHD_resume_connection(stream->connection);
	}
	pthread_mutex_unlock(&stream->lock);
}

/* libmicrohttpd asks for bytes; it is suspended while there are none. */
static ssize_t
stream_read(void *as_stream, uint64_t position, char *out, size_t most)
{
	struct http_stream *stream = as_stream;
	ssize_t result = 0;
	size_t left;

	(void)position;
	pthread_mutex_lock(&stream->lock);
	left = stream->bytes.len - stream->sent;
	if (left) {
		if (left > most)
			left = most;
		memcpy(out, stream->bytes.data + stream->sent, left);
		stream->sent += left;
		if (stream->sent == stream->bytes.len) {
			strbuf_clear(&stream->bytes);
			stream->sent = 0;
		}
		result = (ssize_t)left;
	} else if (stream->over) {
		result = MHD_CONTENT_READER_END_OF_STREAM;
	} else {
		stream->suspended = true;
		MHD_suspend_connection(stream->connection);
	}
	pthread_mutex_unlock(&stream->lock);
	return result;
}

static void
stream_free(void *as_stream)
{
	struct http_stream *stream = as_stream;
	struct http *http = stream->http;

	pthread_mutex_lock(&http->lock);
	*stream->link = stream->next;
	if (stream->next)
		stream->next->link = stream->link;
	pthread_mutex_unlock(&http->lock);
	http->settings.ended(stream, stream->context);
	pthread_mutex_destroy(&stream->lock);
	strbuf_release(&stream->bytes);
	free(stream);
}

static struct MHD_Response *
stream_response(struct exchange *exchange)
{
	struct http *http = exchange->http;
	struct http_stream *stream = xcalloc(1, sizeof(*stream));
	struct MHD_Response *response;

	stream->http = http;
	stream->connection = exchange->connection;
	stream->bytes = exchange->reply.body;
	exchange->reply.body = (struct strbuf){ 0 };
	stream->context = exchange->reply.stream_context;
	exchange->reply.is_stream = false;
	pthread_mutex_init(&stream->lock, NULL);
	pthread_mutex_lock(&http->lock);
	stream->over = http->stopping;
	stream->next = http->streams;
	stream->link = &http->streams;
	if (stream->next)
		stream->next->link = &stream->next;
	http->streams = stream;
	pthread_mutex_unlock(&http->lock);
	http->settings.began(stream, stream->context);
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN,
						     STREAM_BLOCK_BYTES,
						     stream_read, stream,
						     stream_free);
	if (!response)
		stream_free(stream);
	return response;
}

/* --- answering ----------------------------------------------------------- */

static struct MHD_Response *
file_response(struct http_reply *reply)
{
	struct stat st;
	struct MHD_Response *response;

	if (fstat(reply->fd, &st) < 0)
		return NULL;
	response =
		MHD_create_response_from_fd64((uint64_t)st.st_size, reply->fd);
	if (response)
		reply->fd = -1; /* closed with it */
	return response;
}

static struct MHD_Response *
text_response(struct http_reply *reply)
{
	struct MHD_Response *response;
	size_t len = reply->body.len;
	char *text = strbuf_detach(&reply->body);

	response = MHD_create_response_from_buffer(len, text,
						   MHD_RESPMEM_MUST_FREE);
	if (!response)
		free(text);
	return response;
}

/* Of the exchange's connection. */
static struct patience_turn *
turn_of(const struct exchange *exchange)
{
	return MHD_get_connection_info(exchange->connection,
				       MHD_CONNECTION_INFO_SOCKET_CONTEXT)
		->socket_context;
}

/* Sends the reply. */
static enum MHD_Result
answer(struct exchange *exchange)
{
	struct http_reply *reply = &exchange->reply;
	struct MHD_Response *response;
	enum MHD_Result result;
	size_t i;

	exchange->progress = ANSWERED;
	patience_restart(turn_of(exchange));
	if (reply->is_stream && strcmp(exchange->request.method, "HEAD") != 0) {
		patience_pause(turn_of(exchange));
		response = stream_response(exchange);
	} else if (reply->fd >= 0) {
		response = file_response(reply);
	} else {
		response = text_response(reply);
	}
	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", reply->type);
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	for (i = 0; i < reply->header_count; i++)
		MHD_add_response_header(response, reply->headers[i].name,
					reply->headers[i].value);
	result = MHD_queue_response(exchange->connection, reply->status,
				    response);
	MHD_destroy_response(response);
	return result;
}

/* --- workers ------------------------------------------------------------- */

static struct exchange *
take_work_locked(struct http *http)
{
	struct exchange *exchange = http->waiting;
	struct timespec until;

	if (!exchange && !http->stopping) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += WORKER_IDLE_S;
		http->idle++;
		while (!http->waiting && !http->stopping &&
		       !pthread_cond_timedwait(&http->work, &http->lock,
					       &until))
			;
		http->idle--;
		exchange = http->waiting;
	}
	if (!exchange)
		return NULL;
	http->waiting = exchange->next;
	if (!http->waiting)
		http->last = &http->waiting;
	http->waiting_count--;
	return exchange;
}

static void
forget_unsent(struct exchange *exchange)
{
	struct http *http = exchange->http;

	if (!exchange->is_unsent)
		return;
	exchange->is_unsent = false;
	pthread_mutex_lock(&http->lock);
	http->unsent--;
	pthread_cond_signal(&http->ended);
	pthread_mutex_unlock(&http->lock);
}

static void *
work(void *as_http)
{
	struct http *http = as_http;
	struct exchange *exchange;

	pthread_mutex_lock(&http->lock);
	while ((exchange = take_work_locked(http))) {
		pthread_mutex_unlock(&http->lock);
		http->settings.handler(&exchange->request, &exchange->reply,
				       http->settings.context);
		if (exchange->reply.is_stream)
			forget_unsent(exchange);
		/* From here on the exchange is the server's again. */
		MHD_resume_connection(exchange->connection);
		pthread_mutex_lock(&http->lock);
	}
	http->workers--;
	pthread_cond_signal(&http->ended);
	pthread_mutex_unlock(&http->lock);
	return NULL;
}

static bool
make_worker_locked(struct http *http)
{
	pthread_attr_t attr;
	pthread_t thread;
	bool made;

	if (http->workers == HTTP_WORKERS_MAX)
		return false;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, WORKER_STACK_BYTES);
	made = pthread_create(&thread, &attr, work, http) == 0;
	http->workers += made;
	pthread_attr_destroy(&attr);
	return made;
}

/* Hands a whole request to a worker. */
static enum MHD_Result
dispatch(struct exchange *exchange)
{
	struct http *http = exchange->http;
	bool taken;

	exchange->request.body = strbuf_text(&exchange->body);
	exchange->request.body_bytes = exchange->body.len;
	pthread_mutex_lock(&http->lock);
	taken = !http->stopping &&
		(http->idle > http->waiting_count || make_worker_locked(http));
	if (taken) {
		exchange->progress = WAITING;
		exchange->is_unsent = true;
		http->unsent++;
		patience_pause(turn_of(exchange));
		MHD_suspend_connection(exchange->connection);
		*http->last = exchange;
		http->last = &exchange->next;
		http->waiting_count++;
		pthread_cond_signal(&http->work);
	}
	pthread_mutex_unlock(&http->lock);
	if (taken)
		return MHD_YES;
	http_error(&exchange->reply, MHD_HTTP_SERVICE_UNAVAILABLE,
		   "too many requests at once");
	http_header(&exchange->reply, "Retry-After", "1");
	return answer(exchange);
}

/* --- who may ask --------------------------------------------------------- */

static const char *
header(const struct exchange *exchange, const char *name)
{
	return MHD_lookup_connection_value(exchange->connection,
					   MHD_HEADER_KIND, name);
}

/* "Bearer TOKEN", or any user with the token as password: what a browser and
 * `go tool pprof http://x:TOKEN@host` send. */
static bool
has_token(const struct exchange *exchange)
{
	static const char bearer[] = "Bearer ";
	const char *secret = exchange->http->settings.token;
	const char *given = header(exchange, "Authorization");
	char *user, *password = NULL;
	bool same;

	if (given && !strncasecmp(given, bearer, strlen(bearer)))
		return http_same_token(secret, given + strlen(bearer));
	user = MHD_basic_auth_get_username_password(exchange->connection,
						    &password);
	same = password && http_same_token(secret, password);
	MHD_free(user);
	MHD_free(password);
	return same;
}

/* "localhost" or an address, which no foreign name server can point here. */
static bool
is_own_host(const char *host)
{
	char name[256];
	struct in_addr in;
	size_t len = strcspn(host, ":");

	if (host[0] == '[')
		return true;
	if (len >= sizeof(name))
		return false;
	memcpy(name, host, len);
	name[len] = '\0';
	return !len || !strcasecmp(name, "localhost") ||
	       inet_pton(AF_INET, name, &in) == 1;
}

/* A picture or a script of another site's page has no Origin. Its links may
 * lead here. */
static bool
is_foreign_part(const struct exchange *exchange)
{
	const char *site = header(exchange, "Sec-Fetch-Site");
	const char *mode = header(exchange, "Sec-Fetch-Mode");

	return site && !strcasecmp(site, "cross-site") &&
	       !(mode && !strcasecmp(mode, "navigate"));
}

static bool
is_foreign_page(const struct exchange *exchange)
{
	const char *host = header(exchange, "Host");
	const char *origin = header(exchange, "Origin");

	if (!host)
		host = "";
	if (exchange->http->guards_host && !is_own_host(host))
		return true;
	if (!origin)
		return is_foreign_part(exchange);
	origin = strstr(origin, "://");
	return !origin || strcasecmp(origin + 3, host) != 0;
}

static bool
accepts_html(const struct exchange *exchange)
{
	const char *accept = header(exchange, "Accept");

	return accept && strstr(accept, "text/html");
}

/* The path without the prefix, or NULL: it is not below it. */
static const char *
below_prefix(const struct http *http, const char *path)
{
	size_t len = strlen(http->settings.prefix);

	if (strncmp(path, http->settings.prefix, len) != 0)
		return NULL;
	path += len;
	return *path == '/' ? path : NULL;
}

/* The first look at a request. False: the reply says why not. */
static bool
admit(struct exchange *exchange, const char *path, const char *method)
{
	const struct http *http = exchange->http;
	struct http_reply *reply = &exchange->reply;
	const char *below = below_prefix(http, path);

	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0 &&
	    strcmp(method, "POST") != 0) {
		http_error(reply, MHD_HTTP_METHOD_NOT_ALLOWED,
			   "method not allowed");
		http_header(reply, "Allow", "GET, HEAD, POST");
	} else if (is_foreign_page(exchange)) {
		http_error(reply, MHD_HTTP_FORBIDDEN,
			   "asked by a page of another site");
	} else if (http->settings.token && !has_token(exchange)) {
		http_error(reply, MHD_HTTP_UNAUTHORIZED,
			   "the token is missing or wrong");
		http_header(reply, "WWW-Authenticate",
			    "Basic realm=\"leakshim\"");
	} else if (!below && !strcmp(path, http->settings.prefix)) {
		http_error(reply, MHD_HTTP_MOVED_PERMANENTLY, "%s/", path);
		http_header(reply, "Location", "%s/", path);
	} else if (!below) {
		http_error(reply, MHD_HTTP_NOT_FOUND, "404 page not found");
	} else {
		exchange->path = xstrdup(below);
		exchange->request.path = exchange->path;
		return true;
	}
	return false;
}

/* --- libmicrohttpd ------------------------------------------------------- */

/* The request line has come, still as it was sent. */
static void *
begin(void *as_http, const char *uri, struct MHD_Connection *connection)
{
	struct exchange *exchange = xcalloc(1, sizeof(*exchange));
	const char *query = strchr(uri, '?');

	exchange->http = as_http;
	exchange->request.http = as_http;
	exchange->connection = connection;
	exchange->query = xstrdup(query ? query + 1 : "");
	exchange->request.query = exchange->query;
	exchange->request.method = "GET";
	exchange->request.socket =
		MHD_get_connection_info(connection,
					MHD_CONNECTION_INFO_CONNECTION_FD)
			->connect_fd;
	reply_init(&exchange->reply);
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
end(void *as_http, struct MHD_Connection *connection, void **as_exchange,
    enum MHD_RequestTerminationCode code)
{
	struct exchange *exchange = *as_exchange;

	(void)as_http;
	(void)connection;
	(void)code;
	if (!exchange)
		return;
	forget_unsent(exchange);
	/* The next request on this connection. */
	patience_restart(turn_of(exchange));
	if (exchange->reply.is_stream)
		exchange->http->settings.unused(exchange->reply.stream_context);
	reply_release(&exchange->reply);
	strbuf_release(&exchange->body);
	free(exchange->query);
	free(exchange->path);
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

static enum MHD_Result
go_on(void *as_http, struct MHD_Connection *connection, const char *path,
      const char *method, const char *version, const char *bytes, size_t *len,
      void **as_exchange)
{
	struct exchange *exchange = *as_exchange;

	(void)as_http;
	(void)connection;
	(void)version;
	switch (exchange->progress) {
	case FRESH:
		if (!admit(exchange, path, method))
			return answer(exchange);
		/* Ours, since the connection's goes with its buffer. */
		exchange->request.method = !strcmp(method, "POST")   ? "POST"
					   : !strcmp(method, "HEAD") ? "HEAD"
								     : "GET";
		exchange->request.wants_html = accepts_html(exchange);
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
		return answer(exchange);
	case WAITING:
		return answer(exchange);
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

	http->settings = *settings;
	http->guards_host = !settings->token && !listen->is_public &&
			    !listen->path;
	http->last = &http->waiting;
	pthread_mutex_init(&http->lock, NULL);
	pthread_cond_init(&http->work, NULL);
	pthread_cond_init(&http->ended, NULL);
	http->patience = patience_new(
		settings->patience_s ? settings->patience_s : HTTP_PATIENCE_S);
	if (!http->patience) {
		err_set(err, ERR_STEP, "cannot start a thread: %s",
			strerror(errno));
		http_stop(http);
		return NULL;
	}
	/* The descriptor stays ours: libmicrohttpd closes what it is given. */
	http->daemon = MHD_start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0,
		NULL, NULL, go_on, http, MHD_OPTION_LISTEN_SOCKET,
		fcntl(listen->fd, F_DUPFD_CLOEXEC, 3),
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

/* libmicrohttpd wants no suspended connection at its end. */
static void
end_streams(struct http *http)
{
	struct http_stream *stream;

	pthread_mutex_lock(&http->lock);
	for (stream = http->streams; stream; stream = stream->next)
		http_stream_end(stream);
	pthread_mutex_unlock(&http->lock);
}

void
http_stop(struct http *http)
{
	MHD_socket listening;
	struct timespec until;

	if (!http)
		return;
	if (http->daemon) {
		listening = MHD_quiesce_daemon(http->daemon);
		if (listening != MHD_INVALID_SOCKET)
			close(listening);
	}
	pthread_mutex_lock(&http->lock);
	http->stopping = true;
	pthread_cond_broadcast(&http->work);
	while (http->workers)
		pthread_cond_wait(&http->ended, &http->lock);
	/* A profile of a process that ended is the last there is of it. */
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += SEND_S;
	while (http->unsent &&
	       !pthread_cond_timedwait(&http->ended, &http->lock, &until))
		;
	pthread_mutex_unlock(&http->lock);
	end_streams(http);
	if (http->daemon)
		MHD_stop_daemon(http->daemon);
	patience_free(http->patience);
	pthread_cond_destroy(&http->work);
	pthread_cond_destroy(&http->ended);
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
	bool stopping;
	char byte;

	pthread_mutex_lock(&http->lock);
	stopping = http->stopping;
	pthread_mutex_unlock(&http->lock);
	/* The connection is suspended, so that nobody else reads or closes it.
	 * Who wants an answer does not end its own side before. */
	return !stopping &&
	       recv(request->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0 &&
	       !has_error(request->socket);
}
