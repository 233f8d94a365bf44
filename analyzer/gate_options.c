/* The options that make a gate. */
#include "gate.h"

#include <string.h>

#include "parse.h"

static int
parse_limit(struct gate_limit *limit, const char *option, const char *text,
	    bool knows_work, struct err *err)
{
	size_t len;
	char size[32];

	if (!text)
		return 0;
	len = strlen(text);
	if (len > 2 && strcmp(text + len - 2, "/h") == 0) {
		limit->per_hour = true;
		len -= 2;
	} else if (knows_work && len > 5 &&
		   strcmp(text + len - 5, "/unit") == 0) {
		limit->per_unit = true;
		len -= 5;
	}
	if (len < sizeof(size)) {
		memcpy(size, text, len);
		size[len] = '\0';
		limit->given = parse_size(size, &limit->bytes);
	}
	if (limit->given)
		return 0;
	return err_set(err, ERR_PATTERN,
		       "%s takes a size such as 64K or 2G, or one per hour "
		       "such as 1M/h, not '%s'",
		       option, text);
}

/* Decimal digits with at most one point; no locale has a say. */
static bool
parse_decimal(const char *text, size_t len, double *value)
{
	double unit = 1;
	bool point = false, digits = false;
	size_t i;

	*value = 0;
	for (i = 0; i < len; i++) {
		if (text[i] == '.' && !point) {
			point = true;
			continue;
		}
		if (text[i] < '0' || text[i] > '9')
			return false;
		digits = true;
		if (point)
			unit /= 10;
		*value = point ? *value + (text[i] - '0') * unit
			       : *value * 10 + (text[i] - '0');
	}
	return digits;
}

/* 0.1% or 0.001. */
static bool
parse_share(const char *text, double *share)
{
	size_t len = strlen(text);
	bool percent = len && text[len - 1] == '%';

	if (!parse_decimal(text, len - percent, share))
		return false;
	if (percent)
		*share /= 100;
	return *share <= 1;
}

int
gate_parse(struct gate *gate, const struct gate_options *options,
	   struct err *err)
{
	uint64_t threads;

	*gate = (struct gate){ .max_loss = GATE_MAX_LOSS };
	if (parse_limit(&gate->site, "--fail-over", options->fail_over,
			options->knows_work, err) ||
	    parse_limit(&gate->total, "--fail-over-total",
			options->fail_over_total, false, err))
		return -1;
	if (options->fail_threads) {
		if (!parse_count(options->fail_threads, &threads) ||
		    threads > INT64_MAX)
			return err_set(err, ERR_PATTERN,
				       "--fail-threads takes a number, not "
				       "'%s'",
				       options->fail_threads);
		gate->threads_given = true;
		gate->threads = (int64_t)threads;
	}
	if (options->max_loss &&
	    !parse_share(options->max_loss, &gate->max_loss))
		return err_set(err, ERR_PATTERN,
			       "--max-loss takes a share such as 0.1%% or "
			       "0.001, not '%s'",
			       options->max_loss);
	return 0;
}

bool
gate_is_wanted(const struct gate *gate)
{
	return gate->site.given || gate->total.given || gate->threads_given;
}
