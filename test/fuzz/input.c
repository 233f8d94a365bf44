#include "input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <zlib.h>

#include "../../analyzer/reader.h"
#include "../unit/model_check.h"

void
fuzz_broken(const char *promise)
{
	fprintf(stderr, "not true: %s\n", promise);
	abort();
}

const char *
fuzz_file(const uint8_t *data, size_t len)
{
	static char path[64];
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("fuzz", 0);
	if (fd < 0 || ftruncate(fd, 0) != 0 ||
	    pwrite(fd, data, len, 0) != (ssize_t)len)
		fuzz_broken("there is room for an input");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return path;
}

const char *
fuzz_gzip_file(const uint8_t *data, size_t len)
{
	static uint8_t *packed;
	static z_stream z;
	size_t room = len + len / 1000 + 4096;
	const char *path;

	/* 16: a gzip header. */
	if (!z.state && deflateInit2(&z, 0, Z_DEFLATED, 15 + 16, 8,
				     Z_DEFAULT_STRATEGY) != Z_OK)
		fuzz_broken("zlib can be started");
	deflateReset(&z);
	packed = malloc(room);
	if (!packed)
		fuzz_broken("there is memory for an input");
	z.next_in = (uint8_t *)(uintptr_t)data;
	z.avail_in = (unsigned int)len;
	z.next_out = packed;
	z.avail_out = (unsigned int)room;
	if (deflate(&z, Z_FINISH) != Z_STREAM_END)
		fuzz_broken("there is room for gzip's own bytes");
	path = fuzz_file(packed, room - z.avail_out);
	free(packed);
	return path;
}

static void
check_error(const struct err *err)
{
	if (err->code == ERR_NONE || !err->text[0])
		fuzz_broken("an error is told");
	if (strchr(err->text, '\n'))
		fuzz_broken("an error is one line");
}

void
fuzz_load(const char *file)
{
	struct err err = { 0 };
	struct model *peeked = reader_peek(file, &err);
	const char *broken = NULL;
	struct model *model;

	if (!peeked)
		check_error(&err);
	err = (struct err){ 0 };
	model = reader_load(file, &err);
	if (model) {
		broken = model_broken(model);
		if (!peeked)
			broken = "what can be loaded can be peeked into";
		else if (peeked->origin != model->origin ||
			 peeked->header.sequence != model->header.sequence ||
			 peeked->header.wall_ns != model->header.wall_ns ||
			 strcmp(peeked->header.exe, model->header.exe) != 0)
			broken = "peeking tells the header";
	} else {
		check_error(&err);
	}
	if (broken)
		fuzz_broken(broken);
	model_free(peeked);
	model_free(model);
}
