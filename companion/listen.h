/*
 * Where `serve` is reached: 127.0.0.1:6060, [::1]:6060, :0, or unix:PATH.
 *
 * Loopback and unix sockets are for the people of this machine. Whoever
 * listens elsewhere lets strangers read addresses and names of a program, so
 * that the caller asks listen_is_public() and demands a token.
 */
#pragma once

#include <stdbool.h>

#include "../analyzer/err.h"

#define LISTEN_DEFAULT "127.0.0.1:6060"

struct listen {
	int fd;
	char *path; /* of a unix socket that is ours to remove; owned, or NULL */
	char *url; /* what to type: "http://127.0.0.1:6060", "unix:PATH"; owned */
	bool is_public;
};

/*
 * Opens the socket; port 0 is any that is free. A socket file that nobody
 * listens to any more is replaced, one in use is an error, and so is any other
 * file at PATH. The file is for this user alone (0600). -1 with ERR_OPEN, or
 * ERR_PATTERN for what is no address.
 */
int listen_open(struct listen *out, const char *address, struct err *err)
	__attribute__((warn_unused_result));

/* Would this address be reached by other machines? False for what is no
 * address. Opens nothing. */
bool listen_is_public(const char *address);

/* Closes, and removes the file of a unix socket. */
void listen_close(struct listen *listen);
