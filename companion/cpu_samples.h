/*
 * Samples of processor time as they come: call stacks, counted, and what is to
 * be told about them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../analyzer/hashtab.h"
#include "../analyzer/strbuf.h"

struct cpu_samples {
	struct hashtab stacks; /* owned, with its entries */
	size_t bytes;          /* of the entries */
	uint64_t count;        /* of samples */
	struct strbuf notes;   /* lines for the profile's comments; owned */
};

/* `code` as live.h has it; no depth: where it was is not known. */
void cpu_samples_add(struct cpu_samples *samples, const uint64_t *code,
		     size_t depth);
/* There are as many different stacks as are kept. */
bool cpu_samples_full(const struct cpu_samples *samples);
/* Adds rows as live_add_rows() does. */
void cpu_samples_add_rows(struct strbuf *out,
			  const struct cpu_samples *samples);
void cpu_samples_release(struct cpu_samples *samples);
