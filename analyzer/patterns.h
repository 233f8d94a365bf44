/*
 * The user's regular expressions: POSIX extended, searched for anywhere in a
 * text. `{ 0 }` holds none.
 */
#pragma once

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>

struct err;

struct patterns {
	regex_t **list; /* each its own: a regex_t may not be moved */
	size_t count;
	size_t capacity;
};

/* Returns 0, or -1 and fills `err` (ERR_PATTERN). */
int patterns_add(struct patterns *patterns, const char *regex, struct err *err)
	__attribute__((warn_unused_result));

/* Is any of them in the text? */
bool patterns_match(const struct patterns *patterns, const char *text);

void patterns_release(struct patterns *patterns);
