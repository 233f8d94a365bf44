/* The HTTP server against clients on real sockets. */
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../analyzer/xalloc.h"
#include "../../companion/http.h"

/* No answer takes longer, on the slowest machine. */
#define PATIENCE_MS 30000
#define ANSWER_BYTES (1u << 20)

static struct {
	struct listen listen;
	struct http *http;
	in_port_t port;
	char answer[ANSWER_BYTES];
	/* Of the handler. */
	atomic_int entered;   /* requests of /wait that it is in */
	atomic_int given_up;  /* those that nobody waited for any more */
	atomic_bool released; /* lets /wait go */
	pthread_mutex_t lock;
	struct http_stream *stream; /* guard: lock */
	atomic_int began;
	atomic_int ended;
	atomic_int unused;
} it;

static void
sleep_ms(long ms)
{
	const struct timespec pause = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&pause, NULL);
}

static void
wait_for(atomic_int *count, int wanted)
{
	int i;

	for (i = 0; i < PATIENCE_MS / 5 && *count < wanted; i++)
		sleep_ms(5);
	if (*count < wanted)
		fail_msg("%d instead of %d", *count, wanted);
}

static void
add_times(struct strbuf *out, char c, size_t count)
{
	char *text = xmalloc(count);

	memset(text, c, count);
	strbuf_add(out, text, count);
	free(text);
}

/* --- what is served ------------------------------------------------------- */

static void
began(struct http_stream *stream, void *context)
{
	assert_ptr_equal(context, &it);
	pthread_mutex_lock(&it.lock);
	it.stream = stream;
	pthread_mutex_unlock(&it.lock);
	it.began++;
}

static void
ended(struct http_stream *stream, void *context)
{
	assert_ptr_equal(context, &it);
	pthread_mutex_lock(&it.lock);
	if (it.stream == stream)
		it.stream = NULL;
	pthread_mutex_unlock(&it.lock);
	it.ended++;
}

static void
unused(void *context)
{
	assert_ptr_equal(context, &it);
	it.unused++;
}

static void
reply_echo(const struct http_request *request, struct http_reply *reply)
{
	char *value = http_query(request, "a");

	http_header(reply, "X-Line", "one\r\nX-Second: %d", 2);
	strbuf_addf(&reply->body, "%s %s ?%s a=%s body=%zu html=%d",
		    request->method, request->path, request->query,
		    value ? value : "(none)", request->body_bytes,
		    request->wants_html);
	free(value);
}

static void
handle(const struct http_request *request, struct http_reply *reply,
       void *context)
{
	assert_ptr_equal(context, &it);
	if (!strcmp(request->path, "/wait")) {
		it.entered++;
		while (!it.released && http_is_awaited(request))
			sleep_ms(5);
		it.given_up += !it.released;
		strbuf_adds(&reply->body, "waited");
	} else if (!strcmp(request->path, "/stream")) {
		reply->is_stream = true;
		reply->stream_context = &it;
		strbuf_adds(&reply->body, "begin\n");
	} else if (!strcmp(request->path, "/error")) {
		strbuf_adds(&reply->body, "half of an answer");
		http_error(reply, 418, "I am a %s", "teapot");
	} else if (!strcmp(request->path, "/large")) {
		add_times(&reply->body, 'x', 500000);
	} else {
		reply_echo(request, reply);
	}
}

static unsigned int patience_s; /* of the next server */

static void
start(const char *prefix, const char *token)
{
	const struct http_settings settings = {
		.prefix = prefix,
		.token = token,
		.patience_s = patience_s,
		.handler = handle,
		.context = &it,
		.began = began,
		.ended = ended,
		.unused = unused,
	};
	struct err err;

	memset(&it, 0, sizeof(it));
	pthread_mutex_init(&it.lock, NULL);
	if (listen_open(&it.listen, "127.0.0.1:0", &err) < 0)
		fail_msg("%s", err.text);
	it.port = (in_port_t)atoi(strrchr(it.listen.url, ':') + 1);
	it.http = http_start(&it.listen, &settings, &err);
	if (!it.http)
		fail_msg("%s", err.text);
}

static void
stop(void)
{
	http_stop(it.http);
	listen_close(&it.listen);
	pthread_mutex_destroy(&it.lock);
	assert_int_equal(it.began, it.ended);
}

/* --- clients --------------------------------------------------------------- */

static int
dial(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(it.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(
		connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void
say(int fd, const char *text, size_t len)
{
	ssize_t n;

	while (len) {
		n = send(fd, text, len, MSG_NOSIGNAL);
		/* A server that has said no may have closed already. */
		if (n <= 0)
			return;
		text += n;
		len -= (size_t)n;
	}
}

/* Until `part` came, or (NULL) the end. The answer is in it.answer. */
static void
hear(int fd, const char *part)
{
	size_t len = 0;
	ssize_t n = 1;

	it.answer[0] = '\0';
	while (n > 0 && len + 1 < ANSWER_BYTES &&
	       !(part && strstr(it.answer, part))) {
		struct pollfd one = { .fd = fd, .events = POLLIN };

		if (poll(&one, 1, PATIENCE_MS) != 1)
			fail_msg("no answer behind '%.200s'", it.answer);
		n = recv(fd, it.answer + len, ANSWER_BYTES - 1 - len, 0);
		len += n > 0 ? (size_t)n : 0;
		it.answer[len] = '\0';
	}
	if (part && !strstr(it.answer, part))
		fail_msg("no '%s' in '%.200s'", part, it.answer);
}

/* Asks with further header lines, on a connection of its own. Returns the
 * status; the rest is in it.answer. */
static int
ask(const char *method, const char *path, const char *headers, const char *body)
{
	struct strbuf text = { 0 };
	int status = 0, fd = dial();

	strbuf_addf(&text, "%s %s HTTP/1.1\r\nConnection: close\r\n%s", method,
		    path, headers);
	if (!strstr(headers, "Host:"))
		strbuf_adds(&text, "Host: localhost\r\n");
	if (body)
		strbuf_addf(&text, "Content-Length: %zu\r\n", strlen(body));
	strbuf_addf(&text, "\r\n%s", body ? body : "");
	say(fd, text.data, text.len);
	hear(fd, NULL);
	close(fd);
	strbuf_release(&text);
	sscanf(it.answer, "HTTP/1.1 %d", &status);
	return status;
}

static void
assert_says(const char *part)
{
	if (!strstr(it.answer, part))
		fail_msg("no '%s' in '%s'", part, it.answer);
}

static int
open_stream(void)
{
	static const char request[] =
		"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n";
	int fd = dial();

	say(fd, request, strlen(request));
	hear(fd, "begin\n");
	wait_for(&it.began, 1);
	return fd;
}

static bool
push(const char *text, size_t len)
{
	bool good;

	pthread_mutex_lock(&it.lock);
	good = it.stream && http_stream_push(it.stream, text, len);
	pthread_mutex_unlock(&it.lock);
	return good;
}

/* --- claims: what is asked ---------------------------------------------------- */

static void
request_reaches_the_handler_and_its_answer_the_client(void **state)
{
	(void)state;
	start("", NULL);
	assert_int_equal(ask("GET", "/x%20y?a=1%202+3&b", "", NULL), 200);
	assert_says("GET /x y ?a=1%202+3&b a=1 2 3 body=0 html=0");
	assert_says("\r\nX-Content-Type-Options: nosniff\r\n");
	assert_says("\r\nContent-Type: text/plain; charset=utf-8\r\n");
	assert_int_equal(ask("POST", "/p", "Accept: text/html\r\n", "12345"),
			 200);
	assert_says("POST /p ? a=(none) body=5 html=1");
	stop();
}

static void
header_of_an_answer_stays_one_line(void **state)
{
	(void)state;
	start("", NULL);
	ask("GET", "/", "", NULL);
	assert_says("\r\nX-Line: one  X-Second: 2\r\n");
	stop();
}

static void
head_has_the_headers_and_no_body(void **state)
{
	(void)state;
	start("", NULL);
	assert_int_equal(ask("HEAD", "/abc", "", NULL), 200);
	assert_says("Content-Length: 34\r\n");
	assert_null(strstr(it.answer, "HEAD /abc"));
	/* Nobody reads it: it never begins. */
	assert_int_equal(ask("HEAD", "/stream", "", NULL), 200);
	assert_int_equal(it.began, 0);
	stop();
	assert_int_equal(it.unused, 1);
}

static void
error_replaces_what_was_said_before(void **state)
{
	(void)state;
	start("", NULL);
	assert_int_equal(ask("GET", "/error", "", NULL), 418);
	assert_says("\r\n\r\nI am a teapot\n");
	assert_null(strstr(it.answer, "half"));
	stop();
}

static void
other_methods_are_not_allowed(void **state)
{
	(void)state;
	start("", NULL);
	assert_int_equal(ask("PUT", "/", "", "x"), 405);
	assert_says("\r\nAllow: GET, HEAD, POST\r\n");
	assert_int_equal(ask("OPTIONS", "/", "", NULL), 405);
	stop();
}

static void
paths_lie_below_the_prefix(void **state)
{
	(void)state;
	start("/mem/ory", NULL);
	assert_int_equal(ask("GET", "/mem/ory/x", "", NULL), 200);
	assert_says("GET /x ");
	assert_int_equal(ask("GET", "/mem/ory", "", NULL), 301);
	assert_says("\r\nLocation: /mem/ory/\r\n");
	assert_int_equal(ask("GET", "/x", "", NULL), 404);
	assert_int_equal(ask("GET", "/mem/oryx", "", NULL), 404);
	assert_int_equal(ask("GET", "/", "", NULL), 404);
	stop();
}

static void
absolute_targets_are_as_their_paths(void **state)
{
	(void)state;
	start("/x", NULL);
	assert_int_equal(ask("GET", "http://localhost:1/x/a%20b?a=1", "", NULL),
			 200);
	assert_says("GET /a b ?a=1 a=1 ");
	assert_int_equal(ask("GET", "HTTPS://127.0.0.1/x/", "", NULL), 200);
	assert_says("GET / ? ");
	assert_int_equal(ask("GET", "http://me@localhost/x", "", NULL), 301);
	assert_says("\r\nLocation: /x/\r\n");
	assert_int_equal(ask("GET", "http://localhost/", "", NULL), 404);
	assert_int_equal(ask("GET", "http://localhost", "", NULL), 404);
	assert_int_equal(ask("GET", "http:///x/", "", NULL), 200);
	/* Where it is for counts as where it says it is for. */
	assert_int_equal(ask("GET", "http://evil.example/x/", "", NULL), 403);
	assert_int_equal(
		ask("GET", "http://localhost@evil.example/x/", "", NULL), 403);
	assert_int_equal(ask("GET", "http://localhost/x/",
			     "Host: evil.example\r\n", NULL),
			 403);
	assert_int_equal(ask("GET", "http://localhost/x/",
			     "Origin: http://evil.example\r\n", NULL),
			 403);
	stop();
	start("", NULL);
	assert_int_equal(ask("GET", "http://localhost?a=2", "", NULL), 200);
	assert_says("GET / ?a=2 a=2 ");
	stop();
}

static void
path_with_a_nul_is_refused(void **state)
{
	(void)state;
	start("", NULL);
	assert_int_equal(ask("GET", "/x%00y", "", NULL), 400);
	assert_int_equal(ask("GET", "http://localhost/x%00y", "", NULL), 400);
	assert_int_equal(ask("GET", "/x?a=%00y", "", NULL), 200);
	stop();
}

/* A proxy before us may see one request where we see two. */
static void
requests_of_two_meanings_are_refused(void **state)
{
	static const char *const heads[] = {
		"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
		"Content-Length: 3\r\nContent-Length: 50\r\n",
		"Content-Length : 3\r\n",
		"Transfer-Encoding: xchunked\r\n",
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n",
		"Host: localhost\r\n",
	};
	struct strbuf text = { 0 };
	const char *at;
	size_t i, answers;
	int fd;

	(void)state;
	start("", NULL);
	for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		strbuf_clear(&text);
		strbuf_addf(&text,
			    "POST /x HTTP/1.1\r\nHost: localhost\r\n%s\r\n"
			    "0\r\n\r\n"
			    "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n"
			    "\r\n",
			    heads[i]);
		fd = dial();
		say(fd, text.data, text.len);
		hear(fd, NULL);
		close(fd);
		answers = 0;
		for (at = it.answer; (at = strstr(at, "HTTP/1.1 ")); at++)
			answers++;
		if (strncmp(it.answer, "HTTP/1.1 400", 12) != 0 || answers != 1)
			fail_msg("'%s' for '%s'", it.answer, heads[i]);
	}
	strbuf_release(&text);
	stop();
}

/* --- claims: who may ask --------------------------------------------------- */

static void
nobody_asks_without_the_token(void **state)
{
	static const struct {
		const char *header;
		int status;
	} cases[] = {
		{ "", 401 },
		{ "Authorization: Bearer secret\r\n", 200 },
		{ "Authorization: bearer secret\r\n", 200 },
		{ "Authorization: Bearer secre\r\n", 401 },
		{ "Authorization: Bearer secrets\r\n", 401 },
		{ "Authorization: Bearer \r\n", 401 },
		{ "Authorization: secret\r\n", 401 },
		{ "Authorization: Basic eDpzZWNyZXQ=\r\n", 200 }, /* x:secret */
		{ "Authorization: Basic OnNlY3JldA==\r\n", 200 }, /* :secret */
		{ "Authorization: Basic c2VjcmV0Og==\r\n", 401 }, /* secret: */
		{ "Authorization: Basic eDpzZWNyZXRz\r\n", 401 },
		{ "Authorization: Basic !!\r\n", 401 },
	};
	size_t i;

	(void)state;
	start("", "secret");
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status = ask("GET", "/", cases[i].header, NULL);

		if (status != cases[i].status)
			fail_msg("%d for '%s'", status, cases[i].header);
	}
	ask("GET", "/", "", NULL);
	assert_says("\r\nWWW-Authenticate: Basic realm=\"leakshim\"\r\n");
	/* The token protects it: any name may lead here. */
	assert_int_equal(ask("GET", "/",
			     "Host: db.example:6060\r\n"
			     "Authorization: Bearer secret\r\n",
			     NULL),
			 200);
	stop();
}

static void
pages_of_other_sites_are_refused(void **state)
{
	static const struct {
		const char *headers;
		int status;
	} cases[] = {
		{ "Host: 127.0.0.1:1\r\n", 200 },
		{ "Host: [::1]:1\r\n", 200 },
		{ "Host: localhost:1\r\n", 200 },
		{ "Host: evil.example\r\n", 403 },
		{ "Host: 127.0.0.1.evil.example\r\n", 403 },
		{ "Host: a\r\nOrigin: http://a\r\n", 403 },
		{ "Host: localhost:1\r\nOrigin: http://localhost:1\r\n", 200 },
		{ "Host: localhost:1\r\nOrigin: http://localhost:2\r\n", 403 },
		{ "Host: localhost\r\nOrigin: null\r\n", 403 },
		{ "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n",
		  403 },
		{ "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n",
		  200 },
		{ "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\n",
		  200 },
	};
	size_t i;

	(void)state;
	start("", NULL);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status = ask("GET", "/", cases[i].headers, NULL);

		if (status != cases[i].status)
			fail_msg("%d for '%s'", status, cases[i].headers);
	}
	stop();
}

/* --- claims: limits --------------------------------------------------------- */

static void
long_bodies_and_heads_are_refused(void **state)
{
	struct strbuf long_text = { 0 };
	int status;

	(void)state;
	start("", NULL);
	add_times(&long_text, 'a', HTTP_BODY_BYTES);
	assert_int_equal(ask("POST", "/", "", strbuf_text(&long_text)), 200);
	assert_says("body=2097152");
	strbuf_addc(&long_text, 'a');
	assert_int_equal(ask("POST", "/", "", strbuf_text(&long_text)), 413);
	strbuf_clear(&long_text);
	strbuf_addc(&long_text, '/');
	add_times(&long_text, 'a', 200000);
	status = ask("GET", strbuf_text(&long_text), "", NULL);
	assert_true(status == 414 || status == 431);
	/* It goes on. */
	assert_int_equal(ask("GET", "/", "", NULL), 200);
	strbuf_release(&long_text);
	stop();
}

static void
busy_server_says_so_and_recovers(void **state)
{
	static const char request[] =
		"GET /wait HTTP/1.1\r\nHost: localhost\r\n"
		"Connection: close\r\n\r\n";
	int fd[HTTP_WORKERS_MAX], i;

	(void)state;
	start("", NULL);
	for (i = 0; i < HTTP_WORKERS_MAX; i++) {
		fd[i] = dial();
		say(fd[i], request, strlen(request));
	}
	wait_for(&it.entered, HTTP_WORKERS_MAX);
	assert_int_equal(ask("GET", "/", "", NULL), 503);
	assert_says("\r\nRetry-After: 1\r\n");
	it.released = true;
	for (i = 0; i < HTTP_WORKERS_MAX; i++) {
		hear(fd[i], NULL);
		assert_says("waited");
		close(fd[i]);
	}
	assert_int_equal(ask("GET", "/", "", NULL), 200);
	stop();
}

/* Whoever sends a byte now and then is not idle. */
static void
request_has_to_be_whole_in_time(void **state)
{
	static const char request[] = "GET /x HTTP/1.1\r\nHost: localhost\r\n"
				      "X: abcdefghijklmnopqrstuvwxyz";
	static const char waiting[] =
		"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n";
	size_t i;
	char byte;
	int fd;

	(void)state;
	patience_s = 1;
	start("", NULL);
	patience_s = 0;
	fd = dial();
	for (i = 0;; i++) {
		struct pollfd one = { .fd = fd, .events = POLLIN };

		say(fd, &request[i < strlen(request) ? i : i % 20 + 40], 1);
		if (poll(&one, 1, 50))
			break;
		assert_true(i < 20 * 60);
	}
	assert_true(recv(fd, &byte, 1, 0) <= 0);
	close(fd);
	/* A handler may take its time. */
	fd = dial();
	say(fd, waiting, strlen(waiting));
	wait_for(&it.entered, 1);
	sleep_ms(2500);
	it.released = true;
	hear(fd, "waited");
	close(fd);
	/* And so may one that asks nothing for a while, and streams. */
	fd = open_stream();
	sleep_ms(2500);
	assert_true(push("still\n", 6));
	hear(fd, "still\n");
	close(fd);
	stop();
}

/* It asks for much and reads little: its answer is not kept for ever. */
static void
answer_has_to_be_taken_in_time(void **state)
{
	static const char request[] =
		"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n";
	int fd, i, small = 4096;
	char bytes[1024];
	size_t total = 0;
	ssize_t n;

	(void)state;
	patience_s = 1;
	start("", NULL);
	patience_s = 0;
	fd = dial();
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	for (i = 0; i < 40; i++)
		say(fd, request, strlen(request));
	for (i = 0; i < 60; i++) {
		n = recv(fd, bytes, sizeof(bytes), 0);
		total += n > 0 ? (size_t)n : 0;
		sleep_ms(50);
	}
	/* What the kernel had taken by then still comes; the rest never. */
	while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
		total += (size_t)n;
	assert_true(total < 40u * 500000);
	close(fd);
	stop();
}

static void
client_that_went_is_noticed(void **state)
{
	static const char request[] =
		"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n";
	const struct linger reset = { 1, 0 };
	int fd;

	(void)state;
	start("", NULL);
	fd = dial();
	say(fd, request, strlen(request));
	wait_for(&it.entered, 1);
	assert_int_equal(it.given_up, 0);
	close(fd);
	wait_for(&it.given_up, 1);
	fd = dial();
	say(fd, request, strlen(request));
	wait_for(&it.entered, 2);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
	wait_for(&it.given_up, 2);
	stop();
}

/* --- claims: streams -------------------------------------------------------- */

static void
stream_sends_what_is_pushed_until_its_end(void **state)
{
	int fd;

	(void)state;
	start("", NULL);
	fd = open_stream();
	assert_true(push("one\n", 4));
	hear(fd, "one\n");
	assert_true(push("two\n", 4));
	hear(fd, "two\n");
	pthread_mutex_lock(&it.lock);
	http_stream_push(it.stream, "last\n", 5);
	http_stream_end(it.stream);
	assert_false(http_stream_push(it.stream, "too late\n", 9));
	pthread_mutex_unlock(&it.lock);
	hear(fd, "last\n");
	wait_for(&it.ended, 1);
	close(fd);
	stop();
}

static void
last_words_of_a_stream_are_sent_before_the_end(void **state)
{
	int i, fd;

	(void)state;
	for (i = 0; i < 20; i++) {
		start("", NULL);
		fd = open_stream();
		assert_true(push("last\n", 5));
		stop();
		hear(fd, "last\n");
		close(fd);
	}
}

static void
stream_whose_client_went_ends(void **state)
{
	int fd, i;

	(void)state;
	start("", NULL);
	fd = open_stream();
	close(fd);
	for (i = 0; i < PATIENCE_MS / 5 && !it.ended; i++) {
		push("x\n", 2);
		sleep_ms(5);
	}
	assert_int_equal(it.ended, 1);
	stop();
}

/* It reads nothing: its bytes must not be kept without bound. */
static void
client_that_lags_behind_gets_no_more(void **state)
{
	static char block[16384];
	size_t pushed = 0;
	int fd;

	(void)state;
	start("", NULL);
	fd = open_stream();
	memset(block, 'x', sizeof(block));
	while (push(block, sizeof(block))) {
		pushed += sizeof(block);
		/* The kernel's buffers of both sides are some MiB. */
		assert_true(pushed < 64u << 20);
	}
	assert_true(pushed >= HTTP_STREAM_BYTES - sizeof(block));
	close(fd);
	stop();
}

/* --- claims: the end --------------------------------------------------------- */

static void
stop_ends_what_is_under_way(void **state)
{
	static const char waiting[] =
		"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n";
	static const char streaming[] =
		"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n";
	int fd[30], i;

	(void)state;
	start("", NULL);
	for (i = 0; i < 30; i++) {
		const char *text = i < 10   ? waiting
				   : i < 20 ? streaming
					    : "GET /half";

		fd[i] = dial();
		say(fd[i], text, strlen(text));
	}
	wait_for(&it.entered, 10);
	wait_for(&it.began, 10);
	stop();
	assert_int_equal(it.given_up, 10);
	assert_int_equal(it.ended, 10);
	for (i = 0; i < 30; i++)
		close(fd[i]);
}

static atomic_bool pushing;

static void *
push_on(void *unused_argument)
{
	while (pushing) {
		push("tick\n", 5);
		sleep_ms(1);
	}
	return unused_argument;
}

/* Clients come and go, streams are pushed to, and the server is stopped in the
 * middle of it: for the sanitizers. */
static void
stop_while_all_is_in_motion(void **state)
{
	int fd[64], i, round;
	pthread_t pusher;

	(void)state;
	for (round = 0; round < 5; round++) {
		start("", NULL);
		pushing = true;
		assert_int_equal(pthread_create(&pusher, NULL, push_on, NULL),
				 0);
		for (i = 0; i < 64; i++) {
			static const char *const requests[] = {
				"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n",
				"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n",
				"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
				"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n",
			};
			const char *text = requests[i % 4];

			fd[i] = dial();
			say(fd[i], text, strlen(text));
			if (i % 3 == 0) {
				close(fd[i]);
				fd[i] = -1;
			}
		}
		http_stop(it.http);
		pushing = false;
		pthread_join(pusher, NULL);
		listen_close(&it.listen);
		assert_int_equal(it.began, it.ended);
		for (i = 0; i < 64; i++) {
			if (fd[i] >= 0)
				close(fd[i]);
		}
		pthread_mutex_destroy(&it.lock);
	}
}

/* --- claims: pure ------------------------------------------------------------ */

static void
tokens_are_the_same_only_if_all_is(void **state)
{
	(void)state;
	assert_true(http_same_token("abc", "abc"));
	assert_false(http_same_token("abc", "abd"));
	assert_false(http_same_token("abc", "ab"));
	assert_false(http_same_token("abc", "abca"));
	assert_false(http_same_token("abc", "abcabc"));
	assert_false(http_same_token("abc", ""));
	assert_false(http_same_token("", "a"));
	assert_true(http_same_token("", ""));
}

static void
query_gives_the_first_value_of_a_whole_key(void **state)
{
	static const struct {
		const char *query, *value;
	} cases[] = {
		{ "a=1", "1" },     { "b=2&a=1", "1" },
		{ "a=1&a=2", "1" }, { "a", "" },
		{ "a=", "" },       { "aa=1", NULL },
		{ "b=a=1", NULL },  { "", NULL },
		{ "&&a=1&", "1" },  { "a=%41%zz", "A%zz" },
		{ "a=%4", "%4" },   { "a=x+y", "x y" },
		{ "a==1", "=1" },   { "b&a=%26&c", "&" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_request request = { .query = cases[i].query };
		char *value = http_query(&request, "a");

		if (cases[i].value) {
			assert_non_null(value);
			assert_string_equal(value, cases[i].value);
		} else {
			assert_null(value);
		}
		free(value);
	}
}

static void
text_in_a_page_is_no_markup(void **state)
{
	struct strbuf out = { 0 };

	(void)state;
	http_add_html(&out, "<a href=\"x\">&'");
	assert_string_equal(strbuf_text(&out),
			    "&#60;a href=&#34;x&#34;&#62;&#38;&#39;");
	strbuf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			request_reaches_the_handler_and_its_answer_the_client),
		cmocka_unit_test(header_of_an_answer_stays_one_line),
		cmocka_unit_test(head_has_the_headers_and_no_body),
		cmocka_unit_test(error_replaces_what_was_said_before),
		cmocka_unit_test(other_methods_are_not_allowed),
		cmocka_unit_test(paths_lie_below_the_prefix),
		cmocka_unit_test(absolute_targets_are_as_their_paths),
		cmocka_unit_test(path_with_a_nul_is_refused),
		cmocka_unit_test(requests_of_two_meanings_are_refused),
		cmocka_unit_test(nobody_asks_without_the_token),
		cmocka_unit_test(pages_of_other_sites_are_refused),
		cmocka_unit_test(long_bodies_and_heads_are_refused),
		cmocka_unit_test(busy_server_says_so_and_recovers),
		cmocka_unit_test(request_has_to_be_whole_in_time),
		cmocka_unit_test(answer_has_to_be_taken_in_time),
		cmocka_unit_test(client_that_went_is_noticed),
		cmocka_unit_test(stream_sends_what_is_pushed_until_its_end),
		cmocka_unit_test(
			last_words_of_a_stream_are_sent_before_the_end),
		cmocka_unit_test(stream_whose_client_went_ends),
		cmocka_unit_test(client_that_lags_behind_gets_no_more),
		cmocka_unit_test(stop_ends_what_is_under_way),
		cmocka_unit_test(stop_while_all_is_in_motion),
		cmocka_unit_test(tokens_are_the_same_only_if_all_is),
		cmocka_unit_test(query_gives_the_first_value_of_a_whole_key),
		cmocka_unit_test(text_in_a_page_is_no_markup),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
