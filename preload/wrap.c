/*
 * Where the linker sends what our static libraries (zlib, protobuf-c) would
 * ask of the host: --wrap=malloc,--wrap=free,--wrap=__assert_fail. Packing
 * and our zalloc ask for nothing, so a call is a surprise: it is served, and
 * a failed assertion stops recording and the snapshot instead of the host,
 * whose thread this may be.
 */
#include <stddef.h>

#include "arena.h"
#include "encode.h"
#include "state.h"

void *__wrap_malloc(size_t size);
void __wrap_free(void *p);
_Noreturn void __wrap___assert_fail(const char *assertion, const char *file,
				    unsigned line, const char *function);

/* Keeps alignment: the size of the mapping stands in front of the block. */
#define HEADER 64

void *
__wrap_malloc(size_t size)
{
	size_t *pages;

	if (size > SIZE_MAX - HEADER)
		return NULL;
	pages = lks_arena_map(size + HEADER);
	if (pages == NULL)
		return NULL;
	*pages = size + HEADER;
	return (char *)pages + HEADER;
}

void
__wrap_free(void *p)
{
	size_t *pages;

	if (p == NULL)
		return;
	pages = (size_t *)(void *)((char *)p - HEADER);
	lks_arena_release(pages, *pages);
}

_Noreturn void
__wrap___assert_fail(const char *assertion, const char *file, unsigned line,
		     const char *function)
{
	(void)assertion;
	(void)file;
	(void)line;
	(void)function;
	lks_state_disable("an assertion failed in a library of ours");
	lks_encode_give_up();
}
