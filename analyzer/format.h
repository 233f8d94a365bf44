/*
 * Numbers and times as people read them. No locale has a say. Each function
 * appends to a buffer.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "strbuf.h"

/* 1,234,567; with `sign` +1,234,567, -5 and 0. */
void format_count(struct strbuf *buf, int64_t count, bool sign);

/* 512 B, 1.5 KiB, 12.3 MiB: powers of 1024, one digit after the point. */
void format_bytes(struct strbuf *buf, int64_t bytes, bool sign);
/* The same of a mean: below ten the digits of a fraction count, 0.25 B. */
void format_mean_bytes(struct strbuf *buf, double bytes, bool sign);

/*
 * The same for several that have to add up: all in the unit of the largest.
 * Units are 0 (bytes) .. 6 (EiB); amounts are tenths of one, of bytes whole.
 */
unsigned int format_unit_of(int64_t bytes);
int64_t format_in_unit(int64_t bytes, unsigned int unit);
void format_amount(struct strbuf *buf, int64_t amount, unsigned int unit);

/* 12.3 MiB/h. */
void format_byte_rate(struct strbuf *buf, double per_hour, bool sign);
/* Likewise in a unit; and the unit in which a rate and the ends of its interval
 * are to be compared: 1022.3 MiB/h and 1.0 GiB/h say nothing together. */
void format_byte_rate_in(struct strbuf *buf, double per_hour, bool sign,
			 unsigned int unit);
unsigned int format_unit_of_interval(double per_hour, double low, double high);
/* 4,100/h, below ten 3.4/h. */
void format_rate(struct strbuf *buf, double per_hour, bool sign);

/* As format_duration, of hours or seconds that may be any number, and without
 * a second part that is 0: `20 min`. */
void format_hours(struct strbuf *buf, double hours);
void format_seconds(struct strbuf *buf, double seconds);

/* 3.4 s, 34 s, 5 min 3 s, 2 h 5 min, 3 d 4 h. */
void format_duration(struct strbuf *buf, uint64_t ns);

/* Nanoseconds since 1970 as 2026-11-20 09:30:00 UTC. */
void format_time(struct strbuf *buf, uint64_t wall_ns);
/* The same as 2026-11-20T09:30:00.250Z: sorts as text, and every reader knows
 * it. */
void format_timestamp(struct strbuf *buf, uint64_t wall_ns);

/* "1 block of 8 since the memory cap was met: estimates" for a shift of 3:
 * what is counted or recorded. */
void format_thinning(struct strbuf *buf, uint64_t shift);

/* 78%; <1% and >99% where rounding would lie. 0 < part < whole or equal. */
void format_share(struct strbuf *buf, int64_t part, int64_t whole);
