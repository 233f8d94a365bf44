/*
 * A snapshot that was taken for a request, and belongs to serve alone: it is
 * no file of the process's own row (out=, keep=), and its name is gone as soon
 * as it is open.
 *
 * Requests that come within SCRAPE_SHARED_MS share one, and what was made of
 * it: many clients cost the process one snapshot a second.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../analyzer/err.h"
#include "../analyzer/strbuf.h"
#include "served.h"

#define SCRAPE_SHARED_MS 1000
/* How long a process may take to write one. */
#define SCRAPE_TIMEOUT_S 30
/* Different bodies kept of one: kinds of profile times their forms. */
#define SCRAPE_BODIES_MAX 16

struct scrape;

/* Takes or shares one; of a process that has ended it is the last. `trim` asks the process to give back free memory first;
 * such a one is never shared with those who did not ask. NULL with `err`:
 * ERR_TARGET, ERR_STEP. scrape_put() gives it back. */
struct scrape *scrape_take(struct served_process *process, bool trim,
			   struct err *err) __attribute__((warn_unused_result));
/* As above, but never one that was asked for before: those who wait for it at the
 * same time share it. */
struct scrape *scrape_take_new(struct served_process *process, struct err *err)
	__attribute__((warn_unused_result));
void scrape_put(struct scrape *scrape); /* NULL is allowed */

/* One more holder, and the same scrape again. */
struct scrape *scrape_hold(struct scrape *scrape);

/* A name to open it by, while it is held. */
const char *scrape_file(const struct scrape *scrape);
/* When it was asked for, CLOCK_REALTIME; how long that took; its size. */
uint64_t scrape_wall_ns(const struct scrape *scrape);
uint64_t scrape_took_ns(const struct scrape *scrape);
uint64_t scrape_bytes(const struct scrape *scrape);

/*
 * Adds the body `key` (static text) to `out`: what is kept of it, or else what
 * `make` makes. Others who want the same wait for it. 0 or what `make`
 * returned.
 */
typedef int scrape_make(struct scrape *scrape, void *context,
			struct strbuf *out, struct err *err);
int scrape_body(struct scrape *scrape, const char *key, scrape_make *make,
		void *context, struct strbuf *out, struct err *err)
	__attribute__((warn_unused_result));
