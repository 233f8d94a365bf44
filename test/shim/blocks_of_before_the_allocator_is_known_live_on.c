/* not starved: what a next allocator's failure leaves is the .c's own */
/*
 * What was allocated before any allocator was known (lib_allocates_in_dlsym,
 * preloaded behind the shim) is the program's like any other block: it can be
 * written, measured, moved and freed, long afterwards and in a child.
 */
#include <malloc.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

__attribute__((weak)) extern char *early_blocks[5];

static int
is_filled(const char *p, char c, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (p[i] != c)
			return 0;
	return 1;
}

static void
use_and_free_all(void)
{
	char **b = early_blocks;

	CHECK(is_filled(b[0], 'a', 100) && is_filled(b[1], 0, 200) &&
	      is_filled(b[2], 'c', 50));
	CHECK(((uintptr_t)b[3] & 255) == 0);
	for (int i = 0; i < 4; i++)
		CHECK(malloc_usable_size(b[i]) >= 100);
	b[0] = use(realloc(b[0], 30000));
	CHECK(is_filled(b[0], 'a', 100));
	b[2] = use(realloc(b[2], 20));
	CHECK(is_filled(b[2], 'c', 20));
	memset(b[3], 'd', 100);
	b[4] = use(realloc(b[4], 100));
	for (int i = 0; i < 5; i++)
		free(b[i]);
	for (size_t i = 0; i < 100; i++)
		free(use(malloc(i * 10)));
}

int
main(void)
{
	int status = 0;

	if (early_blocks == NULL || early_blocks[0] == NULL) {
		puts("nobody allocated early");
		return 1;
	}
	if (fork() == 0) {
		use_and_free_all();
		exit(failed);
	}
	wait(&status);
	CHECK(status == 0);
	use_and_free_all();
	return failed;
}
