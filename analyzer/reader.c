#include "reader.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gunzip.h"
#include "reader_parts.h"
#include "reader_profile.h"
#include "snapshot.pb-c.h"
#include "strbuf.h"
#include "xalloc.h"

/* Top-level fields of a file: 4 GiB in pieces of 1 MiB are 4 Ki, and there are
 * at most 64 Ki modules. Without a bound a small file of empty messages would
 * keep us busy for minutes. */
#define READER_FIELDS_MAX (1u << 20)

enum wire_type {
	WIRE_VARINT = 0,
	WIRE_FIXED64 = 1,
	WIRE_BYTES = 2,
	WIRE_FIXED32 = 5,
};

enum kind {
	KIND_SNAPSHOT,
	KIND_PPROF,
	KIND_TEXT,
};

/* As many first bytes tell what a file is: more than any pprof value type and
 * any text's first words. */
#define KIND_BYTES 32

/* How far reading one piece came. */
enum step {
	STEP_FAILED = -1,
	STEP_OK = 0,
	STEP_END, /* the stream ended before the piece's first byte */
	STEP_CUT, /* ... within the piece */
};

struct field_kind {
	uint32_t number;
	const char *name;
	const ProtobufCMessageDescriptor *type;
	reader_take *take;
};

/* The blocks themselves are for who asks for them (reader_each_block). */
static int
take_dump(struct reader *reader, const ProtobufCMessage *base)
{
	(void)base;
	reader->model->is_dump = true;
	return 0;
}

static const struct field_kind field_kinds[] = {
	{ 1, "header", &leakshim__v1__header__descriptor, reader_take_header },
	{ 2, "module", &leakshim__v1__module__descriptor, reader_take_module },
	{ 3, "addresses", &leakshim__v1__pc_columns__descriptor,
	  reader_take_pcs },
	{ 4, "stacks", &leakshim__v1__stack_columns__descriptor,
	  reader_take_stacks },
	{ 5, "sites", &leakshim__v1__site_columns__descriptor,
	  reader_take_sites },
	{ 6, "cohorts", &leakshim__v1__cohort_columns__descriptor,
	  reader_take_cohorts },
	{ 7, "thread sites", &leakshim__v1__thread_site_columns__descriptor,
	  reader_take_thread_sites },
	{ 8, "ledger", &leakshim__v1__ledger__descriptor, reader_take_ledger },
	{ 9, "mark", &leakshim__v1__mark__descriptor, reader_take_mark },
	{ 10, "losses", &leakshim__v1__losses__descriptor, reader_take_losses },
	{ 12, "block totals", &leakshim__v1__block_totals__descriptor,
	  take_dump },
	{ 64, "trailer", &leakshim__v1__trailer__descriptor,
	  reader_take_trailer },
};

/* Of a walk over the blocks: those, and what makes a file whole. */
static const struct field_kind block_kinds[] = {
	{ 1, "header", &leakshim__v1__header__descriptor, reader_take_header },
	{ 11, "blocks", &leakshim__v1__block_columns__descriptor,
	  reader_take_blocks },
	{ 12, "block totals", &leakshim__v1__block_totals__descriptor,
	  reader_take_block_totals },
	{ 64, "trailer", &leakshim__v1__trailer__descriptor,
	  reader_take_trailer },
};

int
reader_corrupt(struct reader *reader, const char *format, ...)
{
	struct strbuf what = { 0 };
	va_list args;

	va_start(args, format);
	strbuf_vaddf(&what, format, args);
	va_end(args);
	err_at(reader->err, ERR_CORRUPT, reader->model->file, reader->offset,
	       "corrupt: %s", strbuf_text(&what));
	strbuf_release(&what);
	return -1;
}

int
reader_foreign(struct reader *reader)
{
	return build_foreign(reader->model->file, false, reader->err);
}

/* STEP_OK, STEP_END, STEP_CUT or STEP_FAILED. */
static enum step
next_bytes(struct reader *reader, struct gunzip *stream, void *to, size_t len)
{
	size_t got;

	if (gunzip_next(stream, to, len, &got, reader->err) < 0)
		return STEP_FAILED;
	if (got == len)
		return STEP_OK;
	return got ? STEP_CUT : STEP_END;
}

static enum step
next_varint(struct reader *reader, struct gunzip *stream, uint64_t *value)
{
	unsigned int shift;
	uint8_t byte;
	enum step step;

	*value = 0;
	for (shift = 0; shift < 64; shift += 7) {
		step = next_bytes(reader, stream, &byte, 1);
		if (step == STEP_END && shift > 0)
			return STEP_CUT;
		if (step != STEP_OK)
			return step;
		/* The tenth byte has room for one bit. */
		if (shift == 63 && byte > 1)
			break;
		*value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return STEP_OK;
	}
	reader_corrupt(reader, "a number of more than 64 bits");
	return STEP_FAILED;
}

/* A field of a kind we don't know: written by a later version, skipped. */
static enum step
skip_field(struct reader *reader, struct gunzip *stream, uint64_t tag)
{
	uint64_t len;
	enum step step = STEP_OK;

	switch (tag & 7) {
	case WIRE_VARINT:
		return next_varint(reader, stream, &len);
	case WIRE_FIXED64:
		return next_bytes(reader, stream, NULL, 8);
	case WIRE_FIXED32:
		return next_bytes(reader, stream, NULL, 4);
	case WIRE_BYTES:
		step = next_varint(reader, stream, &len);
		if (step != STEP_OK)
			return step;
		if (len > LKS_FIELD_BYTES) {
			reader_corrupt(reader,
				       "field %" PRIu64 " has %" PRIu64
				       " bytes",
				       tag >> 3, len);
			return STEP_FAILED;
		}
		return next_bytes(reader, stream, NULL, (size_t)len);
	default:
		reader_corrupt(reader, "impossible field type %u",
			       (unsigned int)(tag & 7));
		return STEP_FAILED;
	}
}

static const struct field_kind *
find_kind(const struct reader *reader, uint64_t number)
{
	size_t i;

	for (i = 0; i < reader->kind_count; i++) {
		if (reader->kinds[i].number == number)
			return &reader->kinds[i];
	}
	return NULL;
}

/* The header is first and makes it a snapshot; the trailer is last. */
static int
check_order(struct reader *reader, uint64_t tag)
{
	if (!reader->has_header && tag != (1 << 3 | WIRE_BYTES))
		return reader_foreign(reader);
	if (tag >> 3 == 0)
		return reader_corrupt(reader, "field number 0");
	if (reader->has_trailer)
		return reader_corrupt(reader, "a field after the trailer");
	return 0;
}

/* Until a header was read the file may be anything that happens to begin with
 * the same byte. */
static int
not_a_message(struct reader *reader, const struct field_kind *kind)
{
	if (!reader->has_header)
		return reader_foreign(reader);
	return reader_corrupt(reader, "the %s field is not a message",
			      kind->name);
}

static int
take_message(struct reader *reader, const struct field_kind *kind,
	     const uint8_t *data, size_t len)
{
	ProtobufCMessage *message =
		protobuf_c_message_unpack(kind->type, NULL, len, data);
	int result;

	if (!message)
		return not_a_message(reader, kind);
	result = kind->take(reader, message);
	protobuf_c_message_free_unpacked(message, NULL);
	return result;
}

/* One top-level field. `buffer` has LKS_FIELD_BYTES. */
static enum step
next_field(struct reader *reader, struct gunzip *stream, uint8_t *buffer)
{
	const struct field_kind *kind;
	uint64_t tag;
	uint64_t len;
	enum step step;

	reader->offset = gunzip_offset(stream);
	step = next_varint(reader, stream, &tag);
	if (step != STEP_OK)
		return step;
	if (check_order(reader, tag) < 0)
		return STEP_FAILED;
	kind = find_kind(reader, tag >> 3);
	if (!kind) {
		step = skip_field(reader, stream, tag);
		return step == STEP_END ? STEP_CUT : step;
	}
	if ((tag & 7) != WIRE_BYTES) {
		not_a_message(reader, kind);
		return STEP_FAILED;
	}
	step = next_varint(reader, stream, &len);
	if (step == STEP_OK && len > LKS_FIELD_BYTES) {
		if (!reader->has_header)
			reader_foreign(reader);
		else
			reader_corrupt(reader,
				       "the %s field has %" PRIu64 " bytes",
				       kind->name, len);
		return STEP_FAILED;
	}
	if (step == STEP_OK && len > 0)
		step = next_bytes(reader, stream, buffer, (size_t)len);
	if (step != STEP_OK)
		return step == STEP_FAILED ? step : STEP_CUT;
	return take_message(reader, kind, buffer, (size_t)len) < 0 ? STEP_FAILED
								   : STEP_OK;
}

/* Takes all fields. What is not a snapshot at all is told from what is one
 * but broken by whether its header could be read. */
static int
read_fields(struct reader *reader, struct gunzip *stream, bool facts_only)
{
	uint8_t *buffer = xmalloc(LKS_FIELD_BYTES);
	uint32_t fields = 0;
	enum step step;

	do {
		step = next_field(reader, stream, buffer);
		if (step == STEP_OK && ++fields > READER_FIELDS_MAX) {
			err_at(reader->err, ERR_TOO_LARGE, reader->model->file,
			       reader->offset, "more fields than any snapshot");
			step = STEP_FAILED;
		}
	} while (step == STEP_OK && !(facts_only && reader->has_header));
	free(buffer);
	if (step == STEP_FAILED)
		return -1;
	if (!reader->has_header)
		return err_at(reader->err, ERR_CORRUPT, reader->model->file,
			      gunzip_offset(stream),
			      "truncated before the end of its header");
	if (facts_only)
		return 0;
	/* Both must be there: a file can be whole gzip and yet end too early
	 * (a copy of a copy that was cut, then compressed), and what lacks
	 * only the last of gzip's check sum was never checked. */
	reader->model->truncated = !reader->has_trailer ||
				   gunzip_cut_short(stream);
	reader->model->prefix_bytes = reader->offset;
	return 0;
}

/* --- what is it? ------------------------------------------------------------- */

/* A value type of pprof has two small numbers and nothing else, a snapshot's
 * header always more. Both are field 1. */
static bool
is_value_type(const uint8_t *bytes, size_t len)
{
	size_t i = 0;

	while (i < len) {
		if (bytes[i] != (1 << 3 | WIRE_VARINT) &&
		    bytes[i] != (2 << 3 | WIRE_VARINT))
			return false;
		for (i++; i < len && bytes[i] & 0x80; i++)
			;
		if (i++ == len)
			return false;
	}
	return len > 0;
}

static enum kind
kind_of(const uint8_t *bytes, size_t len)
{
	static const char *const texts[] = { "heap profile:", "heap_v2/",
					     "goroutine profile:",
					     "threadcreate profile:" };
	size_t i, text;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		text = strlen(texts[i]);
		if (len >= text && memcmp(bytes, texts[i], text) == 0)
			return KIND_TEXT;
	}
	if (len == 0)
		return KIND_SNAPSHOT;
	if (bytes[0] != (1 << 3 | WIRE_BYTES))
		return KIND_PPROF;
	if (len >= 2 && bytes[1] < 0x80 && (size_t)bytes[1] + 2 <= len &&
	    is_value_type(bytes + 2, bytes[1]))
		return KIND_PPROF;
	return KIND_SNAPSHOT;
}

static int
read_snapshot(struct model *model, struct gunzip *stream, bool facts_only,
	      struct err *err)
{
	struct reader reader = {
		.model = model,
		.err = err,
		.kinds = field_kinds,
		.kind_count = sizeof(field_kinds) / sizeof(field_kinds[0]),
	};
	int result;

	if (gunzip_is_plain(stream))
		return build_foreign(model->file, true, err);
	result = read_fields(&reader, stream, facts_only);
	if (result == 0 && !facts_only)
		result = reader_link(&reader);
	reader_release_tables(&reader);
	return result;
}

static int
read_any(struct model *model, struct gunzip *stream, bool facts_only,
	 struct err *err)
{
	const uint8_t *bytes;
	size_t len;

	if (gunzip_peek(stream, KIND_BYTES, &bytes, &len, err) < 0)
		return -1;
	switch (kind_of(bytes, len)) {
	case KIND_PPROF:
		return reader_pprof(model, stream, facts_only, err);
	case KIND_TEXT:
		return reader_legacy(model, stream, facts_only, err);
	case KIND_SNAPSHOT:
		break;
	}
	return read_snapshot(model, stream, facts_only, err);
}

static struct model *
read_file(const char *file, bool facts_only, struct err *err)
{
	struct gunzip *stream = gunzip_open(file, err);
	struct model *model;
	int result;

	if (!stream)
		return NULL;
	model = model_new(file);
	result = read_any(model, stream, facts_only, err);
	gunzip_close(stream);
	if (result < 0) {
		model_free(model);
		return NULL;
	}
	return model;
}

struct model *
reader_load(const char *file, struct err *err)
{
	return read_file(file, false, err);
}

struct model *
reader_peek(const char *file, struct err *err)
{
	struct stat status;

	/* Before it is opened: to open a FIFO can take for ever. */
	if (strcmp(file, "-") == 0 ||
	    (stat(file, &status) == 0 && !S_ISREG(status.st_mode))) {
		err_set(err, ERR_OPEN, "cannot look into '%s': %s", file,
			"not a regular file");
		return NULL;
	}
	return read_file(file, true, err);
}

/* --- blocks ------------------------------------------------------------------ */

static int
walk_blocks(struct reader *reader, struct gunzip *stream)
{
	const struct reader_blocks *blocks = reader->blocks;

	if (read_fields(reader, stream, false) < 0)
		return -1;
	if (!blocks->told.present && blocks->seen.blocks == 0)
		return err_set(reader->err, ERR_FOREIGN,
			       "'%s' is not a dump: it has no blocks "
			       "(leakshim dump writes one)",
			       reader->model->file);
	if (blocks->told.present &&
	    (blocks->told.blocks != blocks->seen.blocks ||
	     blocks->told.bytes != blocks->seen.bytes))
		return reader_corrupt(reader,
				      "%" PRIu64 " blocks of %" PRIu64
				      " bytes, but their totals are %" PRIu64
				      " and %" PRIu64,
				      blocks->seen.blocks, blocks->seen.bytes,
				      blocks->told.blocks, blocks->told.bytes);
	return 0;
}

int
reader_each_block(const struct model *model, block_visit *visit, void *visitor,
		  struct block_totals *totals, struct err *err)
{
	struct gunzip *stream = gunzip_open(model->file, err);
	struct reader_blocks blocks = {
		.tables = model,
		.visit = visit,
		.visitor = visitor,
	};
	struct reader reader = {
		.err = err,
		.kinds = block_kinds,
		.kind_count = sizeof(block_kinds) / sizeof(block_kinds[0]),
		.blocks = &blocks,
	};
	int result;

	if (!stream)
		return -1;
	/* For its header alone. */
	reader.model = model_new(model->file);
	result = walk_blocks(&reader, stream);
	*totals = blocks.told.present ? blocks.told : blocks.seen;
	model_free(reader.model);
	gunzip_close(stream);
	return result;
}
