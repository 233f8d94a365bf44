/*
 * Functions that are named after the allocator that they wrap: nearly every
 * large C program has its own NAME_malloc, NAME__strdup or NAMEmalloc, and no
 * table could hold them all. blame_rules.h has those that are named otherwise.
 *
 * By names alone. How many callers a function has says nothing: a constructor
 * that is used everywhere has as many as a wrapper, and is what is wanted; and
 * who is blamed must not depend on which stacks happen to be in a file.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* `name` is without parameters, `len` bytes. */
bool blame_words_allocate(const char *name, size_t len);
