/*
 * What /debug/pprof/goroutine answers for a native process: the stacks of its
 * threads, seen from outside (live.h).
 */
#pragma once

#include "serve.h"

/*
 * One sample a thread where it is now; `debug` as Go's: 0 a profile, 1 its text,
 * 2 each thread with its name and state. Where ptrace is not allowed, the
 * threads by the stacks that created them.
 */
void live_profile_reply(struct serve *serve, struct served_process *process,
			long debug, struct http_reply *reply);

/* How the threads differ before and after `wait`, which says no if it was cut
 * short. False with `err` set, as below. */
bool live_profile_delta(struct serve *serve, struct served_process *process,
			bool (*wait)(void *context), void *context,
			struct strbuf *out, struct err *err);

/* What live_profile_reply() shares among those who ask within a second. */
struct live_cache *live_cache_new(void) __attribute__((warn_unused_result));
void live_cache_free(struct live_cache *cache); /* NULL is allowed */
