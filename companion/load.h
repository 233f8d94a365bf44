/*
 * Load over HTTP: many requests by libcurl, and what came of them.
 *
 * With a rate the loop is open: request n falls due n / rate seconds after the
 * start, whatever became of the ones before, so that a slow server is offered
 * as much as a fast one. Its latency counts from when it fell due, so that a
 * stall is not hidden by the requests that it held up. Requests on the way are
 * bounded (connections * pipelining); when all of these are taken, due requests
 * wait, and those that still wait when the time is over are `unsent`: counted
 * and failed, never silently dropped. Without a rate the loop is closed: every
 * connection sends its next request when it has its answer.
 *
 * Pipelining is HTTP/2's: several requests at once on one connection. That of
 * HTTP/1.1 was removed from libcurl (7.62.0 disabled it, 7.65.0 removed the
 * code). A server that answers such a request otherwise than by HTTP/2 has
 * failed it. With libcurl 7.88, which is Debian 12's, it takes https.
 *
 * Bodies of answers are counted and thrown away; memory does not grow with the
 * number of requests. Proxies of the environment are not used: a load test
 * means the server that it names. Redirects are not followed. Certificates are
 * verified as libcurl does by default.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../analyzer/err.h"
#include "../analyzer/strbuf.h"
#include "load_latency.h"

struct json_t;

/* Each in flight costs a libcurl handle, about 30 KiB with its buffers. */
#define LOAD_IN_FLIGHT_MAX 4096u
#define LOAD_URLS_MAX 1000u
#define LOAD_HEADERS_MAX 100u
#define LOAD_BODY_MAX (64u << 20) /* held once, whatever the concurrency */
#define LOAD_RATE_MAX 1e6         /* a second; libcurl is slower */
#define LOAD_COUNT_MAX 1000000000000u
#define LOAD_TIMEOUT_MAX_S 3600.0
#define LOAD_DURATION_MAX_S (366 * 86400.0)
/* So many requests in a row without any answer end the load: the server is
 * gone, and a closed loop would only count refusals as fast as it can. */
#define LOAD_GIVE_UP 1000u

#define LOAD_STATUSES 600 /* 0 .. 599 */

/* All pointers are borrowed. load_plan_init() sets what is said here. */
struct load_plan {
	const char *const *urls; /* in turn; http and https only */
	size_t url_count;
	const char *unix_socket;    /* NULL = by the URL's host */
	const char *method;         /* NULL = GET, with a body POST */
	const char *const *headers; /* "Name: value" */
	size_t header_count;
	const void *body; /* NULL = none */
	size_t body_len;
	const char *ca_file; /* certificates trusted; NULL = the system's */
	double rate;         /* a second; 0 = closed loop, the default */
	unsigned int connections; /* per host and port; 10 */
	unsigned int pipelining;  /* requests at once on each; 1 = HTTP/1.1 */
	uint64_t count;           /* 0 = as many as fit into duration_s */
	double duration_s;        /* 10; of no meaning with a count */
	double timeout_s;         /* of one request; 10 */
	bool close;               /* a connection per request */
	double max_errors;        /* share of failed requests borne; 0.01 */
	/* Statuses that are no failure; 200 .. 299. */
	bool expected[LOAD_STATUSES];
	/* True = end the load early. Asked about ten times a second, more
	 * often while much is going on; NULL = never, the default. */
	bool (*should_stop)(void *context);
	void *context;
};

/* Why a request has no answer. */
enum load_error {
	LOAD_RESOLVE, /* no such host */
	LOAD_CONNECT, /* refused, no route */
	LOAD_TLS,     /* also a certificate that is not trusted */
	LOAD_TIMEOUT,
	LOAD_CLOSED,   /* by the server, before the answer was whole */
	LOAD_PROTOCOL, /* no HTTP, or not the HTTP asked for */
	LOAD_OTHER,
	LOAD_ERRORS,
};

struct load_result {
	uint64_t offered;    /* fell due */
	uint64_t unsent;     /* of these, never sent: could not keep up */
	uint64_t answered;   /* whole answers, of any status */
	uint64_t classes[6]; /* answers of 1xx .. 5xx; [0] = any other */
	uint64_t unexpected; /* answers of a status not expected */
	uint64_t errors[LOAD_ERRORS];
	uint64_t bytes_in, bytes_out;
	uint64_t connections;    /* that were made */
	double seconds;          /* from the first request to the last answer */
	bool stopped;            /* by should_stop */
	bool gave_up;            /* LOAD_GIVE_UP */
	char first_failure[256]; /* one line, printable; "" = none */
	struct load_latency latency; /* of answers */
};

void load_plan_init(struct load_plan *plan);

/* Adds to what is expected: "2xx,404". False if it is not such a list; then
 * nothing changed. */
bool load_expect(struct load_plan *plan, const char *text)
	__attribute__((warn_unused_result));

/* -1 with `err` (ERR_PATTERN) if the plan is beyond a bound or its URLs are no
 * HTTP. load_run() checks too. */
int load_check(const struct load_plan *plan, struct err *err)
	__attribute__((warn_unused_result));

/*
 * Does it. Returns 0 with `result` filled, also when everything failed, or -1
 * with `err` when nothing could be tried. When the time is over the
 * requests on the way are awaited, at most for their time-out.
 */
int load_run(const struct load_plan *plan, struct load_result *result,
	     struct err *err) __attribute__((warn_unused_result));

/* Adds another load's numbers, as if both had been one; the seconds between
 * them count for neither. */
void load_result_add(struct load_result *result,
		     const struct load_result *from);

/* The share of the offered requests that failed: no answer, one that was not
 * expected, or unsent. 0 of none. Pure. */
double load_failed_share(const struct load_result *result);

/* 0, or -1 with `err` (ERR_STEP) telling why this load is a failed step: more
 * failures than plan->max_errors, or no request at all. */
int load_judge(const struct load_plan *plan, const struct load_result *result,
	       struct err *err) __attribute__((warn_unused_result));

/* One line: "1,000 requests, 988/s, p99 2.1 ms, 0.00% failed". */
void load_summary(struct strbuf *buf, const struct load_result *result);
/* Adds it in some lines, for people. */
void load_text(struct strbuf *buf, const struct load_result *result);
/* The same for machines: a new object. */
struct json_t *load_json(const struct load_result *result)
	__attribute__((warn_unused_result));
