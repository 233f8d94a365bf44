/* Loses 100 blocks in a function that is inlined into one that no other file
 * can name. */
#include <stdlib.h>

static inline __attribute__((always_inline)) void
leak_inlined(size_t size)
{
	char *volatile lost = malloc(size);

	(void)lost;
}

static __attribute__((noinline)) void
leak_hidden(size_t size)
{
	leak_inlined(size);
	__asm__ volatile("" : : "r"(size));
}

int
main(void)
{
	int i;

	for (i = 0; i < 100; i++)
		leak_hidden(333);
	return 0;
}
