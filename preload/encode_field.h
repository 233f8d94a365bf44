/*
 * Inside encode: one top-level field at a time into the stream. Only the
 * encode rooms see the generated protobuf names.
 */
#pragma once

#include "gzip.h"
#include "lks.h"
#include "snap.h"
#include "snapshot.pb-c.h"

struct lks_encoder {
	struct lks_gzip gzip;
	uint8_t *packed; /* scratch, LKS_FIELD_BYTES */
};

/* Packs a Snapshot in which one field is set. False: it is larger than
 * LKS_FIELD_BYTES, or the sink refused; the sink has the error. */
bool lks_encode_field(struct lks_encoder *encoder,
		      const Leakshim__V1__Snapshot *one);

/* protobuf-c's structs have no const; packing reads only. */
static inline char *
lks_encode_text(const char *text)
{
	union {
		const char *in;
		char *out;
	} cast = { .in = text };

	return cast.out;
}

static inline ProtobufCBinaryData
lks_encode_bytes(const void *data, size_t bytes)
{
	union {
		const void *in;
		uint8_t *out;
	} cast = { .in = data };

	return (ProtobufCBinaryData){ .len = bytes, .data = cast.out };
}

/* encode_meta.c. What stands before and behind the tables. */
bool lks_encode_header(struct lks_encoder *encoder,
		       const struct lks_snap *snap);
bool lks_encode_modules(struct lks_encoder *encoder,
			const struct lks_snap *snap);
bool lks_encode_ledger(struct lks_encoder *encoder,
		       const struct lks_snap *snap);
bool lks_encode_marks(struct lks_encoder *encoder);
bool lks_encode_losses(struct lks_encoder *encoder);
bool lks_encode_trailer(struct lks_encoder *encoder,
			const struct lks_snap *snap);

/* encode_tables.c. The columns: pcs, stacks, sites, cohorts, thread sites. */
bool lks_encode_tables(struct lks_encoder *encoder,
		       const struct lks_snap *snap);
