/*
 * Clocks as plain numbers: nanoseconds, or seconds where waits are reckoned.
 */
#pragma once

#include <stdint.h>
#include <time.h>

#define CLOCK_NS_PER_S UINT64_C(1000000000)

/* What the clock says: CLOCK_REALTIME, CLOCK_MONOTONIC, a processor time. It
 * must be one that every kernel has. */
uint64_t clock_ns(clockid_t clock);

/* CLOCK_MONOTONIC in seconds: to a microsecond for a hundred years. */
double clock_s(void);

/* A span for calls that take one. */
struct timespec clock_span(uint64_t ns);
