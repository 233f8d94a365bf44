/*
 * Where the linker sends what our static libraries (zlib, protobuf-c) would
 * ask of the host: --wrap=malloc,--wrap=free,--wrap=__assert_fail. Packing
 * and our zalloc ask for nothing, so a call is a surprise: it is served, and
 * a failed assertion stops recording instead of the host.
 */
#include <stddef.h>

#include "arena.h"
#include "state.h"
#include "sys.h"

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
	/* The caller must not go on, the host must: only the writer runs those
	 * libraries, on a thread or process of its own. */
	for (;;)
		lks_sys1(SYS_exit, 0);
}
