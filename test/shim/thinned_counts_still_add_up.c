/*
 * More blocks than 8 MiB of tables hold: allocated at two sites, and at one
 * of them four of five are freed again.
 */
#include <stdlib.h>

#define N 600000
static void *kept[2][N];

__attribute__((noinline)) static void *
all_kept(void)
{
	void *p = malloc(40);

	__asm__ volatile("" : "+r"(p));
	return p;
}

__attribute__((noinline)) static void *
a_fifth_kept(void)
{
	void *p = malloc(60);

	__asm__ volatile("" : "+r"(p));
	return p;
}

int
main(void)
{
	for (int i = 0; i < N; i++) {
		kept[0][i] = all_kept();
		kept[1][i] = a_fifth_kept();
		if (i % 5 != 0)
			free(kept[1][i]);
	}
	return 0;
}
