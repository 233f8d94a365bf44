#include "format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NS_PER_S 1000000000ull
#define NS_PER_TENTH (NS_PER_S / 10)

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

void
format_bytes(struct strbuf *buf, int64_t bytes, bool sign)
{
	static const char *const units[] = { "KiB", "MiB", "GiB",
					     "TiB", "PiB", "EiB" };
	uint64_t value = add_sign(buf, bytes, sign);
	uint64_t unit = 1024;
	uint64_t tenths = 0;
	size_t i;

	if (value < 1024) {
		strbuf_addf(buf, "%" PRIu64 " B", value);
		return;
	}
	/* Rounded tenths decide, so that 1023.96 KiB is 1.0 MiB. */
	for (i = 0;; i++, unit *= 1024) {
		tenths = value / unit * 10 +
			 (value % unit * 10 + unit / 2) / unit;
		if (tenths < 10240 || i + 1 == sizeof(units) / sizeof(*units))
			break;
	}
	strbuf_addf(buf, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10,
		    units[i]);
}

void
format_duration(struct strbuf *buf, uint64_t ns)
{
	uint64_t tenths =
		ns / NS_PER_TENTH + (ns % NS_PER_TENTH >= NS_PER_TENTH / 2);
	uint64_t s = ns / NS_PER_S + (ns % NS_PER_S >= NS_PER_S / 2);

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

void
format_time(struct strbuf *buf, uint64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / NS_PER_S);
	struct tm tm;

	/* At most the year 2554: gmtime_r can't fail. */
	gmtime_r(&seconds, &tm);
	strbuf_addf(buf, "%04d-%02d-%02d %02d:%02d:%02d UTC", tm.tm_year + 1900,
		    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
		    tm.tm_sec);
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
