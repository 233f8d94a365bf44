/* Dumps: the blocks of what can be loaded. The first byte says whether the rest
 * is the file as it is, or what is in it. */
#include "../../analyzer/reader.h"
#include "input.h"

static volatile uint64_t sum; /* what is read is read */

static int
look(void *visitor, const struct block *block, struct err *err)
{
	const struct model *model = visitor;
	uint32_t i;

	(void)err;
	sum += block->address + block->size + block->shift;
	sum += model_node(model, block->node)->pc.id;
	for (i = 0; i < block->contents_bytes; i++)
		sum += block->contents[i];
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct block_totals totals;
	struct model *model;
	struct err err;

	if (len == 0)
		return 0;
	model = reader_load(data[0] & 1 ? fuzz_file(data + 1, len - 1)
					: fuzz_gzip_file(data + 1, len - 1),
			    &err);
	if (model && reader_each_block(model, look, model, &totals, &err) < 0 &&
	    !err.text[0])
		fuzz_broken("an error is told");
	model_free(model);
	return 0;
}
