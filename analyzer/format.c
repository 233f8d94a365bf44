#include "format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "saturate.h"

#define NS_PER_TENTH (CLOCK_NS_PER_S / 10)

/* Adds the sign and returns the magnitude. */
static uint64_t
add_sign(struct strbuf *buf, int64_t value, bool sign)
{
	if (value < 0) {
		strbuf_addc(buf, '-');
		return -(uint64_t)value;
	}
	if (sign && value > 0)
		strbuf_addc(buf, '+');
	return (uint64_t)value;
}

static void
add_grouped(struct strbuf *buf, uint64_t value)
{
	char digits[24];
	size_t len =
		(size_t)snprintf(digits, sizeof(digits), "%" PRIu64, value);
	size_t i;

	for (i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			strbuf_addc(buf, ',');
		strbuf_addc(buf, digits[i]);
	}
}

void
format_count(struct strbuf *buf, int64_t count, bool sign)
{
	add_grouped(buf, add_sign(buf, count, sign));
}

static const char *const units[] = { "B",   "KiB", "MiB", "GiB",
				     "TiB", "PiB", "EiB" };
#define UNIT_COUNT (sizeof(units) / sizeof(units[0]))

static uint64_t
magnitude(int64_t value)
{
	return value < 0 ? -(uint64_t)value : (uint64_t)value;
}

static uint64_t
tenths_in(uint64_t value, unsigned int unit)
{
	uint64_t size = UINT64_C(1) << (10 * unit);

	if (unit == 0)
		return value;
	return value / size * 10 + (value % size * 10 + size / 2) / size;
}

unsigned int
format_unit_of(int64_t bytes)
{
	uint64_t value = magnitude(bytes);
	unsigned int unit;

	if (value < 1024)
		return 0;
	/* Rounded tenths decide, so that 1023.96 KiB is 1.0 MiB. */
	for (unit = 1; unit + 1 < UNIT_COUNT; unit++) {
		if (tenths_in(value, unit) < 10240)
			break;
	}
	return unit;
}

int64_t
format_in_unit(int64_t bytes, unsigned int unit)
{
	uint64_t tenths = tenths_in(magnitude(bytes), unit);

	/* INT64_MIN, in bytes, is what no other bound holds. */
	if (tenths > INT64_MAX)
		tenths = INT64_MAX;
	return bytes < 0 ? -(int64_t)tenths : (int64_t)tenths;
}

static void
add_amount(struct strbuf *buf, uint64_t tenths, unsigned int unit)
{
	if (unit == 0)
		strbuf_addf(buf, "%" PRIu64 " B", tenths);
	else
		strbuf_addf(buf, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10,
			    tenths % 10, units[unit]);
}

void
format_amount(struct strbuf *buf, int64_t amount, unsigned int unit)
{
	add_amount(buf, add_sign(buf, amount, false), unit);
}

void
format_bytes(struct strbuf *buf, int64_t bytes, bool sign)
{
	unsigned int unit = format_unit_of(bytes);

	add_amount(buf, tenths_in(add_sign(buf, bytes, sign), unit), unit);
}

void
format_mean_bytes(struct strbuf *buf, double bytes, bool sign)
{
	if (bytes > -10 && bytes < 10 &&
	    (bytes < (double)saturate_round(bytes) ||
	     bytes > (double)saturate_round(bytes)))
		strbuf_addf(buf, sign ? "%+.2g B" : "%.2g B", bytes);
	else
		format_bytes(buf, saturate_round(bytes), sign);
}

void
format_byte_rate(struct strbuf *buf, double per_hour, bool sign)
{
	format_bytes(buf, saturate_round(per_hour), sign);
	strbuf_adds(buf, "/h");
}

void
format_byte_rate_in(struct strbuf *buf, double per_hour, bool sign,
		    unsigned int unit)
{
	int64_t bytes = saturate_round(per_hour);
	uint64_t tenths = tenths_in(magnitude(bytes), unit);

	if (tenths > 0)
		(void)add_sign(buf, bytes, sign);
	add_amount(buf, tenths, unit);
	strbuf_adds(buf, "/h");
}

/* More than four digits before the point? */
static bool
is_long(double per_hour, unsigned int unit)
{
	return tenths_in(magnitude(saturate_round(per_hour)), unit) >=
	       (unit ? 100000 : 10000);
}

/* The rate's own; the next smaller one for 1.0 to 1.9 of it where the lower end
 * is less than one; a larger one where an end is far away. */
unsigned int
format_unit_of_interval(double per_hour, double low, double high)
{
	unsigned int unit = format_unit_of(saturate_round(per_hour));

	if (unit > 0 && format_unit_of(saturate_round(low)) < unit &&
	    format_in_unit(saturate_round(per_hour), unit) < 20)
		unit--;
	while (unit + 1 < UNIT_COUNT &&
	       (is_long(low, unit) || is_long(high, unit)))
		unit++;
	return unit;
}

void
format_rate(struct strbuf *buf, double per_hour, bool sign)
{
	int64_t tenths = saturate_round(per_hour * 10);

	if (tenths > -100 && tenths < 100 && tenths % 10) {
		uint64_t size = add_sign(buf, tenths, sign);

		strbuf_addf(buf, "%" PRIu64 ".%" PRIu64 "/h", size / 10,
			    size % 10);
		return;
	}
	format_count(buf, saturate_round(per_hour), sign);
	strbuf_adds(buf, "/h");
}

void
format_hours(struct strbuf *buf, double hours)
{
	format_seconds(buf, hours * 3600);
}

void
format_seconds(struct strbuf *buf, double seconds)
{
	int64_t ns = saturate_round(seconds * 1e9);
	size_t begin = buf->len;
	char *end;

	format_duration(buf, ns < 0 ? 0 : (uint64_t)ns);
	/* `20 min 0 s` claims what nobody asked for. */
	end = strstr(buf->data + begin, " 0 ");
	if (end) {
		*end = '\0';
		buf->len = (size_t)(end - buf->data);
	}
}

void
format_duration(struct strbuf *buf, uint64_t ns)
{
	uint64_t tenths =
		ns / NS_PER_TENTH + (ns % NS_PER_TENTH >= NS_PER_TENTH / 2);
	uint64_t s = ns / CLOCK_NS_PER_S +
		     (ns % CLOCK_NS_PER_S >= CLOCK_NS_PER_S / 2);

	if (tenths < 100)
		strbuf_addf(buf, "%" PRIu64 ".%" PRIu64 " s", tenths / 10,
			    tenths % 10);
	else if (s < 120)
		strbuf_addf(buf, "%" PRIu64 " s", s);
	else if (s < 7200)
		strbuf_addf(buf, "%" PRIu64 " min %" PRIu64 " s", s / 60,
			    s % 60);
	else if (s < 2 * 86400)
		strbuf_addf(buf, "%" PRIu64 " h %" PRIu64 " min", s / 3600,
			    s / 60 % 60);
	else
		strbuf_addf(buf, "%" PRIu64 " d %" PRIu64 " h", s / 86400,
			    s / 3600 % 24);
}

/* At most the year 2554: gmtime_r can't fail. */
static struct tm
calendar(uint64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / CLOCK_NS_PER_S);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	return tm;
}

void
format_time(struct strbuf *buf, uint64_t wall_ns)
{
	struct tm tm = calendar(wall_ns);

	strbuf_addf(buf, "%04d-%02d-%02d %02d:%02d:%02d UTC", tm.tm_year + 1900,
		    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
		    tm.tm_sec);
}

void
format_timestamp(struct strbuf *buf, uint64_t wall_ns)
{
	struct tm tm = calendar(wall_ns);

	strbuf_addf(buf, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ",
		    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		    tm.tm_min, tm.tm_sec,
		    (unsigned int)(wall_ns % CLOCK_NS_PER_S / 1000000));
}

void
format_thinning(struct strbuf *buf, uint64_t shift)
{
	strbuf_adds(buf, "1 block of ");
	if (shift < 64)
		add_grouped(buf, UINT64_C(1) << shift);
	else
		strbuf_addf(buf, "2^%" PRIu64, shift);
	strbuf_adds(buf, " since the memory cap was met: estimates");
}

void
format_share(struct strbuf *buf, int64_t part, int64_t whole)
{
	double share = 100.0 * (double)part / (double)whole;

	if (share < 1.0)
		strbuf_adds(buf, "<1%");
	else if (part < whole && share > 99.0)
		strbuf_adds(buf, ">99%");
	else
		strbuf_addf(buf, "%d%%", (int)(share + 0.5));
}
