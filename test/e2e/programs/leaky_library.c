/* A library with faults, for ctypes. */
#include <pthread.h>
#include <stdlib.h>

#define EXPORT __attribute__((visibility("default"), noinline))

EXPORT void leaky_library_function(size_t bytes);
EXPORT int forgetful_create(void);

static void *volatile kept;

void
leaky_library_function(size_t bytes)
{
	kept = malloc(bytes);
}

static void *
end_at_once(void *arg)
{
	return arg;
}

/* Nobody will ever join it. Returns 0, or what pthread_create returned. */
int
forgetful_create(void)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, end_at_once, NULL);
}
