/*
 * Debug files from debuginfod servers, for users who ask for it.
 *
 * A child process does the asking, so that the time limit is kept whatever
 * the network does: a resolver that blocks can't be interrupted, a child can
 * be ended. It also keeps libcurl and all that comes with it out of this
 * process. libdebuginfod.so.1 is opened when it is first needed; its cache, and
 * the environment variables that set it up, are those of all its users.
 *
 * What arrives is unchecked: the caller compares the build-id.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "strbuf.h"

/* For all files together, in times of one file's limit. */
#define DEBUGINFOD_TOTAL_FILES 4
#define DEBUGINFOD_SECONDS_DEFAULT 30
/* Bytes of a build-id, beyond any real one: it goes into a request of one size. */
#define DEBUGINFOD_BUILD_ID_MAX 64

struct debuginfod;

/* All borrowed until debuginfod_free. */
struct debuginfod_options {
	const char *urls;    /* separated by spaces; NULL or "": none */
	const char *library; /* NULL = libdebuginfod.so.1 */
	unsigned seconds;    /* for one file; 0 = the default */
	void (*progress)(void *context, const char *line); /* or NULL */
	void *context;
};

/* Never NULL. Asks nobody yet. */
struct debuginfod *debuginfod_new(const struct debuginfod_options *options)
	__attribute__((warn_unused_result));
void debuginfod_free(struct debuginfod *debuginfod); /* NULL is allowed */

enum debuginfod_kind {
	DEBUGINFOD_DEBUGINFO, /* the debug file */
	DEBUGINFOD_EXECUTABLE /* the program or library itself */
};

/*
 * The file with that build-id (1 .. DEBUGINFOD_BUILD_ID_MAX bytes), `name` is for people. Returns
 * a descriptor for reading, the caller's, and leaves its path in `path`; or -1
 * and says why in `why`, which stays empty if the reason was already told: it
 * holds for all files, and nobody is asked any more. Both are emptied first.
 * errno is ENOENT if the servers answered that they don't have it.
 */
int debuginfod_fetch(struct debuginfod *debuginfod, enum debuginfod_kind kind,
		     const uint8_t *build_id, size_t build_id_bytes,
		     const char *name, struct strbuf *path, struct strbuf *why)
	__attribute__((warn_unused_result));
