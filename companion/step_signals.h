/*
 * Signals by the names that people write.
 */
#pragma once

#include <stdbool.h>

/* "HUP", "SIGHUP", "1", "RTMIN+3", "RTMAX-1", in any case. False: no signal
 * of that name, or 0. */
bool step_signals_parse(const char *text, int *number)
	__attribute__((warn_unused_result));
