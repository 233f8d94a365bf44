/*
 * What symbolize.c needs of a source of names. It keeps the results, makes
 * them readable and invents fallback names; a backend only opens a file and
 * says what is at one address in it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "strbuf.h"
#include "symbolize.h"

/* One function at an address, as found; texts are the backend's, until its
 * next call. */
struct sym_found {
	const char *linkage_name; /* never NULL */
	const char *file;         /* NULL = unknown */
	uint32_t line;
};

/* Innermost first. The backend appends; the caller empties and owns. */
struct sym_chain {
	struct sym_found *found;
	size_t count;
	size_t capacity;
};

void sym_chain_add(struct sym_chain *chain, const char *linkage_name,
		   const char *file, uint32_t line);

struct sym_file; /* the backend's idea of an opened file */

struct sym_backend {
	/* Returns 0, or -1 and fills `err`. */
	int (*start)(struct err *err);
	/*
	 * Opens the file the module was loaded from, after making sure that it
	 * is that file. NULL if it can't: then what is in `warning`, if
	 * anything, is told to the user. It may be filled on success too.
	 */
	struct sym_file *(*open)(const struct symbolizer_options *options,
				 const struct module *module,
				 struct strbuf *warning);
	/* These two may be NULL in a backend that never opens anything.
	 * find adds nothing if nothing is known. `vaddr` is of the call. */
	void (*find)(struct sym_file *file, uint64_t vaddr,
		     struct sym_chain *chain);
	void (*close)(struct sym_file *file);
};

extern const struct sym_backend sym_dwfl; /* elfutils */
extern const struct sym_backend sym_none; /* knows nothing, opens nothing */
