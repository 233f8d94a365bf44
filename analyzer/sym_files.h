/*
 * Which file here is the one that the process ran? By its path, in the sysroot
 * if there is one, or as the process has it if that still runs, or by its
 * build-id in the directories of debug files; and
 * the check that a file is it, which every file passes before it gives names.
 */
#pragma once

#include <stdbool.h>

#include "strbuf.h"

struct module; /* model.h */
struct sym_live;

/* All borrowed. */
struct sym_places {
	const char *sysroot;    /* absolute; NULL = none */
	const char *debug_path; /* as elfutils spells it */
	struct sym_live *live;  /* NULL = none is asked */
};

/*
 * Each returns a descriptor for reading, the caller's, of a verified file, and
 * its path in `path`; or -1 and why in `why`. What is in `why` on success is a
 * warning. Both are appended to.
 */
int sym_files_open(const struct sym_places *places, const struct module *module,
		   struct strbuf *path, struct strbuf *why)
	__attribute__((warn_unused_result));

/* A debug file alone, by build-id: it has the same addresses. */
int sym_files_open_debug(const struct sym_places *places,
			 const struct module *module, struct strbuf *path)
	__attribute__((warn_unused_result));

/* Code that the kernel brings, "[vdso]": it is this process's own, if that has
 * the same build-id. */
int sym_files_open_vdso(const struct module *module)
	__attribute__((warn_unused_result));

/* 0 if the file is the module's, or, with `debug_file`, its debug file; else
 * -1 and why. Does not take the descriptor. */
int sym_files_verify(int fd, const struct module *module, bool debug_file,
		     struct strbuf *why) __attribute__((warn_unused_result));
