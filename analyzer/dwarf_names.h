/*
 * Names of functions in DWARF. Most have a linkage name; where the compiler
 * knew none yet (functions inlined at link time), the name is put together
 * from the scopes that the function is declared in, as in
 * std::vector<int>::push_back: without parameters, but still of use to rules
 * that go by names. Where there are no scopes either (clang's
 * -gline-tables-only), what is in the headers of the C++ library is at least
 * said to be in std.
 */
#pragma once

#include <elfutils/libdw.h>

struct dwarf_names;

/* Never NULL. */
struct dwarf_names *dwarf_names_new(void) __attribute__((warn_unused_result));
void dwarf_names_free(struct dwarf_names *names); /* NULL is allowed */

/* NULL if there is none. Lives as long as the Dwarf. */
const char *dwarf_linkage_name(Dwarf_Die *function);

/* NULL if it has no name. Lives as long as `names`. All functions asked for
 * must be of one Dwarf, or of those it refers to, and those must be open.
 * `file` is the source file that its code is in; NULL = unknown. */
const char *dwarf_qualified_name(struct dwarf_names *names, Dwarf_Die *function,
				 const char *file);
