/*
 * Which functions, inlined ones included, are at an address of a file that
 * has DWARF.
 *
 * libdw alone would walk a whole compilation unit for every address. This
 * index remembers where units are (once per file) and where the functions of
 * a unit are (once per unit that is asked for), so that one address costs two
 * binary searches and a walk through one function.
 */
#pragma once

#include <stdbool.h>

#include <elfutils/libdw.h>

#include "sym_backend.h"

struct dwarf_index;

/* Borrows `dwarf`, which must live as long. Never NULL. */
struct dwarf_index *dwarf_index_new(Dwarf *dwarf)
	__attribute__((warn_unused_result));
void dwarf_index_free(struct dwarf_index *index); /* NULL is allowed */

/* No code is described. */
bool dwarf_index_is_empty(const struct dwarf_index *index);

/* Source line of an address. */
struct dwarf_line {
	const char *file; /* NULL = unknown; lives as long as the Dwarf */
	uint32_t line;
};

/*
 * Adds the functions at `address` (as DWARF counts, without any bias) to
 * `chain`, innermost first; returns false and adds nothing if none is known.
 * `line` is that of the address in any case. `symbol`, which may be NULL, is
 * what the symbol table says: C++ that was compiled for line numbers only has
 * its linkage names just there. Texts live as long as the index.
 */
bool dwarf_index_find(struct dwarf_index *index, Dwarf_Addr address,
		      const char *symbol, struct sym_chain *chain,
		      struct dwarf_line *line);
