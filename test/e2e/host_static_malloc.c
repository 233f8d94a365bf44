/* A program with an allocator of its own linked in, as some daemons have:
 * nobody who comes later can stand in front of it. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static _Alignas(16) char arena[1 << 20];
static size_t used;

void *malloc(size_t size);
void free(void *p);
void *calloc(size_t count, size_t size);
void *realloc(void *p, size_t size);

void *
malloc(size_t size)
{
	size_t start = (used + 31) & ~(size_t)15;

	if (size > sizeof(arena) - start)
		return NULL;
	used = start + size;
	memcpy(arena + start - sizeof(size), &size, sizeof(size));
	return arena + start;
}

void
free(void *p)
{
	(void)p;
}

void *
calloc(size_t count, size_t size)
{
	return malloc(count * size); /* never used before: zero */
}

void *
realloc(void *p, size_t size)
{
	void *q = malloc(size);
	size_t old;

	if (p == NULL || q == NULL)
		return q;
	memcpy(&old, (char *)p - sizeof(old), sizeof(old));
	memcpy(q, p, old < size ? old : size);
	return q;
}

int
main(void)
{
	char *p = realloc(malloc(100), 2000);

	strcpy(p, "mine");
	printf("%s %d\n", p, p >= arena && p < arena + sizeof(arena));
	return 3;
}
