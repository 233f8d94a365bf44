/* Snapshots. The first byte says whether the rest is the file as it is, gzip
 * and all, or what is in it. */
#include "input.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len == 0)
		return 0;
	fuzz_load(data[0] & 1 ? fuzz_file(data + 1, len - 1)
			      : fuzz_gzip_file(data + 1, len - 1));
	return 0;
}
