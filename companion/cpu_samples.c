#include "cpu_samples.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../analyzer/xalloc.h"

/* A program has some ten thousand different stacks of some hundred bytes; as
 * text, which the analyzer reads, they are three times as long. */
#define STACKS_BYTES (32u << 20)

struct counted {
	uint64_t count;
	size_t depth;
	uint64_t code[];
};

struct key {
	const uint64_t *code;
	size_t depth;
};

static bool
is_same(const void *entry, const void *as_key)
{
	const struct counted *counted = entry;
	const struct key *key = as_key;

	return counted->depth == key->depth &&
	       (!key->depth || !memcmp(counted->code, key->code,
				       key->depth * sizeof(*key->code)));
}

void
cpu_samples_add(struct cpu_samples *samples, const uint64_t *code, size_t depth)
{
	const struct key key = { code, depth };
	size_t bytes = depth * sizeof(*code);
	void **place = hashtab_place(&samples->stacks,
				     hash_bytes(HASH_START, code, bytes), &key,
				     is_same);
	struct counted *counted = *place;

	if (!counted) {
		counted = xcalloc(1, sizeof(*counted) + bytes);
		counted->depth = depth;
		if (depth)
			memcpy(counted->code, code, bytes);
		*place = counted;
		samples->bytes += sizeof(*counted) + bytes;
	}
	counted->count++;
	samples->count++;
}

bool
cpu_samples_full(const struct cpu_samples *samples)
{
	return samples->bytes > STACKS_BYTES;
}

void
cpu_samples_add_rows(struct strbuf *out, const struct cpu_samples *samples)
{
	size_t i, k;

	/* The order of rows is the analyzer's business. */
	for (i = 0; i < samples->stacks.capacity; i++) {
		const struct counted *counted = samples->stacks.slots[i].entry;

		if (!counted)
			continue;
		strbuf_addf(out, "%" PRIu64 " @", counted->count);
		for (k = 0; k < counted->depth; k++)
			strbuf_addf(out, " 0x%" PRIx64, counted->code[k]);
		strbuf_addc(out, '\n');
	}
}

void
cpu_samples_release(struct cpu_samples *samples)
{
	size_t i;

	for (i = 0; i < samples->stacks.capacity; i++)
		free(samples->stacks.slots[i].entry);
	hashtab_release(&samples->stacks);
	strbuf_release(&samples->notes);
	*samples = (struct cpu_samples){ 0 };
}
