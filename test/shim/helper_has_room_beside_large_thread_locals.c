/* link: -pthread */
/* The C library puts a program's thread-local storage on each thread's stack,
 * the helper's too: half a megabyte more than its own has room for. */
#include <pthread.h>
#include <string.h>

#include "host.h"

static __thread char large[512 << 10];

static void *
fill(void *unused)
{
	memset(large, 1, sizeof(large));
	free(use(malloc(100)));
	return unused;
}

int
main(void)
{
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, fill, NULL) == 0);
	pthread_join(thread, NULL);
	fill(NULL);
	return failed;
}
