/* cflags: -O1 */
/* Allocates wherever code of a library can run. */
#include <pthread.h>
#include <stdlib.h>

/* glibc's: what C++'s thread_local destructors are made of. */
int __cxa_thread_atexit_impl(void (*function)(void *), void *object, void *dso);
extern void *__dso_handle __attribute__((visibility("hidden")));

void odd_use_thread(void);
int odd_resolved(void);

void *odd_kept[16];

#define KEEP(where, size)                                                      \
	do {                                                                   \
		void *p_ = malloc(size);                                       \
                                                                               \
		__asm__ volatile("" : "+r"(p_));                               \
		odd_kept[where] = p_;                                          \
		free(malloc(10));                                              \
	} while (0)

static int
resolved(void)
{
	return 42;
}

/* Runs while the loader binds the first call. */
static int (*kept_by_resolver(void))(void)
{
	KEEP(0, 502);
	return resolved;
}

int odd_resolved(void) __attribute__((ifunc("kept_by_resolver")));

__attribute__((constructor)) static void
kept_by_constructor(void)
{
	KEEP(1, 501);
}

__attribute__((destructor)) static void
kept_by_destructor(void)
{
	KEEP(2, 506);
}

static void
kept_by_thread_local_destructor(void *unused)
{
	(void)unused;
	KEEP(3, 503);
}

static void
kept_by_key_destructor(void *block)
{
	free(block);
	KEEP(4, 504);
}

void
odd_use_thread(void)
{
	static pthread_key_t key;

	if (key == 0)
		pthread_key_create(&key, kept_by_key_destructor);
	pthread_setspecific(key, malloc(20));
	__cxa_thread_atexit_impl(kept_by_thread_local_destructor, NULL,
				 &__dso_handle);
}
