/*
 * /pprof/: what gperftools serves, for its pprof (Debian's google-pprof) and what
 * speaks with it. Everything is as below /debug/pprof/, but for the heap, which
 * that client reads as text alone, with the mappings behind it.
 */
#include <string.h>

#include "live.h"
#include "serve.h"

/* "@ heap/N" asks that client to undo a sampling, for which it divides by the
 * blocks in use, also where all were freed. "heapprofile" are whole numbers, as
 * ours are. */
static void
say_whole(struct strbuf *body)
{
	static const char sampled[] = " @ heap/", whole[] = " @ heapprofile";
	const char *text = strbuf_text(body);
	const char *end = strchrnul(text, '\n');
	const char *at = memmem(text, (size_t)(end - text), sampled,
				sizeof(sampled) - 1);
	struct strbuf out = { 0 };

	if (!at)
		return;
	strbuf_add(&out, text, (size_t)(at - text));
	strbuf_adds(&out, whole);
	strbuf_adds(&out, end);
	strbuf_release(body);
	*body = out;
}

void
gperftools_route(struct serve *serve, struct served_process *process,
		 const struct http_request *request, const char *rest,
		 struct http_reply *reply)
{
	struct http_request text = *request;

	text.query = "debug=1";
	if (!strcmp(rest, "cmdline") || !strcmp(rest, "symbol") ||
	    !strcmp(rest, "profile")) {
		pprof_route(serve, process, request, rest, reply);
	} else if (strcmp(rest, "heap") != 0) {
		http_error(reply, 404, "404 page not found");
	} else {
		pprof_route(serve, process, &text, rest, reply);
		/* Of one that has just ended there are none. */
		if (reply->status == 200) {
			say_whole(&reply->body);
			strbuf_adds(&reply->body, "\nMAPPED_LIBRARIES:\n");
		}
		if (reply->status == 200 &&
		    live_add_mappings(&reply->body, &process->target.proc) < 0)
			strbuf_adds(&reply->body, "# no mappings\n");
	}
}
