/*
 * http: many requests, by load.h.
 *
 *	url             one, or an array that is taken in turn (main)
 *	concurrency     connections (10)
 *	pipelining      requests at once on each of them, by HTTP/2, which takes
 *	                https on Debian 12 (1: one at a time, by HTTP/1.1)
 *	rate            requests a second, whatever the answers; those that find
 *	                all connections taken wait (none: each connection sends
 *	                the next when it has its answer)
 *	requests        so many; or
 *	duration        so long ("10s"; less where a soak's own duration
 *	                leaves less to each of its snapshots)
 *	method          ("GET", with a body "POST")
 *	headers         array of "Name: value"
 *	body            a text, or
 *	body-file       a file, read once
 *	unix-socket     path: connect there, whatever the URL's host
 *	ca-file         certificates to trust
 *	request-timeout of one request ("10s")
 *	close           true: a connection for each request
 *	expect          statuses that are no failure ("2xx", "2xx,404")
 *	max-errors      per cent of failed requests that the step bears (1)
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../analyzer/clock.h"
#include "../analyzer/format.h"
#include "../analyzer/textfile.h"
#include "../analyzer/xalloc.h"
#include "human.h"
#include "load.h"
#include "scenario_get.h"
#include "step.h"

/* The texts of the plan live in `options`. */
struct http {
	json_t *options; /* owned */
	struct load_plan plan;
	const char **urls;    /* owned array */
	const char **headers; /* owned array */
	struct strbuf body;   /* of body-file */
	bool has_length;      /* "requests" or "duration" is given */
};

static void
release(void *step)
{
	struct http *http = step;

	free(http->urls);
	free(http->headers);
	strbuf_release(&http->body);
	json_decref(http->options);
	free(http);
}

/* One text, or an array of them; no commas are looked for, since both URLs and
 * headers have them. */
static int
get_texts(const json_t *options, const char *key, size_t most,
	  const char ***out, size_t *count, struct err *err)
{
	const json_t *value = json_object_get(options, key);
	size_t i;

	*count = json_is_string(value) ? 1 : json_array_size(value);
	if (!value)
		return 0;
	if (*count == 0 || *count > most)
		return err_set(err, ERR_PATTERN,
			       "%s takes a text or an array of 1 to %zu", key,
			       most);
	*out = xcalloc(*count, sizeof(**out));
	for (i = 0; i < *count; i++) {
		const json_t *text = json_is_string(value)
					     ? value
					     : json_array_get(value, i);

		(*out)[i] = json_string_value(text);
		if (!(*out)[i] || strlen((*out)[i]) != json_string_length(text))
			return err_set(err, ERR_PATTERN,
				       "%s has what is no text", key);
	}
	return 0;
}

static int
get_body(struct http *http, struct err *err)
{
	const json_t *text = json_object_get(http->options, "body");
	const char *file = NULL;

	if (scenario_get_text(http->options, "body-file", &file, err) != 0)
		return -1;
	if (text && file)
		return err_set(err, ERR_PATTERN,
			       "body and body-file exclude each other");
	if (text && !json_is_string(text))
		return err_set(err, ERR_PATTERN, "body takes a text");
	if (text) {
		http->plan.body = json_string_value(text);
		http->plan.body_len = json_string_length(text);
	}
	if (file) {
		if (textfile_read(file, LOAD_BODY_MAX, &http->body, NULL,
				  err) != 0)
			return -1;
		http->plan.body = strbuf_text(&http->body);
		http->plan.body_len = http->body.len;
	}
	return 0;
}

/* "1%" or 1. */
static int
get_max_errors(const json_t *options, double *share, struct err *err)
{
	const char *text =
		json_string_value(json_object_get(options, "max-errors"));
	size_t len = text ? strlen(text) : 0;
	double percent = *share * 100;
	json_t *bare;
	int result;

	if (len > 0 && text[len - 1] == '%') {
		bare = json_pack("{s:s#}", "max-errors", text, (int)(len - 1));
		result = scenario_get_number(bare, "max-errors", 0, 100,
					     &percent, err);
		json_decref(bare);
	} else {
		result = scenario_get_number(options, "max-errors", 0, 100,
					     &percent, err);
	}
	*share = percent / 100;
	return result;
}

static int
get_amounts(const json_t *options, struct load_plan *plan, struct err *err)
{
	uint64_t connections = plan->connections;
	uint64_t pipelining = plan->pipelining;

	if (scenario_get_count(options, "concurrency", 1, LOAD_IN_FLIGHT_MAX,
			       &connections, err) ||
	    scenario_get_count(options, "pipelining", 1, LOAD_IN_FLIGHT_MAX,
			       &pipelining, err) ||
	    scenario_get_number(options, "rate", 0, LOAD_RATE_MAX, &plan->rate,
				err) ||
	    scenario_get_count(options, "requests", 1, LOAD_COUNT_MAX,
			       &plan->count, err) ||
	    scenario_get_seconds(options, "duration", &plan->duration_s, err) ||
	    scenario_get_seconds(options, "request-timeout", &plan->timeout_s,
				 err) ||
	    get_max_errors(options, &plan->max_errors, err))
		return -1;
	plan->connections = (unsigned int)connections;
	plan->pipelining = (unsigned int)pipelining;
	if (plan->count > 0 && json_object_get(options, "duration"))
		return err_set(err, ERR_PATTERN,
			       "requests and duration exclude each other");
	return 0;
}

static int
take(struct http *http, struct err *err)
{
	static const char *const known[] = {
		"url",
		"concurrency",
		"pipelining",
		"rate",
		"requests",
		"duration",
		"method",
		"headers",
		"body",
		"body-file",
		"unix-socket",
		"ca-file",
		"request-timeout",
		"close",
		"expect",
		"max-errors",
		NULL,
	};
	struct load_plan *plan = &http->plan;
	const char *expect = NULL;
	json_t *options = http->options;

	load_plan_init(plan);
	if (scenario_get_known(options, known, "a step of kind http", err) ||
	    get_texts(options, "url", LOAD_URLS_MAX, &http->urls,
		      &plan->url_count, err) ||
	    get_texts(options, "headers", LOAD_HEADERS_MAX, &http->headers,
		      &plan->header_count, err) ||
	    get_body(http, err) || get_amounts(options, plan, err) ||
	    scenario_get_text(options, "method", &plan->method, err) ||
	    scenario_get_text(options, "unix-socket", &plan->unix_socket,
			      err) ||
	    scenario_get_text(options, "ca-file", &plan->ca_file, err) ||
	    scenario_get_boolean(options, "close", &plan->close, err) ||
	    scenario_get_text(options, "expect", &expect, err))
		return -1;
	if (!http->urls)
		return err_set(err, ERR_PATTERN, "url is missing");
	http->has_length = json_object_get(options, "requests") ||
			   json_object_get(options, "duration");
	plan->urls = http->urls;
	plan->headers = http->headers;
	if (expect && !load_expect(plan, expect))
		return err_set(err, ERR_PATTERN,
			       "expect takes statuses like '2xx,404'");
	return load_check(plan, err);
}

static int
parse(json_t *options, void **out, struct err *err)
{
	struct http *http = xcalloc(1, sizeof(*http));

	http->options = json_incref(options);
	if (take(http, err) != 0) {
		release(http);
		return -1;
	}
	*out = http;
	return 0;
}

/* The world's word, and the time-out of the step as a whole. */
struct limit {
	const struct step_world *world;
	double end_s;
	bool timed_out;
};

static bool
should_stop(void *context)
{
	struct limit *limit = context;

	limit->timed_out = clock_s() >= limit->end_s;
	return limit->timed_out ||
	       limit->world->should_stop(limit->world->context);
}

/* The last run alone would hide those before. */
static void
add_up(struct step_result *out, const struct load_result *result)
{
	if (!out->sum)
		out->sum = xcalloc(1, sizeof(struct load_result));
	load_result_add(out->sum, result);
	strbuf_clear(&out->note);
	load_summary(&out->note, out->sum);
	json_decref(out->numbers);
	out->numbers = load_json(out->sum);
}

static int
check_time(const struct load_plan *plan, const struct step_world *world,
	   struct err *err)
{
	if (plan->count > 0 || plan->duration_s < world->timeout_s)
		return 0;
	return err_set(err, ERR_STEP,
		       "its duration of %g s is beyond the time-out of %g s",
		       plan->duration_s, world->timeout_s);
}

static int
run(void *step, const struct step_world *world, struct step_result *out,
    struct err *err)
{
	struct http *http = step;
	struct limit limit = {
		.world = world,
		.end_s = clock_s() + world->timeout_s,
	};
	struct load_plan plan = http->plan;
	struct load_result *result;
	int rc;

	if (!http->has_length && world->span_s > 0)
		plan.duration_s = fmin(plan.duration_s, world->span_s);
	if (check_time(&plan, world, err) != 0)
		return -1;
	plan.should_stop = should_stop;
	plan.context = &limit;
	result = xmalloc(sizeof(*result));
	rc = load_run(&plan, result, err);
	if (rc == 0) {
		out->units = result->answered;
		add_up(out, result);
		rc = load_judge(&plan, result, err);
	}
	if (rc == 0 && limit.timed_out)
		rc = err_set(err, ERR_STEP,
			     "not done in %g s: %" PRIu64 " requests answered",
			     world->timeout_s, result->answered);
	free(result);
	return rc;
}

const struct step_kind step_http = {
	.name = "http",
	.main_key = "url",
	.unit = "request",
	.lasts = true,
	.parse = parse,
	.run = run,
	.free = release,
};
