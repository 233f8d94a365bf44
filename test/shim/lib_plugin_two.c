/* One of two plugins of the same size, so that the one is mapped where the
 * other was. */
#include <stdlib.h>

#define PLUGIN(what) plugin_two_##what

void *PLUGIN(keeps)(void);
void PLUGIN(churns)(void);

static void *from_constructor;

__attribute__((constructor)) static void
PLUGIN(begins)(void)
{
	from_constructor = malloc(1000);
}

__attribute__((destructor)) static void
PLUGIN(ends)(void)
{
	free(from_constructor);
}

__attribute__((noinline)) void *
PLUGIN(keeps)(void)
{
	void *p = malloc(222);

	__asm__ volatile("" : "+r"(p));
	return p;
}

__attribute__((noinline)) void
PLUGIN(churns)(void)
{
	for (int i = 0; i < 10; i++) {
		void *volatile p = malloc((size_t)i * 40);

		free(p);
	}
}
