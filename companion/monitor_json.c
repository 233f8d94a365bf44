/* Looks as objects of JSON: what is not known is null. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "../analyzer/format.h"
#include "../analyzer/jsonval.h"
#include "monitor_parts.h"

/* Digits of a real: nanoseconds of years. */
#define JSON_DIGITS 15

static void
set_value(json_t *object, const char *key, const struct monitor_value *value)
{
	if (value->at_ns)
		jsonval_set_count(object, key, value->bytes);
	else
		jsonval_set(object, key, json_null());
}

/* What is negative is not known. */
static void
set_known(json_t *object, const char *key, double value)
{
	jsonval_set_real(object, key, value < 0 ? (double)NAN : value);
}

static json_t *
json_amounts(const struct smaps_amounts *amounts)
{
	json_t *object = json_object();
	uint64_t columns[MONITOR_AMOUNTS];
	char key[16];
	size_t i;

	monitor_list_amounts(columns, amounts);
	for (i = 0; i < MONITOR_AMOUNTS; i++) {
		snprintf(key, sizeof(key), "%s_bytes", monitor_amount_names[i]);
		jsonval_set_count(object, key, columns[i]);
	}
	return object;
}

static json_t *
json_deltas(const struct smaps_amounts *before,
	    const struct smaps_amounts *after)
{
	json_t *object = json_object();
	int64_t deltas[MONITOR_AMOUNTS];
	char key[16];
	size_t i;

	monitor_list_deltas(deltas, before, after);
	for (i = 0; i < MONITOR_AMOUNTS; i++) {
		snprintf(key, sizeof(key), "%s_bytes", monitor_amount_names[i]);
		jsonval_set_integer(object, key, deltas[i]);
	}
	return object;
}

static json_t *
json_region(const struct smaps_region *region)
{
	json_t *object;
	char text[24];

	if (!region->count)
		return json_null();
	object = json_amounts(&region->amounts);
	/* As text: readers take numbers for doubles. */
	snprintf(text, sizeof(text), "%" PRIx64, region->start);
	jsonval_set_text(object, "start", text);
	snprintf(text, sizeof(text), "%" PRIx64, region->end);
	jsonval_set_text(object, "end", text);
	jsonval_set_text(object, "permissions", region->permissions);
	jsonval_set_count(object, "mappings", region->count);
	return object;
}

static void
json_maps(json_t *object, const struct monitor *monitor)
{
	const struct smaps *maps = monitor_maps(monitor);
	const struct smaps_change *change;
	json_t *list, *one;
	size_t i;

	jsonval_set_count(object, "mappings", maps->count);
	list = json_object();
	for (i = 0; i < SMAPS_KIND_COUNT; i++)
		jsonval_set(list, smaps_kind_name((enum smaps_kind)i),
			    json_amounts(&maps->by_kind[i]));
	jsonval_set(object, "kinds", list);
	if (!monitor_maps_before(monitor)) {
		jsonval_set(object, "changes", json_null());
		return;
	}
	list = json_array();
	for (i = 0; i < monitor->diff.count; i++) {
		change = &monitor->diff.list[i];
		one = json_object();
		jsonval_set_text(one, "change",
				 smaps_change_name(change->change));
		jsonval_set_text(one, "kind", smaps_kind_name(change->kind));
		jsonval_set_text(one, "path", change->path);
		jsonval_set(one, "before", json_region(&change->before));
		jsonval_set(one, "after", json_region(&change->after));
		jsonval_set(one, "delta",
			    json_deltas(&change->before.amounts,
					&change->after.amounts));
		json_array_append_new(list, one);
	}
	jsonval_set(object, "changes", list);
}

static void
json_log(json_t *object, const struct logtail *log)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < log->count; i++)
		json_array_append_new(list, jsonval_text(logtail_line(log, i)));
	jsonval_set(object, "log", list);
}

void
monitor_json_look(struct strbuf *out, const struct monitor *monitor,
		  const struct logtail *log)
{
	const struct monitor_look *look = &monitor->last;
	json_t *object = json_object();
	struct strbuf when = { 0 };
	char *text;

	format_timestamp(&when, look->wall_ns);
	jsonval_set_integer(object, "schema_version", MONITOR_REPORT_SCHEMA);
	jsonval_set_text(object, "time", strbuf_text(&when));
	jsonval_set_integer(object, "pid", monitor->target.proc.pid);
	jsonval_set_text(object, "name", monitor->name);
	jsonval_set_count(object, "start_ticks", look->usage.start_ticks);
	jsonval_set_count(object, "rss_bytes", look->usage.rss_bytes);
	set_value(object, "pss_bytes", &look->pss);
	set_value(object, "uss_bytes", &look->uss);
	set_known(object, "pss_age_seconds", monitor_age(look, &look->uss));
	jsonval_set_count(object, "swap_bytes", look->usage.swap_bytes);
	set_value(object, "live_bytes", &look->heap);
	if (look->heap.at_ns)
		jsonval_set_count(object, "live_objects", look->heap_objects);
	else
		jsonval_set(object, "live_objects", json_null());
	set_known(object, "live_age_seconds", monitor_age(look, &look->heap));
	jsonval_set_count(object, "threads", look->usage.threads);
	if (look->has_descriptors)
		jsonval_set_count(object, "descriptors", look->descriptors);
	else
		jsonval_set(object, "descriptors", json_null());
	set_known(object, "cpu_percent", look->cpu_percent);
	jsonval_set_real(object, "cpu_seconds", monitor_cpu_seconds(look));
	jsonval_set_count(object, "minor_faults", look->usage.minor_faults);
	jsonval_set_count(object, "major_faults", look->usage.major_faults);
	if (monitor->with_maps)
		json_maps(object, monitor);
	if (log)
		json_log(object, log);
	text = json_dumps(object,
			  JSON_COMPACT | JSON_REAL_PRECISION(JSON_DIGITS));
	strbuf_adds(out, text ? text : "null");
	strbuf_addc(out, '\n');
	free(text);
	json_decref(object);
	strbuf_release(&when);
}
