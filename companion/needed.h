/*
 * The libraries that a program would load, without starting it: what it and
 * they need (DT_NEEDED), looked for where the loader would look.
 *
 * Only an approximation: ld.so.cache, hardware directories and what is opened
 * by dlopen(3) are left out, and a library that is not found is not told.
 */
#pragma once

#include <stddef.h>

#include "elf_file.h"

/* Libraries found, at most; browsers have about two hundred. */
#define NEEDED_MAX 1024

struct needed {
	char **paths; /* as we can open them; owned */
	size_t count;
	size_t capacity;
};

/* `search` is LD_LIBRARY_PATH, may be NULL. needed_release() afterwards. */
void needed_find(struct needed *needed, const struct elf_file *program,
		 const char *search);
void needed_release(struct needed *needed);

/*
 * The library that holds most of the code of a program which is but a stub: it
 * is small and stripped, and needs one that is many times larger and none of
 * the C or C++ runtime's (ruby). NULL if it is no such program. The caller
 * frees it.
 */
char *needed_body(const struct elf_file *program)
	__attribute__((warn_unused_result));
