/*
 * A web server in this process, by libmicrohttpd, that counts what arrives.
 * /wait-N answers after N ms, /NNN with that status, all else with 200. An
 * answer has FAKE_WEB_BYTES bytes.
 */
#pragma once

#include <stdatomic.h>

#define FAKE_WEB_BYTES 1000

extern struct fake_web {
	unsigned int port;    /* on 127.0.0.1 */
	char socket_path[96]; /* the same there */
	atomic_uint requests;
	atomic_uint first, second; /* of them for /first and /second */
	/* PUT with the header "X-Test: yes, it is" and a body of "a\nb", any
	 * byte and "c". */
	atomic_uint right;
	atomic_uint connections; /* that were made */
} fake_web;

/* For cmocka's groups. */
int fake_web_start(void **state);
int fake_web_stop(void **state);

/* Sets the counts to 0. */
void fake_web_forget(void);

/* A listening socket on some port of 127.0.0.1, and which. */
int fake_web_listen(void);
unsigned int fake_web_port(int fd);
