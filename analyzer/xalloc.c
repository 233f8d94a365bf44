#include "xalloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* DESIGN.md's status for "a step failed". */
#define XALLOC_EXIT 5

static void __attribute__((noreturn)) die(void)
{
	fprintf(stderr, "%s: out of memory\n", program_invocation_short_name);
	exit(XALLOC_EXIT);
}

size_t
xadd(size_t a, size_t b)
{
	size_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		die();
	return sum;
}

size_t
xmul(size_t a, size_t b)
{
	size_t product;

	if (__builtin_mul_overflow(a, b, &product))
		die();
	return product;
}

void *
xmalloc(size_t bytes)
{
	void *p = malloc(bytes ? bytes : 1);

	if (!p)
		die();
	return p;
}

void *
xcalloc(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size ? size : 1);

	if (!p)
		die();
	return p;
}

void *
xrealloc(void *base, size_t bytes)
{
	void *p = realloc(base, bytes ? bytes : 1);

	if (!p)
		die();
	return p;
}

char *
xstrdup(const char *text)
{
	size_t bytes = strlen(text) + 1;

	return memcpy(xmalloc(bytes), text, bytes);
}

void *
xgrow(void *base, size_t *capacity, size_t need, size_t size)
{
	size_t wanted;

	if (base && need <= *capacity)
		return base;
	wanted = xadd(*capacity, *capacity / 2);
	if (wanted < need)
		wanted = need;
	if (wanted < 16)
		wanted = 16;
	base = xrealloc(base, xmul(wanted, size));
	*capacity = wanted;
	return base;
}
