/* Profiles in pprof's format, not compressed. */
#include "input.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	fuzz_load(fuzz_file(data, len));
	return 0;
}
