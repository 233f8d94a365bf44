/* link: -pthread */
/* not starved: the .sh looks into a snapshot */
/*
 * Law 4: the record is taken out while the address is still ours. Here the next
 * allocator gives the block to another thread before free or realloc returns:
 * what that thread has of it must still be in the table afterwards.
 */
#include <pthread.h>

#include "host.h"

/* Of lib_hands_blocks_on, if it is preloaded. */
__attribute__((weak)) void hand_on(void *p);
__attribute__((weak)) void took_it(void);

static void *kept[3];

NOINLINE static void
kept_of_the_freed(void)
{
	kept[0] = use(malloc(777));
}

NOINLINE static void
kept_of_the_moved(void)
{
	kept[1] = use(malloc(777));
}

NOINLINE static void
kept_after_the_move(void *p)
{
	kept[2] = use(realloc(p, 5000));
}

static void *
take_both(void *unused)
{
	kept_of_the_freed();
	took_it();
	kept_of_the_moved();
	took_it();
	return unused;
}

int
main(void)
{
	pthread_t thread;
	void *p = use(malloc(1000));
	void *q = use(malloc(1000));

	if (hand_on == NULL) {
		puts("the allocator is not there");
		return 1;
	}
	pthread_create(&thread, NULL, take_both, NULL);
	hand_on(p);
	free(p);
	hand_on(q);
	kept_after_the_move(q);
	pthread_join(thread, NULL);
	CHECK(kept[0] == p);
	CHECK(kept[1] == q);
	CHECK(kept[2] != NULL);
	return failed;
}
