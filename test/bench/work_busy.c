/*
 * work_busy LIVE_BLOCKS FILE: replaces blocks at random among so many, from 16
 * places at depths of 3 to 18 frames, until it is killed. How many it has
 * replaced is the first 8 bytes of FILE, all along. A second thread waits, so
 * that the shim has its helper. Says "ready" once all blocks are there.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "work.h"

struct busy {
	struct work_random random;
	long count;
	uint64_t sum;
	char **blocks;
};

/* One place each; the recursion is not a tail call. */
#define PLACE(n)                                                               \
	static WORK_NOINLINE char *place_##n(struct busy *it, int depth)       \
	{                                                                      \
		char *p;                                                       \
                                                                               \
		if (depth == 0)                                                \
			return work_alloc(work_size(&it->random) / 4 + 8);     \
		p = place_##n(it, depth - 1);                                  \
		it->sum += (unsigned char)p[0];                                \
		return p;                                                      \
	}

PLACE(0)
PLACE(1)
PLACE(2)
PLACE(3)

static char *(*const places[])(struct busy *, int) = { place_0, place_1,
						       place_2, place_3 };

static void
replace(struct busy *it, long i)
{
	uint32_t place = work_random(&it->random, 16);

	free(it->blocks[i]);
	it->blocks[i] = places[place & 3](it, 1 + (int)(place >> 2) * 5);
}

static void *
wait_for_ever(void *unused)
{
	(void)unused;
	for (;;)
		pause();
	return NULL;
}

static _Atomic uint64_t *
map_counter(const char *name)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	void *at = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, 8) == 0)
		at = mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED) {
		perror(name);
		exit(1);
	}
	close(fd);
	return at;
}

int
main(int argc, char **argv)
{
	struct busy it = { .random = { 88172645463325252u } };
	_Atomic uint64_t *counter;
	pthread_t thread;

	it.count = work_argument(argc, argv, 1);
	if (argc != 3)
		return 2;
	counter = map_counter(argv[2]);
	it.blocks = calloc((size_t)it.count, sizeof(*it.blocks));
	if (!it.blocks || pthread_create(&thread, NULL, wait_for_ever, NULL))
		return 1;
	for (long i = 0; i < it.count; i++)
		replace(&it, i);
	puts("ready");
	fflush(stdout);
	for (;;) {
		for (int i = 0; i < 100; i++)
			replace(&it,
				work_random(&it.random, (uint32_t)it.count));
		atomic_fetch_add_explicit(counter, 100, memory_order_relaxed);
	}
}
