/*
 * The call stacks of any number of snapshots, each once, with a number.
 *
 * Two stacks are the same one if they are the same places in the same files:
 * (build-id, address in the file), or (path, address in the file) where there
 * is no build-id. So it does not matter where the loader put a file, in which
 * process, on which host, or how often it was unloaded and loaded again.
 * Where builds differ, classes.h goes on by names.
 *
 * The atlas keeps the union of what it met as a model of its own, which holds
 * modules, pcs and nodes but no sites: the snapshots need not stay. Stacks are
 * found by hash and then compared, so equal numbers mean equal stacks; but code
 * without an address (in profiles) is the hash of its names alone.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model.h"

struct atlas;

/* Numbers of the stacks of one model, by site: element 0 is unused. */
struct atlas_numbers {
	uint32_t *heap;    /* by site number */
	uint32_t *threads; /* by thread site number */
};

struct atlas_stack {
	struct node_id node; /* in the atlas's model; 0: no stack is known */
	bool overflow;       /* stands for stacks that found no room */
};

/* Never NULL. */
struct atlas *atlas_new(void) __attribute__((warn_unused_result));
void atlas_free(struct atlas *atlas); /* NULL is allowed */

/* Adds the stacks of a model, which need not stay. Never fails. */
void atlas_add(struct atlas *atlas, const struct model *model,
	       struct atlas_numbers *numbers);
void atlas_numbers_release(struct atlas_numbers *numbers);

/* The union. Its tables move when a model is added; pointers to the model
 * itself, and to the texts in it, hold. */
const struct model *atlas_model(const struct atlas *atlas);

/* Stacks are 1 .. count, in the order of first meeting. */
uint32_t atlas_count(const struct atlas *atlas);
struct atlas_stack atlas_stack(const struct atlas *atlas, uint32_t number);

/* Orders stacks by their frames, innermost first, by module path and place:
 * < 0, 0, > 0. It is the same order whenever the files are the same. */
int atlas_compare(struct atlas *atlas, uint32_t a, uint32_t b);

/* The address in its file of a pc of the atlas's model. */
uint64_t atlas_place(const struct atlas *atlas, struct pc_id pc);

/*
 * A stem is what builds of one file have in common: its base name, of shared
 * objects without the version ("libfoo.so" of libfoo-1.2.so.3). Stems are
 * 1 .. , 0 = none.
 */
uint32_t atlas_stem(const struct atlas *atlas, struct module_id module);
const char *atlas_stem_name(const struct atlas *atlas, uint32_t stem);
uint32_t atlas_stem_count(const struct atlas *atlas);
/* Were there several builds of it, never two in one snapshot? */
bool atlas_is_rebuilt(const struct atlas *atlas, uint32_t stem);
