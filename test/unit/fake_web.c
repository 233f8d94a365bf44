#include "fake_web.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct fake_web fake_web;

static struct MHD_Daemon *on_port, *on_socket;
static char socket_dir[64];
static char page[FAKE_WEB_BYTES];

struct body {
	char bytes[64];
	size_t len;
};

static void
wait_ms(long ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

static enum MHD_Result
answer(void *unused, struct MHD_Connection *connection, const char *url,
       const char *method, const char *version, const char *data, size_t *len,
       void **context)
{
	struct body *body = *context;
	struct MHD_Response *response;
	const char *header;
	unsigned int status = 200;
	enum MHD_Result result;

	(void)unused;
	(void)version;
	if (!body) {
		*context = calloc(1, sizeof(*body));
		return MHD_YES;
	}
	if (*len > 0) {
		if (body->len + *len < sizeof(body->bytes))
			memcpy(body->bytes + body->len, data, *len);
		body->len += *len;
		*len = 0;
		return MHD_YES;
	}
	atomic_fetch_add(&fake_web.requests, 1);
	if (strcmp(url, "/first") == 0)
		atomic_fetch_add(&fake_web.first, 1);
	else if (strcmp(url, "/second") == 0)
		atomic_fetch_add(&fake_web.second, 1);
	else if (strncmp(url, "/wait-", 6) == 0)
		wait_ms(strtol(url + 6, NULL, 10));
	else if (strtoul(url + 1, NULL, 10) >= 200)
		status = (unsigned int)strtoul(url + 1, NULL, 10);
	header = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
					     "X-Test");
	if (strcmp(method, "PUT") == 0 && header &&
	    strcmp(header, "yes, it is") == 0 && body->len == 5 &&
	    memcmp(body->bytes, "a\nb", 3) == 0 && body->bytes[4] == 'c')
		atomic_fetch_add(&fake_web.right, 1);
	free(body);
	*context = NULL;
	response = MHD_create_response_from_buffer(sizeof(page), page,
						   MHD_RESPMEM_PERSISTENT);
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static void
note_connection(void *unused, struct MHD_Connection *connection, void **socket,
		enum MHD_ConnectionNotificationCode code)
{
	(void)unused;
	(void)connection;
	(void)socket;
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		atomic_fetch_add(&fake_web.connections, 1);
}

/* A connection has a thread, so that none waits for another's answer. */
#define SERVER_FLAGS                                                           \
	(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |                      \
	 MHD_USE_THREAD_PER_CONNECTION)

static int
listen_on(const struct sockaddr *address, socklen_t len)
{
	int fd = socket(address->sa_family, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, address, len), 0);
	assert_int_equal(listen(fd, 64), 0);
	return fd;
}

unsigned int
fake_web_port(int fd)
{
	struct sockaddr_in address;
	socklen_t len = sizeof(address);

	getsockname(fd, (struct sockaddr *)&address, &len);
	return ntohs(address.sin_port);
}

int
fake_web_listen(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	return listen_on((struct sockaddr *)&address, sizeof(address));
}

static struct MHD_Daemon *
serve(int fd)
{
	return MHD_start_daemon(SERVER_FLAGS, 0, NULL, NULL, answer, NULL,
				MHD_OPTION_LISTEN_SOCKET, fd,
				MHD_OPTION_NOTIFY_CONNECTION, note_connection,
				NULL, MHD_OPTION_END);
}

int
fake_web_start(void **state)
{
	struct sockaddr_un local = { .sun_family = AF_UNIX };
	int fd = fake_web_listen();

	(void)state;
	fake_web.port = fake_web_port(fd);
	on_port = serve(fd);
	assert_non_null(on_port);
	snprintf(socket_dir, sizeof(socket_dir), "/tmp/fake_web.XXXXXX");
	assert_non_null(mkdtemp(socket_dir));
	snprintf(fake_web.socket_path, sizeof(fake_web.socket_path), "%s/http",
		 socket_dir);
	snprintf(local.sun_path, sizeof(local.sun_path), "%s",
		 fake_web.socket_path);
	on_socket = serve(listen_on((struct sockaddr *)&local, sizeof(local)));
	assert_non_null(on_socket);
	return 0;
}

int
fake_web_stop(void **state)
{
	(void)state;
	MHD_stop_daemon(on_port);
	MHD_stop_daemon(on_socket);
	unlink(fake_web.socket_path);
	return rmdir(socket_dir);
}

void
fake_web_forget(void)
{
	atomic_store(&fake_web.requests, 0);
	atomic_store(&fake_web.first, 0);
	atomic_store(&fake_web.second, 0);
	atomic_store(&fake_web.right, 0);
	atomic_store(&fake_web.connections, 0);
}
