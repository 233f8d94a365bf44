/* Baselines. */
#include "input.h"

#include <string.h>

#include "../../analyzer/baseline.h"
#include "../../analyzer/strbuf.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct err err = { 0 };
	struct strbuf lines = { 0 };
	struct baseline *baseline =
		baseline_parse("input", (const char *)data, len, &err);

	if (baseline)
		baseline_tell(baseline, 20000, &lines);
	else if (err.code == ERR_NONE || !err.text[0] || strchr(err.text, '\n'))
		fuzz_broken("an error is one line");
	strbuf_release(&lines);
	baseline_free(baseline);
	return 0;
}
