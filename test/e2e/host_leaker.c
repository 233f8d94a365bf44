/*
 * leaker [THREADS]: each thread leaks a block of 20,000 bytes 50 times a
 * second, which is a megabyte; the main thread replaces small blocks meanwhile.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *
leak_blocks(void *unused)
{
	for (;;) {
		void *p = malloc(20000);

		if (p)
			memset(p, 1, 20000);
		usleep(20000);
	}
	return unused;
}

int
main(int argc, char **argv)
{
	int threads = argc > 1 ? atoi(argv[1]) : 1;

	for (int i = 0; i < threads; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, leak_blocks, NULL) != 0)
			return 1;
	}
	for (;;) {
		char *p = malloc(1000);

		if (p)
			memset(p, 1, 1000);
		free(p);
		usleep(1000);
	}
}
