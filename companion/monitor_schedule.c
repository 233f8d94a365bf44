#include "monitor_schedule.h"

/* Beyond it multiplying would overflow, and nobody waits. */
#define COST_MAX_NS (UINT64_MAX / 200)

void
monitor_schedule_begin(struct monitor_schedule *schedule, uint64_t start_ns,
		       uint64_t interval_ns)
{
	schedule->start_ns = start_ns;
	schedule->interval_ns = interval_ns;
	schedule->look = 0;
	schedule->stride = 1;
}

uint64_t
monitor_schedule_next(struct monitor_schedule *schedule, uint64_t now_ns)
{
	uint64_t passed = (now_ns - schedule->start_ns) / schedule->interval_ns;

	schedule->look += schedule->stride;
	if (schedule->look <= passed)
		schedule->look = passed + 1;
	return schedule->start_ns + schedule->look * schedule->interval_ns;
}

uint64_t
monitor_schedule_rest(uint64_t cost_ns, unsigned int percent)
{
	if (cost_ns > COST_MAX_NS)
		cost_ns = COST_MAX_NS;
	return cost_ns * 100 / percent;
}

bool
monitor_schedule_fit(struct monitor_schedule *schedule, uint64_t cost_ns)
{
	uint64_t rest =
		monitor_schedule_rest(cost_ns, MONITOR_SCHEDULE_WALK_PERCENT);
	uint64_t stride =
		(rest + schedule->interval_ns - 1) / schedule->interval_ns;

	if (stride < 1)
		stride = 1;
	/* Costs vary: what is said about the interval should last. */
	if (stride == schedule->stride ||
	    (stride < schedule->stride && stride > schedule->stride / 2))
		return false;
	schedule->stride = stride;
	return true;
}
