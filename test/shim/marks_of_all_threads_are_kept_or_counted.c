/* cflags: -Ipreload -fno-pie */
/* link: -no-pie */
/*
 * Threads that set marks at once, in a program that is not position-independent,
 * where a weak reference in C would be a constant. Prints how many it set.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "leakshim.h"

#define THREADS 4
#define EACH 50

static void *
set_marks(void *name)
{
	char text[64];

	for (int i = 0; i < EACH; i++) {
		snprintf(text, sizeof(text), "%s %d", (const char *)name, i);
		leakshim_mark(text);
	}
	return NULL;
}

int
main(void)
{
	static char names[THREADS][2] = { "a", "b", "c", "d" };
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, set_marks, names[i]))
			return 1;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("%d\n", leakshim_present() ? THREADS * EACH : 0);
	return 0;
}
