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

/* What the user will be told, one line each. */
struct sym_warnings {
	char **lines;
	size_t count;
	size_t capacity;
};

/* Adds "'PATH': REASON", PATH printable. */
void sym_warn(struct sym_warnings *warnings, const char *path,
	      const char *reason);

struct sym_source; /* the backend's own state */
struct sym_file;   /* its idea of an opened file */

/* All but start and open may be NULL in a backend that never opens anything. */
struct sym_backend {
	/* Returns 0, or -1 and fills `err`. Borrows `options`; *source, which
	 * may be NULL, goes to open and stop. */
	int (*start)(const struct symbolizer_options *options,
		     struct sym_source **source, struct err *err);
	void (*stop)(struct sym_source *source);
	/*
	 * Opens the file the module was loaded from, after making sure that it
	 * is that file. NULL if it can't. Adds to `warnings` what the user
	 * should know, on success too.
	 */
	struct sym_file *(*open)(struct sym_source *source,
				 const struct module *module,
				 struct sym_warnings *warnings);
	/* Adds nothing if nothing is known. `vaddr` is of the call. */
	void (*find)(struct sym_file *file, uint64_t vaddr,
		     struct sym_chain *chain);
	void (*close)(struct sym_file *file);
};

extern const struct sym_backend sym_dwfl; /* elfutils */
extern const struct sym_backend sym_none; /* knows nothing, opens nothing */
