/* work_mappings N: a process with N mappings of a page each, every second of
 * them resident. Says "ready" and waits to be killed. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096

int
main(int argc, char **argv)
{
	size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 0, i;
	char *at;

	if (count == 0)
		return 2;
	at = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		return 1;
	/* Neighbours of other permissions don't merge. */
	for (i = 0; i < count; i++) {
		if (i % 2 && mprotect(at + i * PAGE, PAGE, PROT_READ) < 0)
			return 1;
		if (i % 2 == 0)
			at[i * PAGE] = 1;
	}
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
