/* Looks for people: a line of a table each, or the mappings that changed. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../analyzer/clock.h"
#include "../analyzer/format.h"
#include "monitor_parts.h"

/* --- a line of a table ---------------------------------------------------------- */

/* A number of bytes without a value is a dash, as for all columns. */
static void
add_bytes(struct strbuf *out, bool known, uint64_t bytes)
{
	struct strbuf cell = { 0 };

	if (known)
		format_bytes(&cell, (int64_t)bytes, false);
	strbuf_addf(out, " %10s", known ? strbuf_text(&cell) : "-");
	strbuf_release(&cell);
}

static void
add_value(struct strbuf *out, const struct monitor_value *value)
{
	add_bytes(out, value->at_ns != 0, value->bytes);
}

/* "0s", "42s", "3m", "2h". */
static void
add_age(struct strbuf *out, double seconds)
{
	char cell[16] = "-";

	if (seconds >= 2 * 3600)
		snprintf(cell, sizeof(cell), "%.0fh", seconds / 3600);
	else if (seconds >= 120)
		snprintf(cell, sizeof(cell), "%.0fm", seconds / 60);
	else if (seconds >= 0)
		snprintf(cell, sizeof(cell), "%.0fs", seconds);
	strbuf_addf(out, " %4s", cell);
}

void
monitor_text_header(struct strbuf *out)
{
	strbuf_addf(out,
		    "%-8s %7s %10s %10s %10s %4s %10s %10s %4s %6s %6s %6s "
		    "%10s %9s %7s\n",
		    "UTC", "PID", "RSS", "PSS", "USS", "AGE", "SWAP", "HEAP",
		    "AGE", "THREAD", "FILES", "CPU%", "CPU S", "MINFLT",
		    "MAJFLT");
}

void
monitor_text_look(struct strbuf *out, const struct monitor *monitor)
{
	const struct monitor_look *look = &monitor->last;
	time_t seconds = (time_t)(look->wall_ns / CLOCK_NS_PER_S);
	char cell[24] = "-";
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strbuf_addf(out, "%02d:%02d:%02d %7d", tm.tm_hour, tm.tm_min, tm.tm_sec,
		    (int)monitor->target.proc.pid);
	add_bytes(out, look->usage.has_memory, look->usage.rss_bytes);
	add_value(out, &look->pss);
	add_value(out, &look->uss);
	add_age(out, monitor_age(look, &look->uss));
	add_bytes(out, look->usage.has_memory, look->usage.swap_bytes);
	add_value(out, &look->heap);
	add_age(out, monitor_age(look, &look->heap));
	strbuf_addf(out, " %6" PRIu64, look->usage.threads);
	if (look->has_descriptors)
		snprintf(cell, sizeof(cell), "%" PRIu64, look->descriptors);
	strbuf_addf(out, " %6s", cell);
	if (look->cpu_percent >= 0)
		snprintf(cell, sizeof(cell), "%.1f", look->cpu_percent);
	else
		strcpy(cell, "-");
	strbuf_addf(out, " %6s %10.2f %9" PRIu64 " %7" PRIu64 "\n", cell,
		    monitor_cpu_seconds(look), look->minor_faults,
		    look->major_faults);
}

/* --- mappings, for people ------------------------------------------------------- */

#define RULE "  %-9s %10s %10s %10s %10s %10s  %s\n"

static void
text_deltas(struct strbuf *out, const struct smaps_amounts *before,
	    const struct smaps_amounts *after)
{
	int64_t deltas[MONITOR_AMOUNTS];
	char cell[24];
	size_t i;

	monitor_list_deltas(deltas, before, after);
	for (i = 0; i < MONITOR_AMOUNTS; i++) {
		snprintf(cell, sizeof(cell), "%+" PRId64, deltas[i] / 1024);
		strbuf_addf(out, " %10s", deltas[i] ? cell : "0");
	}
}

static void
text_region(struct strbuf *out, const struct smaps_region *region)
{
	strbuf_addf(out, "%" PRIx64 "-%" PRIx64 " %s", region->start,
		    region->end, region->permissions);
	if (region->count > 1)
		strbuf_addf(out, " in %zu", region->count);
}

static bool
same_region(const struct smaps_region *a, const struct smaps_region *b)
{
	return a->start == b->start && a->end == b->end &&
	       a->count == b->count && !strcmp(a->permissions, b->permissions);
}

static void
text_change(struct strbuf *out, const struct smaps_change *change)
{
	const struct smaps_region *before = &change->before;
	const struct smaps_region *after = &change->after;

	strbuf_addf(out, "  %-9s", smaps_change_name(change->change));
	text_deltas(out, &before->amounts, &after->amounts);
	strbuf_addf(out, "  %-9s ", smaps_kind_name(change->kind));
	text_region(out, after->count ? after : before);
	if (*change->path) {
		strbuf_addc(out, ' ');
		strbuf_add_printable(out, change->path);
	}
	if (change->change == SMAPS_CHANGED && !same_region(before, after)) {
		strbuf_adds(out, " (was ");
		text_region(out, before);
		strbuf_addc(out, ')');
	}
	strbuf_addc(out, '\n');
}

static void
text_kinds(struct strbuf *out, const struct smaps *maps)
{
	const struct smaps_amounts *amounts;
	uint64_t columns[MONITOR_AMOUNTS];
	size_t i, j;

	for (i = 0; i <= SMAPS_KIND_COUNT; i++) {
		amounts = i < SMAPS_KIND_COUNT ? &maps->by_kind[i]
					       : &maps->total;
		if (!amounts->size)
			continue;
		monitor_list_amounts(columns, amounts);
		strbuf_adds(out, "  now      ");
		for (j = 0; j < MONITOR_AMOUNTS; j++)
			strbuf_addf(out, " %10" PRIu64, columns[j] / 1024);
		strbuf_addf(out, "  %s\n",
			    i < SMAPS_KIND_COUNT
				    ? smaps_kind_name((enum smaps_kind)i)
				    : "all");
	}
}

void
monitor_text_maps(struct strbuf *out, const struct monitor *monitor)
{
	const struct smaps *maps = monitor_maps(monitor);
	size_t i;

	format_time(out, monitor->last.wall_ns);
	strbuf_addf(out, "  process %d ", (int)monitor->target.proc.pid);
	strbuf_add_quoted(out, monitor->name);
	strbuf_addf(out, ": %zu mappings", maps->count);
	if (monitor->looks > 1 && !monitor->diff.count) {
		strbuf_adds(out, ", no difference\n");
		return;
	}
	strbuf_adds(out, ", in KiB\n");
	strbuf_addf(out, RULE, "CHANGE", "SIZE", "RSS", "PSS", "USS", "SWAP",
		    "KIND");
	for (i = 0; i < monitor->diff.count; i++)
		text_change(out, &monitor->diff.list[i]);
	text_kinds(out, maps);
}

void
monitor_report_log(struct strbuf *out, const struct logtail *log)
{
	size_t i;

	for (i = 0; i < log->count; i++) {
		strbuf_adds(out, "  | ");
		strbuf_add_printable(out, logtail_line(log, i));
		strbuf_addc(out, '\n');
	}
}
