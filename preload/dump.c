#include "dump.h"

#include "../proto/status.h"
#include "encode.h"
#include "msg.h"
#include "peek.h"
#include "request.h"
#include "sink.h"
#include "sys.h"

static struct lks_request request;
static struct lks_dump_result results[LKS_STATUS_DUMPS]; /* a ring */
static uint32_t result_count;                            /* ever */

static bool
write_file(struct lks_snap *snap, uint32_t token)
{
	if (!lks_request_read(token, &request)) {
		lks_sink_fail("the request for a dump can't be read", 0);
		return false;
	}
	lks_request_done(token);
	/* Without what was asked for it would only look like an answer. */
	if (request.contents != 0 && !lks_peek_works()) {
		lks_sink_fail("contents can't be read: process_vm_readv is "
			      "refused (a container's or the program's seccomp "
			      "filter), ask without them",
			      0);
		return false;
	}
	return lks_sink_open() && lks_encode_dump(snap, request.contents) &&
	       lks_sink_publish_dump();
}

bool
lks_dump_write(struct lks_snap *snap, uint32_t token)
{
	struct lks_dump_result *result =
		&results[result_count % LKS_STATUS_DUMPS];
	bool done = write_file(snap, token);

	if (!done) {
		lks_sink_discard();
		lks_msg("no dump: %s", lks_sink_error());
	}
	result->token = token;
	result->failed = !done;
	lks_copy_text(result->text, sizeof(result->text),
		      done ? lks_sink_dump_path() : lks_sink_error());
	result_count++;
	return done;
}

const struct lks_dump_result *
lks_dump_result(uint32_t i)
{
	if (i >= LKS_STATUS_DUMPS || i >= result_count)
		return NULL;
	return &results[(result_count - 1 - i) % LKS_STATUS_DUMPS];
}

void
lks_dump_fork_child(void)
{
	result_count = 0;
}
