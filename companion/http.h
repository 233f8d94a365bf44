/*
 * The HTTP server of `serve`: connections, limits, token, one handler.
 *
 * One thread of libmicrohttpd does all input and output, so that a slow client
 * costs a descriptor and some KiB and nobody's time. A request that is whole
 * goes to a worker thread, which may block (a snapshot takes its while, a
 * delta its seconds); there are as many as requests are answered at once, at
 * most HTTP_WORKERS_MAX.
 *
 * At each limit the client is told: 401 without the token, 413 for a body, 414
 * and 431 for a head that is too long, 503 with Retry-After when all workers are
 * busy. Connections beyond their number wait until one is closed.
 *
 * A page of another site that makes a browser ask us is refused (403): by what
 * the browser says of it, its Origin, and, where loopback is what protects us,
 * by a Host that is a name other than localhost (DNS rebinding).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../analyzer/err.h"
#include "../analyzer/strbuf.h"
#include "listen.h"

/* A fleet's scrapers and some people; each is a connection that may be kept. */
#define HTTP_CONNECTIONS_MAX 2048
/* As many clients at once as tests demand, and again as many. */
#define HTTP_WORKERS_MAX 128
/* Of a request: pprof posts 20 bytes an address, 16,000 stacks of 64 frames
 * never have more than 100,000 distinct ones that need names. */
#define HTTP_BODY_BYTES (2u << 20)
/* Seconds without a byte, after which a connection is closed: more than what
 * scrapers leave between two requests by default, and no more, or idle ones
 * could hold all connections. */
#define HTTP_IDLE_S 20
/* Seconds in which a request has to be whole, and again an answer taken: one
 * byte now and then is not enough. Streams are bounded otherwise. */
#define HTTP_PATIENCE_S 60
#define HTTP_HEADERS_MAX 8
/* What a stream's client may lag behind before it is dropped. */
#define HTTP_STREAM_BYTES (256u << 10)

struct http;
struct http_stream;

struct http_request {
	const char *method; /* "GET", "HEAD" or "POST" */
	/* Decoded, without the prefix and the query; begins with '/'. */
	const char *path;
	const char *query; /* as it came, behind the '?'; "" = none */
	bool wants_html;   /* a browser's; programs take anything */
	bool wants_json;   /* it says so, and not that it wants HTML */
	const struct http *http;
	const char *body; /* of a POST; NUL-terminated */
	size_t body_bytes;
	int socket; /* the connection's; the server's own business */
};

struct http_reply {
	unsigned int status; /* 200 to begin with */
	const char *type;    /* text/plain; charset=utf-8 to begin with */
	struct {
		const char *name; /* static */
		char *value;      /* owned */
	} headers[HTTP_HEADERS_MAX];
	size_t header_count;
	struct strbuf body; /* owned */
	/* Or a file, from its beginning. -1 = none. Owned. */
	int fd;
	/* Or what is pushed later: the body is its beginning. The context is
	 * for `began` and `ended`. */
	bool is_stream;
	void *stream_context;
};

/* Answers on a worker thread. Several run at once. */
typedef void http_handler(const struct http_request *request,
			  struct http_reply *reply, void *context);

struct http_settings {
	const char *prefix; /* "" or "/x"; borrowed */
	const char *token;  /* NULL: nobody is asked for one; borrowed */
	http_handler *handler;
	void *context;
	unsigned int patience_s; /* 0 = HTTP_PATIENCE_S */
	/* A stream began: http_stream_push() from any thread until `ended`
	 * was called with it. `context` is its reply's, which is given back
	 * by `ended`, or by `unused` if the stream never began. NULL, all
	 * three: no streams. */
	void (*began)(struct http_stream *stream, void *context);
	void (*ended)(struct http_stream *stream, void *context);
	void (*unused)(void *context);
};

/* Serves on `listen`, which is borrowed until http_stop(). NULL with `err`. */
struct http *http_start(const struct listen *listen,
			const struct http_settings *settings, struct err *err)
	__attribute__((warn_unused_result));

/* Waits for workers, and some seconds for clients to take what these have
 * answered; ends streams, closes all connections. */
void http_stop(struct http *http); /* NULL is allowed */

/* --- for handlers --- */

/* Handlers that wait look at it now and then: false if the client has gone, or
 * the server is being stopped. */
bool http_is_awaited(const struct http_request *request);

/* The first value of a key in the query, decoded; NULL: it is not there. The
 * caller frees it. */
char *http_query(const struct http_request *request, const char *key)
	__attribute__((warn_unused_result));

/* Adds a header; `value` as printf does. Line ends in it become blanks. */
void http_header(struct http_reply *reply, const char *name, const char *format,
		 ...) __attribute__((format(printf, 3, 4)));

/* Removes what was added. */
void http_forget_headers(struct http_reply *reply);

/* A status other than 200 with a line of text. */
void http_error(struct http_reply *reply, unsigned int status,
		const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Adds bytes to what a client gets. False: it lags too far behind, or is gone,
 * and gets no more. */
bool http_stream_push(struct http_stream *stream, const char *bytes,
		      size_t len);
/* No more comes: it ends when all is sent. */
void http_stream_end(struct http_stream *stream);

/* Adds text to a page: nothing in it is markup. */
void http_add_html(struct strbuf *out, const char *text);

/* --- pure --- */

/* Whether two texts are the same, in a time that depends on `given` alone. */
bool http_same_token(const char *secret, const char *given);

/* The path of a request's target, and its query, in a target that may be in
 * absolute form as proxies send it, "http://host:80/path?query" (RFC 9112,
 * 3.2.2). *authority is then "host:80", *bytes of it; else NULL. */
const char *http_path(const char *target, const char **authority,
		      size_t *bytes);

/* Decodes %XX, and '+' where it means a blank, in place. */
void http_decode(char *text, bool plus);
