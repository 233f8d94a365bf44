/*
 * Leaks in a named function, for an allocator that profiles itself: heap_leak
 * COUNT. gperftools writes a profile after each of COUNT rounds, and one at the
 * end; jemalloc one at the end.
 */
#include <stdlib.h>
#include <string.h>

void HeapProfilerDump(const char *reason) __attribute__((weak));

/* Seen by the compiler to be used. */
static char *volatile last;

__attribute__((noinline, noclone)) static void
leak_records(int count)
{
	int i;

	for (i = 0; i < count; i++) {
		last = malloc(4096);
		memset(last, 1, 4096);
	}
}

__attribute__((noinline, noclone)) static void
churn(int count)
{
	int i;

	for (i = 0; i < count; i++) {
		last = malloc(8192);
		last[0] = 1;
		free(last);
	}
}

int
main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 1;
	int i;

	for (i = 0; i < rounds; i++) {
		leak_records(500);
		churn(2000);
		if (HeapProfilerDump)
			HeapProfilerDump("round");
	}
	return 0;
}
