/*
 * The server of scripts/demo: sessions behind a line protocol on a loopback
 * port, with one mistake.
 *
 * Each request `get USER` renders a page, answers and frees it; pages are kept
 * in a cache of CACHE_SLOTS, which is full soon and then stays as it is; and a
 * session is remembered, but never forgotten: session_remember() is the leak
 * that leakdiff must name, and page_cache_put() the growth it must not.
 *
 * Prints `port N` when it listens. `quit` ends it.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CACHE_SLOTS 16
#define PAGE_BYTES 4096

struct session {
	struct session *next;
	char *user;
	char state[1000];
};

static struct session *sessions;
static char *page_cache[CACHE_SLOTS];

/* The leak: nothing ever takes a session off this list. */
__attribute__((noinline)) static void
session_remember(const char *user)
{
	struct session *session = calloc(1, sizeof(*session));

	if (!session)
		return;
	session->user = strdup(user);
	session->next = sessions;
	sessions = session;
}

__attribute__((noinline)) static char *
page_render(const char *user)
{
	char *page = malloc(PAGE_BYTES);

	if (page)
		snprintf(page, PAGE_BYTES, "hello %s\n", user);
	return page;
}

/* Takes the page; the one that was in its slot goes. */
__attribute__((noinline)) static void
page_cache_put(char *page)
{
	static unsigned int next;
	unsigned int slot = next++ % CACHE_SLOTS;

	free(page_cache[slot]);
	page_cache[slot] = page;
}

/* False: the client wants us to end. */
__attribute__((noinline)) static int
request_handle(int client)
{
	char line[256], *page;
	ssize_t got = read(client, line, sizeof(line) - 1);

	if (got <= 0)
		return 1;
	line[got] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	if (!strcmp(line, "quit"))
		return 0;
	if (strncmp(line, "get ", 4) != 0)
		return 1;
	session_remember(line + 4);
	page = page_render(line + 4);
	if (!page)
		return 1;
	if (write(client, page, strlen(page)) < 0)
		perror("demo_server: write");
	page_cache_put(page);
	return 1;
}

int
main(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0), client, going = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (listener < 0 ||
	    bind(listener, (struct sockaddr *)&address, size) < 0 ||
	    listen(listener, 64) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &size) < 0) {
		perror("demo_server");
		return 1;
	}
	printf("port %d\n", ntohs(address.sin_port));
	fflush(stdout);
	while (going) {
		client = accept(listener, NULL, NULL);
		if (client < 0)
			continue;
		going = request_handle(client);
		close(client);
	}
	return 0;
}
