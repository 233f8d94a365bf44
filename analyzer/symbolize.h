/*
 * Names for code addresses: function, file and line, inlines included.
 *
 * The one rule is never a wrong name. A file that is gone, or that is not the
 * one the process ran (another build-id, another layout), gives no names but
 * one warning; an address that no symbol covers gives a fallback name, not
 * its neighbour's. The network is never asked, unless `debuginfod` is set.
 *
 * Each place in a file, that is (build-id, offset), or (path, offset) where
 * there is no build-id, is worked out once and remembered, so any number of
 * snapshots of one program costs no more than one. Files are opened when
 * first needed. Results depend on the files alone, not on the order of calls,
 * except that one build-id met under two paths takes its fallback name from
 * the first.
 *
 * A lookup of a known place hashes it and compares the module's texts: some
 * 50 ns. Who walks millions of frames keeps an array of results by pc number.
 *
 * Not thread-safe: one symbolizer, one thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strbuf.h"

struct err;
struct header;   /* facts.h */
struct module;   /* model.h */
struct sym_live; /* sym_live.h */
struct symbolizer;

struct symbolizer_options {
	bool use_symbols; /* false: fallback names only, no file is opened */
	bool inlines;     /* false: one entry per address, the real function */
	/* Where separate debug files are, as elfutils spells such a path:
	 * directories joined by ':'. NULL = its default, /usr/lib/debug (below
	 * the sysroot, if there is one) and .debug beside the file. This and
	 * what follows is borrowed until symbolizer_close. */
	const char *debug_path;
	/* Directory that the modules' paths are looked up in, and nowhere
	 * else: no symbolic link and no ".." leads out. NULL = "/". */
	const char *sysroot;
	/* Ask the servers of DEBUGINFOD_URLS for debug files that are not
	 * here. */
	bool debuginfod;
	unsigned debuginfod_seconds; /* for one file; 0 = 30 */
	/* Told what takes long: one line, without its end; NULL ends it. May
	 * be NULL. */
	void (*progress)(void *context, const char *line);
	void *progress_context;
	/* Set by symbolizer_open, and its own: the processes of
	 * symbolizer_meet. NULL: their files are not wanted. */
	struct sym_live *live;
};

/* One function at one address. */
struct symbol {
	/* For people: demangled, without clone suffixes (.part.0). Never NULL.
	 * Unknown: `NAME+0xOFFSET`, NAME the file's base name, OFFSET the
	 * address in the file (ELF vaddr) of the call, which is the return
	 * address minus one, so that `addr2line -e NAME OFFSET` is right;
	 * without a module, or outside its segments, just 0xADDRESS,
	 * likewise minus one. */
	const char *function;
	/* As the linker knows it; equals `function` for C. Never NULL. */
	const char *linkage_name;
	const char *file; /* source as the compiler named it; NULL = unknown */
	uint32_t line;    /* 0 = unknown */
};

/* What runs at one address: entry 0 is the innermost inlined function, the
 * last the real one, which the others were inlined into. */
struct symbols {
	size_t count; /* >= 1 */
	bool named;   /* false: the only entry is a fallback */
	const struct symbol *entries;
};

/* Returns NULL and fills `err` if libdwfl cannot be started. Removes
 * DEBUGINFOD_URLS from the environment, or libdwfl would ask by itself; the
 * first value seen is kept for `debuginfod`. */
struct symbolizer *symbolizer_open(const struct symbolizer_options *options,
				   struct err *err)
	__attribute__((warn_unused_result));

/* Names will be asked for that are of this snapshot: as long as its process
 * runs, files are looked for there too (sym_live.h), unless there is a
 * sysroot. */
void symbolizer_meet(struct symbolizer *symbolizer,
		     const struct header *header);

/*
 * Looks up a run-time RETURN address (one is subtracted here). `module` is
 * the one the snapshot saw the address in; NULL = none. Never NULL; what it
 * returns is owned by the symbolizer and lives as long as it, so equal
 * pointers mean the same place. `module` is not kept.
 */
const struct symbols *symbolizer_lookup(struct symbolizer *symbolizer,
					const struct module *module,
					uint64_t address);

/*
 * The real (outermost, not inlined) function of what a lookup found, or a file
 * brought itself, as the linker knows it, but without the marks of
 * compiler-made clones, whose numbers change from build to build: what a place
 * is called in any build. NULL if it has no name. Lives as long as the
 * symbolizer; equal names are equal pointers.
 */
const char *symbolizer_bare_name(struct symbolizer *symbolizer,
				 const struct symbols *symbols);

/* As it was opened. Owned by the symbolizer. */
const struct symbolizer_options *symbolizer_options(
	const struct symbolizer *symbolizer);

/* What could not be named and why, mostly one line per file, in the order in which
 * the files were met: "'/usr/bin/x': not the file that ran (build-id ...)".
 * NULL past the last. Owned by the symbolizer. */
const char *symbolizer_warning(const struct symbolizer *symbolizer,
			       size_t index);

/* Adds a line for each directory of the debug path that can't be looked in:
 * "'/nosuch': no such directory
 * for debug files". None without names. */
void symbolizer_check_places(const struct symbolizer *symbolizer,
			     struct strbuf *warnings);

/* NULL is allowed. */
void symbolizer_close(struct symbolizer *symbolizer);
