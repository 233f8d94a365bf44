/*
 * What the writers of `leakshim monitor` share, and the three of them: one form
 * each. monitor_report.c chooses.
 */
#pragma once

#include "monitor_report.h"

/* The amounts that people follow, of a region or a kind, with their names. */
#define MONITOR_AMOUNTS 5
extern const char *const monitor_amount_names[MONITOR_AMOUNTS];

void monitor_list_amounts(uint64_t out[MONITOR_AMOUNTS],
			  const struct smaps_amounts *amounts);
void monitor_list_deltas(int64_t out[MONITOR_AMOUNTS],
			 const struct smaps_amounts *before,
			 const struct smaps_amounts *after);

/* Seconds since a value was found; negative: it never was. */
double monitor_age(const struct monitor_look *look,
		   const struct monitor_value *value);

/* Of all its life. */
double monitor_cpu_seconds(const struct monitor_look *look);

/* The mappings of the look before; NULL at the first. */
const struct smaps *monitor_maps_before(const struct monitor *monitor);

/* A look, or with maps what it changed. */
void monitor_text_header(struct strbuf *out);
void monitor_text_look(struct strbuf *out, const struct monitor *monitor);
void monitor_text_maps(struct strbuf *out, const struct monitor *monitor);

/* `log` may be NULL. */
void monitor_csv_header(struct strbuf *out, bool with_maps, bool log);
void monitor_csv_look(struct strbuf *out, const struct monitor *monitor,
		      const struct logtail *log);
void monitor_csv_maps(struct strbuf *out, const struct monitor *monitor,
		      const struct logtail *log);
void monitor_json_look(struct strbuf *out, const struct monitor *monitor,
		       const struct logtail *log);
