/*
 * The pcs of a snapshot: the distinct code addresses of the depot's nodes,
 * numbered from 1 in the order met.
 */
#pragma once

#include "lks.h"

struct lks_pcs {
	uint64_t *codes;   /* scratch; [number - 1] */
	uint32_t *slots;   /* scratch; numbers by hash, 0 = empty */
	uint32_t capacity; /* of slots, a power of 2; codes has half of it */
	uint32_t count;
};

/* WRITER, scratch. False: no memory. */
bool lks_pcs_init(struct lks_pcs *pcs);
/* The number of a code, which is added if it is new. 0: no memory. */
uint32_t lks_pcs_intern(struct lks_pcs *pcs, uint64_t code);
/* The same without adding. 0: it has none. */
uint32_t lks_pcs_find(const struct lks_pcs *pcs, uint64_t code);
