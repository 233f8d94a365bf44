/* What load is asked for, and whether it can be had. */
#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "load.h"

void
load_plan_init(struct load_plan *plan)
{
	size_t i;

	memset(plan, 0, sizeof(*plan));
	plan->connections = 10;
	plan->pipelining = 1;
	plan->duration_s = 10;
	plan->timeout_s = 10;
	plan->max_errors = 0.01;
	for (i = 200; i < 300; i++)
		plan->expected[i] = true;
}

/* "2xx" or "404": sets the first status and how many. */
static bool
read_statuses(const char *text, size_t *first, size_t *count)
{
	if (text[0] < '1' || text[0] > '5')
		return false;
	*first = (size_t)(text[0] - '0') * 100;
	*count = 100;
	if (text[1] == 'x' && text[2] == 'x')
		return true;
	if (!isdigit((unsigned char)text[1]) ||
	    !isdigit((unsigned char)text[2]))
		return false;
	*first += (size_t)(text[1] - '0') * 10 + (size_t)(text[2] - '0');
	*count = 1;
	return true;
}

bool
load_expect(struct load_plan *plan, const char *text)
{
	bool expected[LOAD_STATUSES] = { false };
	size_t first, count, i;

	for (;;) {
		if (strlen(text) < 3 || !read_statuses(text, &first, &count))
			return false;
		for (i = 0; i < count; i++)
			expected[first + i] = true;
		text += 3;
		if (*text == '\0')
			break;
		if (*text++ != ',')
			return false;
	}
	memcpy(plan->expected, expected, sizeof(expected));
	return true;
}

/* RFC 9110's token. */
static bool
is_token(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (!isalnum((unsigned char)text[i]) &&
		    (text[i] == '\0' || !strchr("!#$%&'*+-.^_`|~", text[i])))
			return false;
	}
	return len > 0;
}

/* A line break in it would be a header of its own, or a request. */
static bool
is_header(const char *text)
{
	const char *colon = strchr(text, ':');

	return colon && is_token(text, (size_t)(colon - text)) &&
	       !text[strcspn(text, "\r\n")];
}

static int
check_url(const char *text, struct err *err)
{
	struct strbuf shown = { 0 };
	CURLU *url = curl_url();
	char *scheme = NULL;
	CURLUcode code;
	int rc = 0;

	if (!url)
		return err_set(err, ERR_PATTERN, "libcurl has no memory");
	strbuf_add_quoted(&shown, text);
	code = curl_url_set(url, CURLUPART_URL, text, 0);
	if (code == CURLUE_OK)
		code = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0);
	if (code != CURLUE_OK)
		rc = err_set(err, ERR_PATTERN, "%s: %s", strbuf_text(&shown),
			     curl_url_strerror(code));
	else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
		rc = err_set(err, ERR_PATTERN, "%s is neither http nor https",
			     strbuf_text(&shown));
	curl_free(scheme);
	curl_url_cleanup(url);
	strbuf_release(&shown);
	return rc;
}

/* Written so that what is no number fails too. */
static bool
is_within(double value, double low, double high)
{
	return value >= low && value <= high;
}

static int
check_bounds(const struct load_plan *plan, struct err *err)
{
	uint64_t in_flight = (uint64_t)plan->connections * plan->pipelining;

	if (plan->url_count == 0 || plan->url_count > LOAD_URLS_MAX)
		return err_set(err, ERR_PATTERN, "load wants 1 to %u URLs",
			       LOAD_URLS_MAX);
	if (plan->header_count > LOAD_HEADERS_MAX)
		return err_set(err, ERR_PATTERN, "more than %u headers",
			       LOAD_HEADERS_MAX);
	if (plan->body_len > LOAD_BODY_MAX)
		return err_set(err, ERR_PATTERN, "a body of more than %u MiB",
			       LOAD_BODY_MAX >> 20);
	if (in_flight < 1 || in_flight > LOAD_IN_FLIGHT_MAX)
		return err_set(err, ERR_PATTERN,
			       "connections times pipelining is not from 1 to "
			       "%u",
			       LOAD_IN_FLIGHT_MAX);
	if (!is_within(plan->rate, 0, LOAD_RATE_MAX))
		return err_set(err, ERR_PATTERN,
			       "the rate is not from 0 to %.0f a second",
			       LOAD_RATE_MAX);
	if (plan->count > LOAD_COUNT_MAX)
		return err_set(err, ERR_PATTERN, "more than %llu requests",
			       (unsigned long long)LOAD_COUNT_MAX);
	if (plan->count == 0 &&
	    !is_within(plan->duration_s, 0.001, LOAD_DURATION_MAX_S))
		return err_set(err, ERR_PATTERN,
			       "the duration is not from 1 ms to a year");
	if (!is_within(plan->timeout_s, 0.001, LOAD_TIMEOUT_MAX_S))
		return err_set(err, ERR_PATTERN,
			       "the time-out is not from 1 ms to an hour");
	if (!is_within(plan->max_errors, 0, 1))
		return err_set(err, ERR_PATTERN,
			       "the share of errors is not from 0 to 1");
	return 0;
}

/* libcurl 7.88 can't use a connection again on which it began HTTP/2 without
 * TLS: its issue 10634, mended in 8.0.0. */
static int
check_pipelining(const struct load_plan *plan, struct err *err)
{
	const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);
	size_t i;

	if (!(curl->features & CURL_VERSION_HTTP2))
		return err_set(err, ERR_PATTERN,
			       "pipelining needs HTTP/2, which this libcurl "
			       "has not");
	for (i = 0; i < plan->url_count; i++) {
		if (strncasecmp(plan->urls[i], "https:", 6) != 0 &&
		    curl->version_num >> 8 == 0x0758)
			return err_set(err, ERR_PATTERN,
				       "pipelining needs https with libcurl "
				       "%s: its HTTP/2 without TLS is broken; "
				       "use concurrency instead",
				       curl->version);
	}
	return 0;
}

int
load_check(const struct load_plan *plan, struct err *err)
{
	size_t i;

	if (check_bounds(plan, err) != 0)
		return -1;
	if (plan->method && !is_token(plan->method, strlen(plan->method)))
		return err_set(err, ERR_PATTERN, "this is no HTTP method");
	for (i = 0; i < plan->header_count; i++) {
		if (!is_header(plan->headers[i]))
			return err_set(err, ERR_PATTERN,
				       "header %zu is not 'Name: value'",
				       i + 1);
	}
	for (i = 0; i < plan->url_count; i++) {
		if (check_url(plan->urls[i], err) != 0)
			return -1;
	}
	return plan->pipelining > 1 ? check_pipelining(plan, err) : 0;
}
