/* link: -l:lib_forks_in_its_constructor.so */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

extern void *kept_by_the_library;

__attribute__((noinline)) static void
leak(void)
{
	for (int i = 0; i < 2000; i++) {
		void *p = malloc(1000);

		__asm__ volatile("" : "+r"(p));
	}
}

int
main(void)
{
	leak();
	printf("%d\n", getpid());
	return kept_by_the_library == NULL;
}
