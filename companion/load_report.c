/* What a load came to, and whether that is a failed step. */
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "../analyzer/format.h"
#include "../analyzer/jsonval.h"
#include "../analyzer/saturate.h"
#include "human.h"
#include "load.h"

static const char *const error_names[LOAD_ERRORS] = {
	[LOAD_RESOLVE] = "resolve", [LOAD_CONNECT] = "connect",
	[LOAD_TLS] = "tls",         [LOAD_TIMEOUT] = "timeout",
	[LOAD_CLOSED] = "closed",   [LOAD_PROTOCOL] = "protocol",
	[LOAD_OTHER] = "other",
};

static const char *const class_names[6] = {
	"other", "1xx", "2xx", "3xx", "4xx", "5xx",
};

static uint64_t
error_count(const struct load_result *result)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < LOAD_ERRORS; i++)
		sum += result->errors[i];
	return sum;
}

void
load_result_add(struct load_result *result, const struct load_result *from)
{
	size_t i;

	result->offered += from->offered;
	result->unsent += from->unsent;
	result->answered += from->answered;
	for (i = 0; i < 6; i++)
		result->classes[i] += from->classes[i];
	result->unexpected += from->unexpected;
	for (i = 0; i < LOAD_ERRORS; i++)
		result->errors[i] += from->errors[i];
	result->bytes_in += from->bytes_in;
	result->bytes_out += from->bytes_out;
	result->connections += from->connections;
	result->seconds += from->seconds;
	result->stopped |= from->stopped;
	result->gave_up |= from->gave_up;
	if (!result->first_failure[0])
		memcpy(result->first_failure, from->first_failure,
		       sizeof(result->first_failure));
	load_latency_merge(&result->latency, &from->latency);
}

double
load_failed_share(const struct load_result *result)
{
	if (result->offered == 0)
		return 0;
	return (double)(error_count(result) + result->unexpected +
			result->unsent) /
	       (double)result->offered;
}

int
load_judge(const struct load_plan *plan, const struct load_result *result,
	   struct err *err)
{
	double share = load_failed_share(result);
	uint64_t failed =
		error_count(result) + result->unexpected + result->unsent;

	if (result->offered == 0) {
		if (result->stopped)
			return 0;
		return err_set(err, ERR_STEP, "no request was made");
	}
	if (share <= plan->max_errors)
		return 0;
	return err_set(err, ERR_STEP,
		       "%" PRIu64 " of %" PRIu64 " requests failed (%.1f%%, "
		       "at most %.1f%%): %s",
		       failed, result->offered, 100 * share,
		       100 * plan->max_errors,
		       result->first_failure[0]
			       ? result->first_failure
			       : "more were asked for than could be sent");
}

static double
per_second(const struct load_result *result)
{
	if (result->seconds <= 0)
		return 0;
	return (double)result->answered / result->seconds;
}

void
load_summary(struct strbuf *buf, const struct load_result *result)
{
	char p99[HUMAN_BYTES];

	format_count(buf, (int64_t)result->offered, false);
	strbuf_adds(buf, result->offered == 1 ? " request" : " requests");
	/* Nothing took no time. */
	if (result->answered) {
		human_duration(p99,
			       load_latency_quantile(&result->latency, 0.99));
		strbuf_adds(buf, ", ");
		format_count(buf, saturate_round(per_second(result)), false);
		strbuf_addf(buf, "/s, p99 %s", p99);
	} else {
		strbuf_adds(buf, ", none answered");
	}
	if (result->offered)
		strbuf_addf(buf, ", %.2f%% failed",
			    100 * load_failed_share(result));
}

static void
add_latency(struct strbuf *buf, const struct load_latency *latency)
{
	static const struct {
		const char *name;
		double part;
	} shown[] = { { "p50", 0.5 }, { "p97.5", 0.975 }, { "p99", 0.99 } };
	char time[HUMAN_BYTES];
	size_t i;

	strbuf_adds(buf, "latency:");
	for (i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		human_duration(time,
			       load_latency_quantile(latency, shown[i].part));
		strbuf_addf(buf, " %s %s,", shown[i].name, time);
	}
	human_duration(time, latency->max_ns);
	strbuf_addf(buf, " max %s\n", time);
}

static void
add_statuses(struct strbuf *buf, const struct load_result *result)
{
	size_t i;
	uint64_t non_2xx = result->answered - result->classes[2];

	strbuf_addf(buf, "answers: 2xx %" PRIu64 ", non-2xx %" PRIu64,
		    result->classes[2], non_2xx);
	if (non_2xx > 0) {
		const char *separator = " (";

		for (i = 0; i < 6; i++) {
			if (i == 2 || result->classes[i] == 0)
				continue;
			strbuf_addf(buf, "%s%s %" PRIu64, separator,
				    class_names[i], result->classes[i]);
			separator = ", ";
		}
		strbuf_addc(buf, ')');
	}
	strbuf_addc(buf, '\n');
}

static void
add_errors(struct strbuf *buf, const struct load_result *result)
{
	size_t i;
	const char *separator = " (";

	strbuf_addf(buf, "errors: %" PRIu64, error_count(result));
	for (i = 0; i < LOAD_ERRORS; i++) {
		if (result->errors[i] == 0)
			continue;
		strbuf_addf(buf, "%s%s %" PRIu64, separator, error_names[i],
			    result->errors[i]);
		separator = ", ";
	}
	strbuf_addf(buf, "%s\n", error_count(result) ? ")" : "");
	if (result->first_failure[0])
		strbuf_addf(buf, "first failure: %s\n", result->first_failure);
	if (result->unsent > 0)
		strbuf_addf(buf,
			    "unsent: %" PRIu64 " of %" PRIu64
			    " offered: the server did not keep up\n",
			    result->unsent, result->offered);
	if (result->gave_up)
		strbuf_addf(buf, "ended early: %u failures in a row\n",
			    LOAD_GIVE_UP);
	if (result->stopped)
		strbuf_adds(buf, "ended early: stopped\n");
}

void
load_text(struct strbuf *buf, const struct load_result *result)
{
	strbuf_addf(buf, "requests: %" PRIu64 " in ", result->offered);
	format_duration(buf, (uint64_t)(result->seconds * 1e9));
	strbuf_addf(buf, ", %.1f/s answered on %" PRIu64 " connections, ",
		    per_second(result), result->connections);
	format_bytes(buf, (int64_t)result->bytes_in, false);
	strbuf_adds(buf, " received, ");
	format_bytes(buf, (int64_t)result->bytes_out, false);
	strbuf_adds(buf, " sent\n");
	add_latency(buf, &result->latency);
	add_statuses(buf, result);
	add_errors(buf, result);
}

static json_t *
latency_json(const struct load_latency *latency)
{
	json_t *object = json_object();

	jsonval_set_real(object, "mean", load_latency_mean_ns(latency) / 1e9);
	jsonval_set_real(object, "p50",
			 (double)load_latency_quantile(latency, 0.5) / 1e9);
	jsonval_set_real(object, "p97_5",
			 (double)load_latency_quantile(latency, 0.975) / 1e9);
	jsonval_set_real(object, "p99",
			 (double)load_latency_quantile(latency, 0.99) / 1e9);
	jsonval_set_real(object, "max", (double)latency->max_ns / 1e9);
	return object;
}

json_t *
load_json(const struct load_result *result)
{
	json_t *object = json_object(), *statuses = json_object();
	json_t *errors = json_object();
	size_t i;

	for (i = 0; i < 6; i++)
		jsonval_set_count(statuses, class_names[i], result->classes[i]);
	for (i = 0; i < LOAD_ERRORS; i++)
		jsonval_set_count(errors, error_names[i], result->errors[i]);
	jsonval_set_count(object, "requests", result->offered);
	jsonval_set_real(object, "seconds", result->seconds);
	jsonval_set_real(object, "requests_per_second", per_second(result));
	jsonval_set(object, "latency_seconds", latency_json(&result->latency));
	jsonval_set_count(object, "answers", result->answered);
	jsonval_set(object, "statuses", statuses);
	jsonval_set_count(object, "non_2xx",
			  result->answered - result->classes[2]);
	jsonval_set_count(object, "unexpected", result->unexpected);
	jsonval_set(object, "errors", errors);
	jsonval_set_count(object, "unsent", result->unsent);
	jsonval_set_count(object, "connections", result->connections);
	jsonval_set_count(object, "bytes_received", result->bytes_in);
	jsonval_set_count(object, "bytes_sent", result->bytes_out);
	jsonval_set_boolean(object, "gave_up", result->gave_up);
	jsonval_set_boolean(object, "stopped", result->stopped);
	jsonval_set_name(object, "first_failure", result->first_failure);
	return object;
}
