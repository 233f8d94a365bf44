/*
 * The two halves of `leakshim monitor` and what its options ask of them: to
 * watch processes, and to save their mappings once. As cmd_*.c do, both print.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../analyzer/patterns.h"
#include "monitor_report.h"
#include "pick.h"

struct cmd_monitor_request {
	double interval_s;
	uint64_t count; /* 0: until it ends */
	enum monitor_form form;
	bool with_maps;
	bool pmap;
	const char *output;
	const char *log;
	struct patterns patterns;
	uint64_t lines;
	bool help;
};

/* Both return the exit status; failures are told. */
int cmd_monitor_watch(const struct cmd_monitor_request *request,
		      const struct pick *pick);
int cmd_monitor_pmap(const struct cmd_monitor_request *request,
		     const struct pick *pick);
