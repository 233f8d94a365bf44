#include "encode.h"

#include "encode_field.h"
#include "scratch.h"
#include "sink.h"

bool
lks_encode_field(struct lks_encoder *encoder, const Leakshim__V1__Snapshot *one)
{
	size_t bytes = leakshim__v1__snapshot__get_packed_size(one);

	if (bytes > LKS_FIELD_BYTES) {
		lks_sink_fail("a field of the snapshot is too large", 0);
		return false;
	}
	leakshim__v1__snapshot__pack(one, encoder->packed);
	return lks_gzip_write(&encoder->gzip, encoder->packed, bytes);
}

bool
lks_encode(const struct lks_snap *snap)
{
	struct lks_encoder encoder = {
		.packed = lks_scratch_map(LKS_FIELD_BYTES),
	};

	if (encoder.packed == NULL) {
		lks_sink_fail("no memory to encode the snapshot", 0);
		return false;
	}
	return lks_gzip_open(&encoder.gzip) &&
	       lks_encode_header(&encoder, snap) &&
	       lks_encode_modules(&encoder, snap) &&
	       lks_encode_tables(&encoder, snap) &&
	       lks_encode_ledger(&encoder, snap) &&
	       lks_encode_losses(&encoder) &&
	       lks_encode_trailer(&encoder, snap) &&
	       lks_gzip_close(&encoder.gzip);
}
