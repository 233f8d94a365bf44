#include "timers.h"

#include "ident.h"
#include "job.h"
#include "opts.h"
#include "state.h"
#include "sys.h"

/* on=limit. */
#define LOOK_NS 1000000000u
/* Percent points that memory must fall before on=limit fires again. */
#define LIMIT_SLACK 5u

static bool
has_limit(void)
{
	return lks_opts.on_limit_percent != 0 &&
	       lks_ident.memory_limit_bytes != 0;
}

bool
lks_timers_wanted(void)
{
	return lks_opts.interval_ns != 0 || has_limit();
}

void
lks_timers_start(struct lks_timers *timers, uint64_t now)
{
	*timers = (struct lks_timers){ .limit_armed = true };
	if (lks_opts.interval_ns != 0)
		timers->interval_ns = now + lks_opts.interval_ns;
	if (has_limit())
		timers->limit_ns = now;
}

/* A dormant process has nothing to tell. */
static void
post(enum lks_trigger trigger)
{
	if (lks_state_page.state != LKS_DORMANT)
		lks_job_post(trigger, 0);
}

static void
look_at_interval(struct lks_timers *timers, uint64_t now)
{
	if (timers->interval_ns == 0 || now < timers->interval_ns)
		return;
	post(LKS_TRIGGER_INTERVAL);
	/* What was missed, in a stopped process, is not made up for. */
	timers->interval_ns +=
		((now - timers->interval_ns) / lks_opts.interval_ns + 1) *
		lks_opts.interval_ns;
}

/* Second number of statm: resident pages. */
static uint64_t
resident_bytes(void)
{
	char text[128];
	const char *at = text;
	uint64_t pages = 0;

	lks_sys_slurp("/proc/self/statm", text, sizeof(text));
	if (!lks_parse_u64(&at, &pages) || *at++ != ' ' ||
	    !lks_parse_u64(&at, &pages))
		return 0;
	return pages * lks_ident.page_bytes;
}

static void
look_at_limit(struct lks_timers *timers, uint64_t now)
{
	uint64_t percent;

	if (timers->limit_ns == 0 || now < timers->limit_ns)
		return;
	timers->limit_ns = now + LOOK_NS;
	percent = resident_bytes() * 100 / lks_ident.memory_limit_bytes;
	if (timers->limit_armed && percent >= lks_opts.on_limit_percent) {
		timers->limit_armed = false;
		post(LKS_TRIGGER_LIMIT);
	} else if (percent + LIMIT_SLACK < lks_opts.on_limit_percent) {
		timers->limit_armed = true;
	}
}

void
lks_timers_look(struct lks_timers *timers, uint64_t now)
{
	look_at_interval(timers, now);
	look_at_limit(timers, now);
}

uint64_t
lks_timers_pause_ns(const struct lks_timers *timers, uint64_t now)
{
	uint64_t next = timers->interval_ns;

	if (next == 0 || (timers->limit_ns != 0 && timers->limit_ns < next))
		next = timers->limit_ns;
	if (next == 0)
		return 0;
	return next > now ? next - now : 1;
}
