/*
 * Allocates a known mixture and keeps it: 20,000 blocks of 100 bytes, 2,000 of
 * 3,000 and 50 of 200,000 from three sites, 18 MB in all.
 */
#include <stdlib.h>

#define N 20000
static void *kept[3][N];

__attribute__((noinline)) static void *
small_site(void)
{
	void *p = malloc(100);

	__asm__ volatile("" : "+r"(p));
	return p;
}

__attribute__((noinline)) static void *
middle_site(void)
{
	void *p = malloc(3000);

	__asm__ volatile("" : "+r"(p));
	return p;
}

__attribute__((noinline)) static void *
large_site(void)
{
	void *p = malloc(200000);

	__asm__ volatile("" : "+r"(p));
	return p;
}

int
main(void)
{
	for (int i = 0; i < N; i++) {
		kept[0][i] = small_site();
		free(small_site());
		if (i % 10 == 0)
			kept[1][i] = middle_site();
		if (i % 400 == 0)
			kept[2][i] = large_site();
	}
	return 0;
}
