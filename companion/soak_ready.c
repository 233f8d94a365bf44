#include "soak_ready.h"

#include <curl/curl.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../analyzer/parse.h"
#include "../analyzer/xalloc.h"
#include "soak_children.h"

#define LOOK_S 0.05
/* One attempt: a server that takes the connection and says nothing is no more
 * ready than one that does not. */
#define ATTEMPT_S 2.0

bool
soak_ready_is_url(const char *text)
{
	return !strncmp(text, "http://", 7) || !strncmp(text, "https://", 8);
}

/* Splits HOST:PORT; the caller frees the host. */
static char *
split_host(const char *text, const char **port)
{
	const char *colon = strrchr(text, ':');
	uint64_t number;
	char *host;

	if (!colon || colon == text || !parse_count(colon + 1, &number) ||
	    number < 1 || number > 65535)
		return NULL;
	*port = colon + 1;
	/* [::1] */
	if (text[0] == '[' && colon[-1] == ']') {
		text++;
		host = xstrdup(text);
		host[colon - 1 - text] = '\0';
	} else {
		host = xstrdup(text);
		host[colon - text] = '\0';
	}
	return host;
}

int
soak_ready_check(const char *ready, struct err *err)
{
	const char *port;
	char *host;

	if (strncmp(ready, "tcp:", 4) != 0)
		return 0;
	host = split_host(ready + 4, &port);
	if (!host)
		return err_set(err, ERR_PATTERN,
			       "ready takes tcp:HOST:PORT, not '%s'", ready);
	free(host);
	return 0;
}

/* --- attempts --------------------------------------------------------------- */

static int
connect_to(const struct addrinfo *address)
{
	int error = 0,
	    fd = socket(address->ai_family,
			SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd wait = { .fd = fd, .events = POLLOUT };
	socklen_t len = sizeof(error);

	if (fd < 0)
		return errno;
	if (connect(fd, address->ai_addr, address->ai_addrlen) < 0) {
		error = errno;
		if (error == EINPROGRESS) {
			error = ETIMEDOUT;
			if (poll(&wait, 1, (int)(ATTEMPT_S * 1000)) > 0)
				getsockopt(fd, SOL_SOCKET, SO_ERROR, &error,
					   &len);
		}
	}
	close(fd);
	return error;
}

static int
try_tcp(const char *place, struct err *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL, *at;
	const char *port = NULL;
	char *host = split_host(place, &port);
	int error;

	if (!host)
		return err_set(err, ERR_STEP, "'%s' is no HOST:PORT", place);
	error = getaddrinfo(host, port, &hints, &list);
	free(host);
	if (error)
		return err_set(err, ERR_STEP, "tcp:%s: %s", place,
			       gai_strerror(error));
	error = ECONNREFUSED;
	for (at = list; at && error; at = at->ai_next)
		error = connect_to(at);
	freeaddrinfo(list);
	return error ? err_set(err, ERR_STEP, "tcp:%s: %s", place,
			       strerror(error))
		     : 0;
}

static size_t
discard(const char *bytes, size_t size, size_t count, void *context)
{
	(void)bytes;
	(void)context;
	return size * count;
}

int
soak_ready_get(const char *url, double timeout_s, long bad, struct err *err)
{
	CURL *curl = curl_easy_init();
	long answer = 0;
	CURLcode code;

	if (!curl)
		return err_set(err, ERR_STEP, "libcurl cannot be started");
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, discard);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(timeout_s * 1000));
	code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer);
	curl_easy_cleanup(curl);
	if (code != CURLE_OK)
		return err_set(err, ERR_STEP, "%s: %s", url,
			       curl_easy_strerror(code));
	if (answer >= bad)
		return err_set(err, ERR_STEP, "%s: it answers %ld", url,
			       answer);
	return 0;
}

static int
attempt(const struct soak_command *command, const char *ready, double left_s,
	struct err *err)
{
	double attempt_s = left_s < ATTEMPT_S ? left_s : ATTEMPT_S;

	if (!strncmp(ready, "tcp:", 4))
		return try_tcp(ready + 4, err);
	if (soak_ready_is_url(ready))
		return soak_ready_get(ready, attempt_s, 500, err);
	if (!strncmp(ready, "file:", 5)) {
		if (access(ready + 5, F_OK) == 0)
			return 0;
		return err_set(err, ERR_STEP, "%s: %s", ready + 5,
			       strerror(errno));
	}
	return soak_command_run(command, ready, left_s, err);
}

int
soak_ready_wait(const struct soak_command *command, const char *ready,
		double timeout_s, struct err *err)
{
	double end = soak_children_now() + timeout_s;
	struct err last, now;
	double left;

	last.text[0] = '\0';
	while ((left = end - soak_children_now()) > 0) {
		if (command->should_stop &&
		    command->should_stop(command->context))
			return 0;
		if (!attempt(command, ready, left, &now))
			return 0;
		/* What was cut short says less than the one before. */
		if (!last.text[0] || soak_children_now() < end)
			last = now;
		soak_children_wait(LOOK_S);
	}
	return err_set(err, ERR_STEP, "not ready after %g s: %s", timeout_s,
		       last.text);
}
