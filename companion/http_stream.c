#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "../analyzer/clock.h"
#include "../analyzer/xalloc.h"
#include "cond.h"
#include "http_parts.h"

#define STREAM_BLOCK_BYTES (16u << 10)
/* How long the end waits for streams that are not read. */
#define END_S 2

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
	pthread_cond_signal(&http->sent);
	pthread_mutex_unlock(&http->lock);
	http->settings.ended(stream, stream->context);
	pthread_mutex_destroy(&stream->lock);
	strbuf_release(&stream->bytes);
	free(stream);
}

struct MHD_Response *
http_stream_response(struct exchange *exchange)
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

/* libmicrohttpd wants no suspended connection at its end, and closes the others
 * at once: who reads is first sent what was pushed. */
void
http_end_streams(struct http *http)
{
	struct http_stream *stream;
	uint64_t until_ns;

	until_ns = clock_ns(CLOCK_MONOTONIC) + END_S * CLOCK_NS_PER_S;
	pthread_mutex_lock(&http->lock);
	for (stream = http->streams; stream; stream = stream->next)
		http_stream_end(stream);
	while (http->streams && cond_wait(&http->sent, &http->lock, until_ns))
		;
	pthread_mutex_unlock(&http->lock);
}
