/* Looks as rows of CSV (RFC 4180): what is not known is empty. */
#include <inttypes.h>

#include "../analyzer/csv_fields.h"
#include "../analyzer/format.h"
#include "monitor_parts.h"

static void
csv_log(struct strbuf *out, const struct logtail *log)
{
	struct strbuf lines = { 0 };
	size_t i;

	if (!log)
		return;
	for (i = 0; i < log->count; i++) {
		if (i)
			strbuf_addc(&lines, '\n');
		strbuf_add_printable(&lines, logtail_line(log, i));
	}
	strbuf_addc(out, ',');
	csv_add_field(out, strbuf_text(&lines));
	strbuf_release(&lines);
}

static void
csv_begin(struct strbuf *out, const struct monitor *monitor)
{
	format_timestamp(out, monitor->last.wall_ns);
	strbuf_addf(out, ",%d,", (int)monitor->target.proc.pid);
	csv_add_field(out, monitor->name);
}

static void
csv_value(struct strbuf *out, const struct monitor_value *value)
{
	strbuf_addc(out, ',');
	if (value->at_ns)
		strbuf_addf(out, "%" PRIu64, value->bytes);
}

static void
csv_age(struct strbuf *out, double seconds)
{
	strbuf_addc(out, ',');
	if (seconds >= 0)
		strbuf_addf(out, "%.3f", seconds);
}

void
monitor_csv_look(struct strbuf *out, const struct monitor *monitor,
		 const struct logtail *log)
{
	const struct monitor_look *look = &monitor->last;

	csv_begin(out, monitor);
	strbuf_addf(out, ",%" PRIu64, look->usage.rss_bytes);
	csv_value(out, &look->pss);
	csv_value(out, &look->uss);
	csv_age(out, monitor_age(look, &look->uss));
	strbuf_addf(out, ",%" PRIu64, look->usage.swap_bytes);
	csv_value(out, &look->heap);
	strbuf_addc(out, ',');
	if (look->heap.at_ns)
		strbuf_addf(out, "%" PRIu64, look->heap_objects);
	csv_age(out, monitor_age(look, &look->heap));
	strbuf_addf(out, ",%" PRIu64 ",", look->usage.threads);
	if (look->has_descriptors)
		strbuf_addf(out, "%" PRIu64, look->descriptors);
	strbuf_addc(out, ',');
	if (look->cpu_percent >= 0)
		strbuf_addf(out, "%.2f", look->cpu_percent);
	strbuf_addf(out, ",%.2f,%" PRIu64 ",%" PRIu64,
		    monitor_cpu_seconds(look), look->usage.minor_faults,
		    look->usage.major_faults);
	csv_log(out, log);
	strbuf_addc(out, '\n');
}

static void
csv_region(struct strbuf *out, const struct smaps_region *region)
{
	if (region->count)
		strbuf_addf(out, ",%" PRIx64 ",%" PRIx64 ",%s,%zu",
			    region->start, region->end, region->permissions,
			    region->count);
	else
		strbuf_adds(out, ",,,,");
}

/* Deltas against `before`, which may be NULL. */
static void
csv_amounts(struct strbuf *out, const struct smaps_amounts *before,
	    const struct smaps_amounts *after)
{
	uint64_t now[MONITOR_AMOUNTS];
	int64_t deltas[MONITOR_AMOUNTS];
	size_t i;

	monitor_list_amounts(now, after);
	for (i = 0; i < MONITOR_AMOUNTS; i++)
		strbuf_addf(out, ",%" PRIu64, now[i]);
	if (before) {
		monitor_list_deltas(deltas, before, after);
		csv_add_integers(out, deltas, MONITOR_AMOUNTS);
	} else {
		strbuf_adds(out, ",,,,,");
	}
}

static void
csv_kind(struct strbuf *out, const struct monitor *monitor, size_t kind,
	 const struct logtail *log)
{
	const struct smaps *maps = monitor_maps(monitor);
	const struct smaps *before = monitor_maps_before(monitor);
	bool all = kind == SMAPS_KIND_COUNT;

	csv_begin(out, monitor);
	strbuf_addf(out, ",now,%s,,,,,,,,",
		    all ? "all" : smaps_kind_name((enum smaps_kind)kind));
	csv_amounts(out,
		    !before ? NULL
		    : all   ? &before->total
			    : &before->by_kind[kind],
		    all ? &maps->total : &maps->by_kind[kind]);
	strbuf_addc(out, ',');
	csv_log(out, log);
	strbuf_addc(out, '\n');
}

void
monitor_csv_maps(struct strbuf *out, const struct monitor *monitor,
		 const struct logtail *log)
{
	const struct smaps_change *change;
	size_t i;

	if (monitor->looks > 1 && !monitor->diff.count) {
		csv_begin(out, monitor);
		strbuf_adds(out, ",no difference,,,,,,,,,,,,,,,,,,,,");
		csv_log(out, log);
		strbuf_addc(out, '\n');
		return;
	}
	for (i = 0; i < monitor->diff.count; i++) {
		change = &monitor->diff.list[i];
		csv_begin(out, monitor);
		strbuf_addf(out, ",%s,%s", smaps_change_name(change->change),
			    smaps_kind_name(change->kind));
		csv_region(out, &change->after);
		csv_region(out, &change->before);
		csv_amounts(out, &change->before.amounts,
			    &change->after.amounts);
		strbuf_addc(out, ',');
		csv_add_field(out, change->path);
		csv_log(out, log);
		strbuf_addc(out, '\n');
	}
	for (i = 0; i <= SMAPS_KIND_COUNT; i++)
		csv_kind(out, monitor, i, log);
}

void
monitor_csv_header(struct strbuf *out, bool with_maps, bool log)
{
	size_t i;

	strbuf_adds(out, "time,pid,name,");
	if (!with_maps) {
		strbuf_adds(out, "rss_bytes,pss_bytes,uss_bytes,"
				 "pss_age_seconds,swap_bytes,live_bytes,"
				 "live_objects,live_age_seconds,threads,"
				 "descriptors,cpu_percent,cpu_seconds,"
				 "minor_faults,major_faults");
	} else {
		strbuf_adds(out, "change,kind,start,end,permissions,mappings,"
				 "old_start,old_end,old_permissions,"
				 "old_mappings");
		for (i = 0; i < MONITOR_AMOUNTS; i++)
			strbuf_addf(out, ",%s_bytes", monitor_amount_names[i]);
		for (i = 0; i < MONITOR_AMOUNTS; i++)
			strbuf_addf(out, ",%s_delta", monitor_amount_names[i]);
		strbuf_adds(out, ",path");
	}
	strbuf_adds(out, log ? ",log\n" : "\n");
}
