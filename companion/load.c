/*
 * One thread, one multi handle, and as many easy handles as requests may be on
 * the way. A handle is used again and again; whether it goes by an open
 * connection is libcurl's decision.
 */
#include "load.h"

#include <curl/curl.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "../analyzer/clock.h"
#include "../analyzer/xalloc.h"

#define FOREVER_NS (100.0 * 366 * 86400 * 1e9)

/* How often the caller is asked whether to stop: all else wakes us. */
#define IDLE_MS 100

/* One request on the way, or none. */
struct slot {
	CURL *easy; /* owned */
	struct slot *next_free;
	bool busy;
	uint64_t due_ns;
	const char *url;
	char why[CURL_ERROR_SIZE]; /* by libcurl */
};

struct load {
	const struct load_plan *plan;
	struct load_result *result;
	CURLM *multi;               /* owned */
	struct curl_slist *headers; /* owned */
	struct slot *slots;         /* owned */
	size_t slot_count;
	struct slot *free;
	size_t busy_count;
	int timer; /* fires when the next request falls due; owned */
	uint64_t start_ns;
	uint64_t end_ns;  /* no request is begun later; UINT64_MAX = never */
	uint64_t total;   /* requests in all; UINT64_MAX = as many as fit */
	uint64_t started; /* the number of the next request */
	uint64_t in_vain; /* failures since the last answer */
};

static size_t
count_only(char *bytes, size_t size, size_t count, void *unused)
{
	(void)bytes;
	(void)unused;
	return size * count;
}

/* --- set-up ---------------------------------------------------------------- */

/* libcurl keeps back for a second the body of what may be refused, unless told
 * otherwise; a header of the same name replaces that. */
static void
add_headers(struct load *load)
{
	const struct load_plan *plan = load->plan;
	size_t i;

	load->headers = curl_slist_append(NULL, "Expect:");
	for (i = 0; i < plan->header_count; i++)
		load->headers =
			curl_slist_append(load->headers, plan->headers[i]);
}

static void
set_method(CURL *easy, const struct load_plan *plan)
{
	if (plan->body) {
		/* Not copied: one body for all. */
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, plan->body);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)plan->body_len);
	}
	if (!plan->method)
		return;
	if (strcmp(plan->method, "HEAD") == 0)
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	else
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, plan->method);
}

static void
set_version(CURL *easy, const struct load_plan *plan)
{
	const bool tls = strncasecmp(plan->urls[0], "https:", 6) == 0;
	long version = CURL_HTTP_VERSION_1_1;

	if (plan->pipelining > 1) {
		version = tls ? CURL_HTTP_VERSION_2TLS
			      : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
		curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
	}
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, version);
}

static bool
slot_init(struct slot *slot, struct load *load)
{
	const struct load_plan *plan = load->plan;
	CURL *easy = curl_easy_init();

	slot->easy = easy;
	if (!easy)
		return false;
	curl_easy_setopt(easy, CURLOPT_PRIVATE, slot);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, slot->why);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, count_only);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
			 (long)ceil(plan->timeout_s * 1000));
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, load->headers);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "leakshim");
	curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, plan->unix_socket);
	if (plan->ca_file)
		curl_easy_setopt(easy, CURLOPT_CAINFO, plan->ca_file);
	if (plan->close)
		curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	set_method(easy, plan);
	set_version(easy, plan);
	slot->next_free = load->free;
	load->free = slot;
	return true;
}

static int
load_init(struct load *load, struct err *err)
{
	const struct load_plan *plan = load->plan;
	size_t i, kept = (size_t)plan->connections * plan->url_count;

	load->slot_count = (size_t)plan->connections * plan->pipelining;
	load->slots = xcalloc(load->slot_count, sizeof(*load->slots));
	load->multi = curl_multi_init();
	if (!load->multi)
		return err_set(err, ERR_STEP, "libcurl has no memory");
	load->timer =
		timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (load->timer < 0)
		return err_set(err, ERR_STEP, "cannot make a timer: %s",
			       strerror(errno));
	add_headers(load);
	curl_multi_setopt(
		load->multi, CURLMOPT_MAXCONNECTS,
		(long)(kept < LOAD_IN_FLIGHT_MAX ? kept : LOAD_IN_FLIGHT_MAX));
	if (plan->pipelining > 1) {
		curl_multi_setopt(load->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
				  (long)plan->connections);
		curl_multi_setopt(load->multi, CURLMOPT_MAX_CONCURRENT_STREAMS,
				  (long)plan->pipelining);
	}
	for (i = 0; i < load->slot_count; i++) {
		if (!slot_init(&load->slots[i], load))
			return err_set(err, ERR_STEP, "libcurl has no memory");
	}
	return 0;
}

static void
load_release(struct load *load)
{
	size_t i;

	for (i = 0; i < load->slot_count; i++) {
		if (load->slots[i].busy)
			curl_multi_remove_handle(load->multi,
						 load->slots[i].easy);
		curl_easy_cleanup(load->slots[i].easy);
	}
	free(load->slots);
	if (load->multi)
		curl_multi_cleanup(load->multi);
	curl_slist_free_all(load->headers);
	if (load->timer >= 0)
		close(load->timer);
}

/* --- one request ----------------------------------------------------------- */

static bool
begin(struct load *load, uint64_t due_ns)
{
	const struct load_plan *plan = load->plan;
	struct slot *slot = load->free;

	slot->due_ns = due_ns;
	slot->why[0] = '\0';
	slot->url = plan->urls[load->started % plan->url_count];
	/* The slot's last one was another, unless there is one only. */
	if (curl_easy_setopt(slot->easy, CURLOPT_URL, slot->url) != CURLE_OK ||
	    curl_multi_add_handle(load->multi, slot->easy) != CURLM_OK)
		return false;
	load->free = slot->next_free;
	slot->busy = true;
	load->busy_count++;
	load->started++;
	return true;
}

static enum load_error
error_of(CURLcode code)
{
	switch ((int)code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return LOAD_RESOLVE;
	case CURLE_COULDNT_CONNECT:
		return LOAD_CONNECT;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_PEER_FAILED_VERIFICATION:
		return LOAD_TLS;
	case CURLE_OPERATION_TIMEDOUT:
		return LOAD_TIMEOUT;
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_HTTP2_STREAM:
		return LOAD_CLOSED;
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_HTTP2:
	case CURLE_BAD_CONTENT_ENCODING:
		return LOAD_PROTOCOL;
	default:
		return LOAD_OTHER;
	}
}

static void
note_failure(struct load *load, const struct slot *slot, const char *why)
{
	struct strbuf line = { 0 };
	size_t max = sizeof(load->result->first_failure) - 1;

	if (load->result->first_failure[0])
		return;
	/* What libcurl says may quote the server. */
	strbuf_add_printable(&line, slot->url);
	strbuf_adds(&line, ": ");
	strbuf_add_printable(&line, why);
	memcpy(load->result->first_failure, strbuf_text(&line),
	       line.len < max ? line.len : max);
	strbuf_release(&line);
}

static void
note_answer(struct load *load, const struct slot *slot, uint64_t now)
{
	struct load_result *result = load->result;
	char why[64];
	long status = 0;

	curl_easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < 0 || status >= LOAD_STATUSES)
		status = 0;
	result->answered++;
	result->classes[status / 100]++;
	load_latency_insert(&result->latency, now - slot->due_ns);
	load->in_vain = 0;
	if (!load->plan->expected[status]) {
		result->unexpected++;
		snprintf(why, sizeof(why), "answered with status %ld", status);
		note_failure(load, slot, why);
	}
}

/* True if it is the kind of HTTP that was asked for. */
static bool
is_right_version(const struct load *load, const struct slot *slot)
{
	long version = 0;

	if (load->plan->pipelining == 1)
		return true;
	curl_easy_getinfo(slot->easy, CURLINFO_HTTP_VERSION, &version);
	return version == CURL_HTTP_VERSION_2_0;
}

static void
count_bytes(struct load_result *result, CURL *easy)
{
	curl_off_t down = 0, up = 0;
	long headers = 0, request = 0, connects = 0;

	curl_easy_getinfo(easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
	curl_easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &up);
	curl_easy_getinfo(easy, CURLINFO_HEADER_SIZE, &headers);
	curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &request);
	curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connects);
	result->bytes_in += (uint64_t)down + (uint64_t)headers;
	result->bytes_out += (uint64_t)up + (uint64_t)request;
	result->connections += (uint64_t)connects;
}

static void
finish(struct load *load, CURL *easy, CURLcode code, uint64_t now)
{
	char *private = NULL;
	struct slot *slot;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
	slot = (struct slot *)(void *)private;
	count_bytes(load->result, easy);
	if (code == CURLE_OK && is_right_version(load, slot)) {
		note_answer(load, slot, now);
	} else {
		load->in_vain++;
		if (code == CURLE_OK) {
			load->result->errors[LOAD_PROTOCOL]++;
			note_failure(load, slot, "answered, but not by HTTP/2");
		} else {
			load->result->errors[error_of(code)]++;
			note_failure(load, slot,
				     slot->why[0] ? slot->why
						  : curl_easy_strerror(code));
		}
	}
	curl_multi_remove_handle(load->multi, easy);
	slot->busy = false;
	slot->next_free = load->free;
	load->free = slot;
	load->busy_count--;
}

/* --- all of them ----------------------------------------------------------- */

/* With a tiny rate a request falls due after all time, which no integer holds:
 * that is a century from now. */
static uint64_t
due_of(const struct load *load, uint64_t number)
{
	double wait_ns =
		(double)number * (double)CLOCK_NS_PER_S / load->plan->rate;

	return load->start_ns + (wait_ns < FOREVER_NS ? (uint64_t)wait_ns
						      : (uint64_t)FOREVER_NS);
}

/* How many had fallen due by `now`. */
static uint64_t
due_count(const struct load *load, uint64_t now)
{
	double due = floor((double)(now - load->start_ns) * load->plan->rate /
			   (double)CLOCK_NS_PER_S) +
		     1;

	return due < (double)load->total ? (uint64_t)due : load->total;
}

/* Begins what is to be begun. False if libcurl can't. */
static bool
begin_due(struct load *load, uint64_t now)
{
	uint64_t due;

	while (load->free && load->started < load->total &&
	       now < load->end_ns) {
		due = now;
		if (load->plan->rate > 0) {
			due = due_of(load, load->started);
			if (due > now)
				break;
		}
		if (!begin(load, due))
			return false;
	}
	return true;
}

/* With a rate, `total` ends it: what fell due before the end and found no slot
 * yet is begun until then only. */
static bool
is_over(const struct load *load, uint64_t now)
{
	return load->started >= load->total || now >= load->end_ns;
}

static void
set_timer(const struct load *load)
{
	struct itimerspec when = { 0 };
	uint64_t due = load->end_ns;

	if (load->plan->rate > 0 && load->free &&
	    due_of(load, load->started) < due)
		due = due_of(load, load->started);
	if (due == UINT64_MAX || load->started >= load->total)
		due = 0; /* disarmed */
	when.it_value = clock_span(due);
	timerfd_settime(load->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

/* Waits for libcurl or for a request that falls due. */
static void
wait_for_work(struct load *load)
{
	struct curl_waitfd timer = {
		.fd = load->timer,
		.events = CURL_WAIT_POLLIN,
	};

	set_timer(load);
	curl_multi_poll(load->multi, &timer, 1, IDLE_MS, NULL);
}

static bool
should_stop(const struct load *load)
{
	return load->plan->should_stop &&
	       load->plan->should_stop(load->plan->context);
}

static int
loop(struct load *load, struct err *err)
{
	struct load_result *result = load->result;
	uint64_t now = load->start_ns;
	int running, left;
	CURLMsg *message;

	while (load->busy_count > 0 || !is_over(load, now)) {
		if (!begin_due(load, now))
			return err_set(err, ERR_STEP,
				       "libcurl can't begin a request");
		if (curl_multi_perform(load->multi, &running) != CURLM_OK)
			return err_set(err, ERR_STEP, "libcurl failed");
		now = clock_ns(CLOCK_MONOTONIC);
		while ((message = curl_multi_info_read(load->multi, &left))) {
			if (message->msg == CURLMSG_DONE)
				finish(load, message->easy_handle,
				       message->data.result, now);
		}
		result->gave_up = load->in_vain >= LOAD_GIVE_UP;
		result->stopped = should_stop(load);
		if (result->gave_up || result->stopped)
			return 0;
		/* In a closed loop what became free is used at once. */
		if (is_over(load, now) ? load->busy_count == 0
				       : load->free && load->plan->rate <= 0)
			continue;
		wait_for_work(load);
		now = clock_ns(CLOCK_MONOTONIC);
	}
	return 0;
}

/* What was offered in all, and what of it was never sent. One that was cut off
 * by the word to stop, or by giving up, was not. */
static void
settle(struct load *load)
{
	struct load_result *result = load->result;
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	uint64_t done = load->started - load->busy_count;

	result->seconds =
		(double)(now - load->start_ns) / (double)CLOCK_NS_PER_S;
	result->offered = done;
	if (load->plan->rate > 0 && !result->stopped) {
		result->offered = due_count(load, now < load->end_ns
							  ? now
							  : load->end_ns) -
				  load->busy_count;
		result->unsent = result->offered - done;
	}
}

static void
schedule(struct load *load)
{
	const struct load_plan *plan = load->plan;

	load->start_ns = clock_ns(CLOCK_MONOTONIC);
	load->total = plan->count ? plan->count : UINT64_MAX;
	load->end_ns = UINT64_MAX;
	if (plan->count == 0) {
		load->end_ns =
			load->start_ns +
			(uint64_t)(plan->duration_s * (double)CLOCK_NS_PER_S);
		if (plan->rate > 0)
			load->total =
				(uint64_t)ceil(plan->duration_s * plan->rate);
	}
}

int
load_run(const struct load_plan *plan, struct load_result *result,
	 struct err *err)
{
	struct load load = { .plan = plan, .result = result, .timer = -1 };
	int rc;

	memset(result, 0, sizeof(*result));
	if (load_check(plan, err) != 0)
		return -1;
	if (curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK)
		return err_set(err, ERR_STEP, "libcurl can't be used");
	rc = load_init(&load, err);
	if (rc == 0) {
		schedule(&load);
		rc = loop(&load, err);
		settle(&load);
	}
	load_release(&load);
	curl_global_cleanup();
	return rc;
}
