/*
 * The symbol table of a file, searchable by address. (libdwfl's own search
 * walks through the whole table each time.)
 *
 * Only symbols with a size count, and only for the addresses they cover: an
 * address behind the last byte of a function is not that function's.
 */
#pragma once

#include <elfutils/libdwfl.h>

struct symbol_index;

/* Of the table that libdwfl finds for the module, be it .symtab, a separate
 * debug file's, .dynsym with .gnu_debugdata, or none. Borrows the module's
 * texts. Never NULL. */
struct symbol_index *symbol_index_new(Dwfl_Module *module)
	__attribute__((warn_unused_result));
void symbol_index_free(struct symbol_index *index); /* NULL is allowed */

/*
 * The linkage name of the symbol that covers `address` (as libdwfl counts, by
 * its bias), or NULL. Of several names of one place: global before weak before
 * local, then with the fewest underscores in front, then the shortest: the one
 * that people know.
 */
const char *symbol_index_find(const struct symbol_index *index,
			      GElf_Addr address);
