/*
 * The types of C++ objects, from their first words: the address of a vtable of
 * a file that the process had loaded. The names are in the files' symbol tables,
 * or in those of their separate debug files; a file that is not the one that
 * ran gives none (sym_files.h).
 *
 * A word is a type's if it lies in the vtable's symbol behind the two words
 * that every vtable begins with. Objects of classes that export no such symbol,
 * or of a module that no stack of the dump leads through, stay without a type;
 * a freed or foreign block may hold such a word by chance.
 */
#pragma once

#include <stdint.h>

#include "model.h"

struct symbolizer_options; /* symbolize.h */
struct vtables;

/* Borrows both until vtables_free. Opens the files of the model's modules.
 * Never NULL. */
struct vtables *vtables_new(const struct model *model,
			    const struct symbolizer_options *options)
	__attribute__((warn_unused_result));
void vtables_free(struct vtables *vtables); /* NULL is allowed */

/* The demangled type whose objects begin with this word; NULL: none. Equal
 * types of one file are equal pointers; lives as long as the vtables. */
const char *vtables_find(struct vtables *vtables, uint64_t word);
