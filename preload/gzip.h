/*
 * A gzip stream into the sink, with memory from scratch: level 1, because a
 * snapshot is asked for by someone who waits.
 */
#pragma once

#include <zlib.h>

#include "lks.h"

struct lks_gzip {
	z_stream z;
	uint8_t *out; /* scratch */
};

/* WRITER. The sink is open. False: no memory; the sink has the error. */
bool lks_gzip_open(struct lks_gzip *gzip);
/* False: the sink refused. */
bool lks_gzip_write(struct lks_gzip *gzip, const void *data, size_t bytes);
/* Writes what is left and the check sum. */
bool lks_gzip_close(struct lks_gzip *gzip);
