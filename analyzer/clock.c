#include "clock.h"

uint64_t
clock_ns(clockid_t clock)
{
	struct timespec now = { 0, 0 };

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * CLOCK_NS_PER_S + (uint64_t)now.tv_nsec;
}

double
clock_s(void)
{
	return (double)clock_ns(CLOCK_MONOTONIC) / (double)CLOCK_NS_PER_S;
}

struct timespec
clock_span(uint64_t ns)
{
	return (struct timespec){
		.tv_sec = (time_t)(ns / CLOCK_NS_PER_S),
		.tv_nsec = (long)(ns % CLOCK_NS_PER_S),
	};
}
