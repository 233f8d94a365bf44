/*
 * Memory that is there or the program ends: without memory a command-line
 * tool has nothing better to do than say so and exit with status 5.
 *
 * The names and meanings are those of libiberty's functions of the same kind,
 * which its demanglers call: they then call these, and one set is linked.
 *
 * Input never decides a size before it was checked against a bound, so a
 * hostile file can't lead here.
 */
#pragma once

#include <stddef.h>

/* a + b and a * b; a sum or product beyond size_t ends the program. */
size_t xadd(size_t a, size_t b);
size_t xmul(size_t a, size_t b);

/* Never NULL, not even for 0 bytes. The caller frees with free(). */
void *xmalloc(size_t bytes)
	__attribute__((warn_unused_result, returns_nonnull));
void *xcalloc(size_t count, size_t size)
	__attribute__((warn_unused_result, returns_nonnull));
void *xrealloc(void *base, size_t bytes)
	__attribute__((warn_unused_result, returns_nonnull));
char *xstrdup(const char *text)
	__attribute__((warn_unused_result, returns_nonnull));

/*
 * Room for `need` elements of `size` bytes in the array `base`, of which
 * *capacity is kept here: grows by half, so that appending is cheap. Returns
 * the array, which may have moved.
 */
void *xgrow(void *base, size_t *capacity, size_t need, size_t size)
	__attribute__((warn_unused_result, returns_nonnull));
