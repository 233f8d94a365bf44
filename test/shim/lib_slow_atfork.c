/*
 * Registers fork handlers in a constructor that runs before the shim's: its
 * prepare handler then runs after the shim's has taken all of its locks, and
 * its parent and child handlers run while they are still held. What the
 * program wants done there is in hooks.
 */
#include <pthread.h>
#include <stddef.h>

void (*atfork_prepare_hook)(void);

static void
prepare(void)
{
	if (atfork_prepare_hook != NULL)
		atfork_prepare_hook();
}

__attribute__((constructor)) static void
hear_of_forks(void)
{
	pthread_atfork(prepare, NULL, NULL);
}
