/* link: -l:lib_odd_places.so -pthread */
/* not starved: the .sh looks into a snapshot */
/*
 * Allocations from constructors that run before the shim's, .preinit_array, an
 * IFUNC resolver, thread-local and key destructors, atexit handlers, library
 * destructors. Which of them is counted is the .sh's to say.
 */
#include <pthread.h>

#include "host.h"

extern void *odd_kept[16];
void odd_use_thread(void);
int odd_resolved(void);

static void
kept_before_constructors(void)
{
	odd_kept[8] = use(malloc(507));
}

__attribute__((section(".preinit_array"), used)) static void (*const first)(
	void) = kept_before_constructors;

static void
kept_by_atexit(void)
{
	odd_kept[9] = use(malloc(505));
}

static void *
run(void *unused)
{
	odd_use_thread();
	return unused;
}

int
main(void)
{
	pthread_t thread;

	CHECK(odd_resolved() == 42);
	atexit(kept_by_atexit);
	pthread_create(&thread, NULL, run, NULL);
	pthread_join(thread, NULL);
	return failed;
}
