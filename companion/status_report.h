/*
 * What `leakshim status` prints: a status file, in words or as JSON.
 *
 * The file's strings are another program's, so that neither form lets them
 * drive the terminal or break the syntax.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../analyzer/strbuf.h"
#include "target.h"

/* Adds readable lines. `now_ns` is CLOCK_REALTIME; ages are against it. */
void status_text(struct strbuf *out, const struct target *target,
		 uint64_t now_ns);

/*
 * One JSON object, indented: the keys of ../proto/status.h with numbers as
 * numbers (totals null if they were not counted), `losses` an object,
 * `messages` an array; besides, schema_version (1), `process` (the pid as we
 * see it) and `refreshed`. Strings that are not UTF-8 have their bytes from
 * 0x80 as %XX. The caller frees it.
 */
char *status_json(const struct target *target, bool refreshed)
	__attribute__((warn_unused_result, returns_nonnull));

/* The same object without `refreshed`, as jansson has it; the caller's to
 * json_decref(). */
struct json_t *status_json_object(const struct target *target)
	__attribute__((warn_unused_result, returns_nonnull));

/* Such objects as {"schema_version": 1, "processes": [...]}: begun, filled,
 * and printed, which frees the list. The caller frees the text. */
struct json_t *status_json_list(void)
	__attribute__((warn_unused_result, returns_nonnull));
void status_json_append(struct json_t *list, const struct target *target);
char *status_json_print(struct json_t *take_list)
	__attribute__((warn_unused_result, returns_nonnull));
