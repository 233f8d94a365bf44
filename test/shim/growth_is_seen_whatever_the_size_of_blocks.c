/*
 * Leaks COUNT blocks of SIZE bytes, in 32 steps with a pause after each.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	long count = argc > 2 ? atol(argv[1]) : 32;
	size_t size = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000;

	for (long i = 0; i < count; i++) {
		void *p = malloc(size);

		memset(p, 1, 1);
		if (i % (count / 32) == 0)
			usleep(30000);
	}
	return 0;
}
