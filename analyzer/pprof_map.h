/*
 * Where a profile of one or two processes puts its code.
 *
 * A pprof file knows one address space, and two processes are two. The places
 * of the first model added hold; code of a later one, or of a module that took
 * an unloaded module's place, is moved if it would overlap. The same piece of
 * a file, by build-id or else by path, is one place wherever it was mapped.
 */
#pragma once

#include <stdint.h>

#include "model.h"

/* No process has code from here on: addresses for what has none. */
#define PPROF_MAP_END UINT64_C(0x7000000000000000)

/* One executable segment. */
struct pprof_place {
	const struct module *module; /* as first met; the model's */
	const struct segment *segment;
	uint64_t start; /* address in the profile */
	uint64_t limit;
	uint64_t mapping; /* for the user's use; 0 to begin with */
};

struct pprof_map;

/* Never NULL. */
struct pprof_map *pprof_map_new(void) __attribute__((warn_unused_result));
void pprof_map_free(struct pprof_map *map); /* NULL is allowed */

/* Borrows the model: it must outlive the map. */
void pprof_map_add(struct pprof_map *map, const struct model *model);

/*
 * The place of a run-time address of `module`, which is of an added model, and
 * where the address is in the profile. NULL if the module has no segment
 * there.
 */
struct pprof_place *pprof_map_find(struct pprof_map *map,
				   const struct module *module,
				   uint64_t address, uint64_t *in_profile);

/* Is the address (in the profile) in no place and below PPROF_MAP_END? */
bool pprof_map_is_free(const struct pprof_map *map, uint64_t address);
