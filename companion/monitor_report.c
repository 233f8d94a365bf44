#include "monitor_report.h"

#include <unistd.h>

#include "../analyzer/clock.h"
#include "monitor_parts.h"

const char *const monitor_amount_names[MONITOR_AMOUNTS] = { "size", "rss",
							    "pss", "uss",
							    "swap" };

void
monitor_list_amounts(uint64_t out[MONITOR_AMOUNTS],
		     const struct smaps_amounts *amounts)
{
	out[0] = amounts->size;
	out[1] = amounts->rss;
	out[2] = amounts->pss;
	out[3] = smaps_uss(amounts);
	out[4] = amounts->swap;
}

void
monitor_list_deltas(int64_t out[MONITOR_AMOUNTS],
		    const struct smaps_amounts *before,
		    const struct smaps_amounts *after)
{
	uint64_t old[MONITOR_AMOUNTS], new[MONITOR_AMOUNTS];
	size_t i;

	monitor_list_amounts(old, before);
	monitor_list_amounts(new, after);
	for (i = 0; i < MONITOR_AMOUNTS; i++)
		out[i] = (int64_t)(new[i] - old[i]);
}

double
monitor_age(const struct monitor_look *look, const struct monitor_value *value)
{
	return value->at_ns
		       ? (double)(look->at_ns - value->at_ns) / CLOCK_NS_PER_S
		       : -1;
}

double
monitor_cpu_seconds(const struct monitor_look *look)
{
	return (double)look->usage.cpu_ticks / (double)sysconf(_SC_CLK_TCK);
}

const struct smaps *
monitor_maps_before(const struct monitor *monitor)
{
	return monitor->looks > 1 ? &monitor->maps[1 - monitor->newest] : NULL;
}

void
monitor_report_header(struct strbuf *out, enum monitor_form form,
		      bool with_maps, bool log)
{
	if (form == MONITOR_CSV)
		monitor_csv_header(out, with_maps, log);
	else if (form == MONITOR_TEXT && !with_maps)
		monitor_text_header(out);
}

void
monitor_report_look(struct strbuf *out, const struct monitor *monitor,
		    enum monitor_form form, const struct logtail *log)
{
	switch (form) {
	case MONITOR_TEXT:
		if (monitor->with_maps)
			monitor_text_maps(out, monitor);
		else
			monitor_text_look(out, monitor);
		break;
	case MONITOR_CSV:
		if (monitor->with_maps)
			monitor_csv_maps(out, monitor, log);
		else
			monitor_csv_look(out, monitor, log);
		break;
	case MONITOR_JSON:
		monitor_json_look(out, monitor, log);
		break;
	}
}
