/*
 * What scenario.c, which makes one JSON object for each run, and scenario_run.c,
 * which takes it apart, share. Nobody else includes this.
 */
#pragma once

#include "scenario.h"

/* `take_json`: its texts are filled in, and beside the keys it has "#name",
 * "#out", "#dir", "#port" and, of a configuration, "#config". -1 with
 * ERR_PATTERN. */
int scenario_take_apart(struct scenario *out, json_t *take_json,
			struct err *err) __attribute__((warn_unused_result));
void scenario_release(struct scenario *scenario);
