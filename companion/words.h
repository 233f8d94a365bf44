/*
 * The words of a command line while it is rewritten. `{ 0 }` is an empty one.
 */
#pragma once

#include <stddef.h>

/* A line beyond any real one is cut. */
#define WORDS_MAX 4096

struct words {
	char **at; /* ends in NULL, as argv does; NULL while empty; owned */
	size_t count;
	size_t capacity;
};

void words_add(struct words *words, const char *word);
void words_add_all(struct words *words, char *const *more);
/* The words of `text` between blanks. */
void words_split(struct words *words, const char *text);
/* `take_other` takes the place of `words` and is empty then. */
void words_become(struct words *words, struct words *take_other);
void words_release(struct words *words);
