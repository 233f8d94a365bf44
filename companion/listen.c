#include "listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../analyzer/parse.h"
#include "../analyzer/strbuf.h"
#include "../analyzer/xalloc.h"

/* As the kernel bounds it; a burst beyond it is retried by its clients. */
#define BACKLOG 128

#define UNIX_PREFIX "unix:"

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

/* "HOST:PORT" with a numeric host; no host is 127.0.0.1. False: it is not. */
static bool
parse_inet(union address *out, socklen_t *bytes, const char *text)
{
	const char *colon = strrchr(text, ':');
	char host[INET6_ADDRSTRLEN + 2];
	uint64_t port;
	size_t len;

	if (!colon || !parse_count(colon + 1, &port) || port > UINT16_MAX)
		return false;
	len = (size_t)(colon - text);
	if (len >= sizeof(host))
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	memset(out, 0, sizeof(*out));
	if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		out->in6.sin6_family = AF_INET6;
		out->in6.sin6_port = htons((uint16_t)port);
		*bytes = sizeof(out->in6);
		return inet_pton(AF_INET6, host + 1, &out->in6.sin6_addr) == 1;
	}
	out->in.sin_family = AF_INET;
	out->in.sin_port = htons((uint16_t)port);
	*bytes = sizeof(out->in);
	if (!len || !strcmp(host, "localhost"))
		out->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else if (inet_pton(AF_INET, host, &out->in.sin_addr) != 1)
		return false;
	return true;
}

static bool
is_loopback(const union address *address)
{
	if (address->any.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&address->in6.sin6_addr);
	return ntohl(address->in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

static const char *
unix_path(const char *address)
{
	size_t len = strlen(UNIX_PREFIX);

	return strncmp(address, UNIX_PREFIX, len) ? NULL : address + len;
}

bool
listen_is_public(const char *address)
{
	union address parsed;
	socklen_t bytes;

	return !unix_path(address) && parse_inet(&parsed, &bytes, address) &&
	       !is_loopback(&parsed);
}

static int
fail(struct err *err, const char *address)
{
	bool is_used = errno == EADDRINUSE;

	return err_set(err, ERR_OPEN, "cannot listen on '%s': %s%s", address,
		       strerror(errno),
		       is_used ? " (choose another by --listen)" : "");
}

/* What it became: the port may have been 0. */
static char *
url_of(int fd)
{
	struct strbuf url = { 0 };
	union address address;
	socklen_t bytes = sizeof(address);
	char host[INET6_ADDRSTRLEN];

	memset(&address, 0, sizeof(address));
	if (getsockname(fd, &address.any, &bytes) < 0)
		return xstrdup("");
	if (address.any.sa_family == AF_INET6)
		strbuf_addf(&url, "http://[%s]:%u",
			    inet_ntop(AF_INET6, &address.in6.sin6_addr, host,
				      sizeof(host)),
			    ntohs(address.in6.sin6_port));
	else
		strbuf_addf(&url, "http://%s:%u",
			    inet_ntop(AF_INET, &address.in.sin_addr, host,
				      sizeof(host)),
			    ntohs(address.in.sin_port));
	return strbuf_detach(&url);
}

static int
open_inet(struct listen *out, const char *text, struct err *err)
{
	union address address;
	socklen_t bytes;
	int one = 1;

	if (!parse_inet(&address, &bytes, text))
		return err_set(
			err, ERR_PATTERN,
			"'%s' is no address to listen on: HOST:PORT with "
			"a numeric host, or unix:PATH",
			text);
	out->is_public = !is_loopback(&address);
	out->fd = socket(address.any.sa_family,
			 SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* A server that is started again must not wait for the last one's
	 * connections to be forgotten. */
	if (out->fd < 0 ||
	    setsockopt(out->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) <
		    0 ||
	    bind(out->fd, &address.any, bytes) < 0 ||
	    listen(out->fd, BACKLOG) < 0)
		return fail(err, text);
	out->url = url_of(out->fd);
	return 0;
}

/* Nobody answers at a socket file: its server is gone. */
static bool
is_abandoned(const union address *address)
{
	struct stat st;
	bool refused;
	int fd;

	if (lstat(address->un.sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	refused = connect(fd, &address->any, sizeof(address->un)) < 0 &&
		  errno == ECONNREFUSED;
	close(fd);
	return refused;
}

static int
open_unix(struct listen *out, const char *text, const char *path,
	  struct err *err)
{
	union address address;
	mode_t mask;
	int result;

	memset(&address, 0, sizeof(address));
	address.un.sun_family = AF_UNIX;
	if (!path[0] || strlen(path) >= sizeof(address.un.sun_path))
		return err_set(err, ERR_PATTERN,
			       "'%s' is no path for a socket: it has 1 to %zu "
			       "bytes",
			       path, sizeof(address.un.sun_path) - 1);
	memcpy(address.un.sun_path, path, strlen(path) + 1);
	if (is_abandoned(&address))
		unlink(path);
	out->fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (out->fd < 0)
		return fail(err, text);
	mask = umask(0177);
	result = bind(out->fd, &address.any, sizeof(address.un));
	umask(mask);
	if (result == 0)
		out->path = xstrdup(path);
	if (result < 0 || listen(out->fd, BACKLOG) < 0)
		return fail(err, text);
	out->url = xstrdup(text);
	return 0;
}

int
listen_open(struct listen *out, const char *address, struct err *err)
{
	const char *path = unix_path(address);
	int result;

	*out = (struct listen){ .fd = -1 };
	result = path ? open_unix(out, address, path, err)
		      : open_inet(out, address, err);
	if (result < 0)
		listen_close(out);
	return result;
}

void
listen_close(struct listen *listen)
{
	if (listen->fd >= 0)
		close(listen->fd);
	if (listen->path)
		unlink(listen->path);
	free(listen->path);
	free(listen->url);
	*listen = (struct listen){ .fd = -1 };
}
