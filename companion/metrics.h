/*
 * /metrics in Prometheus's text format (version 0.0.4): the conventional
 * process_* names and our own leakshim_*. Of one process without labels, of
 * several with pid and exe.
 *
 * Counters never go back while a process lives, as the shim's don't.
 */
#pragma once

#include "serve.h"

/* What is told of single functions: those that hold most. */
#define METRICS_SITES_MAX 20
/* How long all processes together are waited for: Prometheus waits 10 s for us
 * by default. Of one that has not answered by then the kernel's counts are told,
 * and its last totals. */
#define METRICS_WAIT_S 4

void metrics_reply(struct serve *serve, struct http_reply *reply);

/* Adds `text` as the value of a label: \, " and line ends escaped, what is not
 * UTF-8 replaced. */
void metrics_add_value(struct strbuf *out, const char *text);
