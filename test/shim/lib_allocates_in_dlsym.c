/* Stands in front of the C library's dlsym, as overlays and fakechroot do, and
 * allocates in there: before the shim knows any allocator, since it asks dlsym
 * for them. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

void *early_blocks[5];

static void
allocate(void)
{
	char *p = malloc(100);

	memset(p, 'a', 100);
	early_blocks[0] = p;
	early_blocks[1] = calloc(10, 20);
	p = malloc(50);
	memset(p, 'c', 50);
	early_blocks[2] = realloc(p, 500);
	if (posix_memalign(&early_blocks[3], 256, 100) != 0)
		early_blocks[3] = NULL;
	early_blocks[4] = malloc(0);
	free(malloc(30));
}

void *
dlsym(void *restrict handle, const char *restrict name)
{
	static void *(*real)(void *, const char *);
	static int calls;
	void *found;

	if (real == NULL) {
		found = dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.34");
		memcpy(&real, &found, sizeof(found));
	}
	if (calls++ == 0)
		allocate();
	return real(handle, name);
}
