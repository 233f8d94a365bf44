/*
 * What `leakshim doctor` prints of its findings, in words or as JSON.
 */
#pragma once

#include <jansson.h>

#include "../analyzer/page.h"
#include "exam.h"

/*
 * Adds a first line that sums up, then the findings, the worst first, each
 * with its fix. `label` begins the first line ("" = nothing does).
 */
void exam_report_text(struct page *page, const struct exam *exam,
		      const char *label);

/* "works", "limited", "unknown" or "blind", as the first line says it. */
const char *exam_report_verdict(const struct exam *exam);

/* An array of objects: id, severity, what, fix (null = none), the worst first.
 * A new reference. */
json_t *exam_report_json(const struct exam *exam);
