#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http_parts.h"

void
http_reply_init(struct http_reply *reply)
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

void
http_reply_release(struct http_reply *reply)
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

	http_reply_release(reply);
	http_reply_init(reply);
	reply->status = status;
	va_start(args, format);
	strbuf_vaddf(&reply->body, format, args);
	va_end(args);
	strbuf_addc(&reply->body, '\n');
}

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

struct patience_turn *
http_turn(const struct exchange *exchange)
{
	return MHD_get_connection_info(exchange->connection,
				       MHD_CONNECTION_INFO_SOCKET_CONTEXT)
		->socket_context;
}

enum MHD_Result
http_answer(struct exchange *exchange)
{
	struct http_reply *reply = &exchange->reply;
	struct MHD_Response *response;
	enum MHD_Result result;
	size_t i;

	exchange->progress = ANSWERED;
	patience_restart(http_turn(exchange));
	if (reply->is_stream && strcmp(exchange->request.method, "HEAD") != 0) {
		patience_pause(http_turn(exchange));
		response = http_stream_response(exchange);
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
