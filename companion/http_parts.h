/*
 * What the rooms of the HTTP server share: http.c its connections and their
 * order, http_access.c who may ask, http_reply.c answers, http_stream.c those
 * that go on, http_text.c the texts of requests. Nobody else includes this.
 */
#pragma once

#include <microhttpd.h>
#include <pthread.h>

#include "http.h"
#include "patience.h"
#include "workers.h"

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
	/* Of a target in absolute form; NULL: it was not. Owned. */
	char *authority;
	char *absolute_path; /* decoded */
	struct strbuf body;
	enum progress progress;
	bool too_long;
	bool is_malformed;
	bool is_unsent; /* counted in http->unsent */
};

struct http {
	struct http_settings settings;
	struct MHD_Daemon *daemon;
	bool guards_host; /* no token, and loopback */
	struct patience *patience;
	struct workers *workers;
	pthread_mutex_t lock;
	pthread_cond_t sent; /* with lock: unsent, streams */
	/* Guard: lock. Requests that a worker had, but for streams, and whose
	 * answers the client has not yet. */
	unsigned int unsent;
	bool stopping;               /* guard: lock */
	struct http_stream *streams; /* guard: lock */
};

/* --- http_access.c --- */

/* The first look at a request. `path` is decoded, and not looked at where the
 * exchange has an absolute one. False: the reply says why
 * not. */
bool http_admit(struct exchange *exchange, const char *path, const char *method,
		const char *version);

/* --- http_reply.c --- */

void http_reply_init(struct http_reply *reply);
void http_reply_release(struct http_reply *reply);
/* Sends the reply. */
enum MHD_Result http_answer(struct exchange *exchange);
/* Of the exchange's connection. */
struct patience_turn *http_turn(const struct exchange *exchange);

/* --- http_stream.c --- */

/* Begins the stream that the reply is. NULL: no memory. */
struct MHD_Response *http_stream_response(struct exchange *exchange);
/* No more comes for any of them. Waits until what was pushed is sent, a
 * moment at most for those who don't read. */
void http_end_streams(struct http *http);
