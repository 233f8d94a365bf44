/*
 * What suppress.c and suppress_file.c share: the rules in force. Nobody else
 * includes this.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "suppress.h"

enum rule_kind { RULE_LEAK, RULE_THREAD, RULE_ONCE, RULE_KIND_COUNT };

struct rule {
	enum rule_kind kind;
	uint64_t once; /* RULE_ONCE: objects that it allows */
	char *pattern;
	const char *source; /* of the file; NULL = built-in */
	char *title;        /* built-in: begins a section; else NULL */
	/* What it matched. */
	size_t sites;
	int64_t bytes;
	int64_t objects;
};

/* Rule numbers are from 1; 0 = none. */
struct place {
	bool known;
	bool allocator; /* the shim's or an allocator's own frame */
	bool runtime;   /* of a library that keeps things for itself */
	bool named;
	bool hands_out; /* both keeps memory and hands it to its caller */
	uint16_t rules[RULE_KIND_COUNT];
};

_Static_assert(SUPPRESS_RULES_MAX < UINT16_MAX, "a place's numbers");

struct suppress {
	struct rule *rules;
	size_t count;
	size_t capacity;
	size_t by_kind[RULE_KIND_COUNT];
	char **sources; /* owned names of files */
	size_t source_count;
	size_t source_capacity;
	struct place *places; /* by pc of the atlas's model */
	size_t place_count;
	size_t place_capacity;
};
