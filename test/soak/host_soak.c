/*
 * host_soak SHAPE SECONDS: a program whose heap behaves as its name says, for
 * that long, slowly enough that twenty of them share a machine. Leaks are in
 * functions whose names begin with leak_.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NOISE 4000
#define TICK_US 20000
#define TICKS_A_SECOND (1000000 / TICK_US)

static void *noise[NOISE];
static void *slots[100000];
static size_t slot_count;
static void *volatile lost;
static unsigned long seed = 12345;

static unsigned int
roll(unsigned int sides)
{
	seed = seed * 6364136223846793005ul + 1442695040888963407ul;
	return (unsigned int)(seed >> 33) % sides;
}

static void __attribute__((noinline))
keep(size_t bytes)
{
	slots[slot_count++ % 100000] = memset(malloc(bytes), 1, bytes);
}

/* 50 MB that come and go under everything else. */
static void __attribute__((noinline))
make_noise(void)
{
	unsigned int i;

	for (i = 0; i < 40; i++) {
		void **slot = &noise[roll(NOISE)];

		free(*slot);
		*slot = malloc(1 + roll(25000));
	}
}

/* --- what leaks --- */

static void __attribute__((noinline))
leak_slowly(void)
{
	lost = malloc(64);
}

static void __attribute__((noinline))
leak_in_steps(void)
{
	lost = malloc(65536);
}

static void __attribute__((noinline))
leak_by_growing(void)
{
	static size_t bytes = 4096;

	bytes += 3000;
	lost = realloc(lost, bytes);
}

static void *
do_nothing(void *nothing)
{
	return nothing;
}

static void __attribute__((noinline))
leak_a_thread(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, do_nothing, NULL);
}

/* A tenth of what comes never goes. */
static void __attribute__((noinline))
leak_under_load(void)
{
	void *request = malloc(300);

	if (roll(10))
		free(request);
	else
		lost = request;
}

/* --- what does not --- */

/* Evicts the oldest: fills for a while, then rotates. */
static void
rotate_cache(size_t entries)
{
	static size_t next;
	void **slot = &slots[next++ % entries];

	free(*slot);
	*slot = malloc(200 + roll(600));
}

static void
empty_slots(void)
{
	while (slot_count > 0)
		free(slots[--slot_count % 100000]);
}

static void
run(const char *shape, unsigned long tick)
{
	unsigned int i;

	make_noise();
	if (strcmp(shape, "trickle") == 0) {
		leak_slowly();
	} else if (strcmp(shape, "steps") == 0) {
		if (tick % (4 * TICKS_A_SECOND) == 0)
			leak_in_steps();
	} else if (strcmp(shape, "buffer") == 0) {
		leak_by_growing();
	} else if (strcmp(shape, "threads") == 0) {
		if (tick % 25 == 0)
			leak_a_thread();
	} else if (strcmp(shape, "load") == 0) {
		/* Busy and idle by turns. */
		for (i = tick / 250 % 2 ? 40 : 4; i > 0; i--)
			leak_under_load();
	} else if (strcmp(shape, "slow-start") == 0) {
		if (tick > 15 * TICKS_A_SECOND)
			leak_slowly();
	} else if (strcmp(shape, "rising-saw") == 0) {
		for (i = 0; i < 5; i++)
			keep(500);
		leak_slowly();
		if (tick % 350 == 349)
			empty_slots();
	} else if (strcmp(shape, "cache") == 0) {
		for (i = 0; i < 5; i++)
			rotate_cache(2500);
	} else if (strcmp(shape, "small-cache") == 0) {
		rotate_cache(50);
	} else if (strcmp(shape, "saw") == 0) {
		for (i = 0; i < 5; i++)
			keep(500);
		if (tick % 350 == 349)
			empty_slots();
	} else if (strcmp(shape, "pool") == 0) {
		if (tick < 200)
			keep(8000);
	} else if (strcmp(shape, "tide") == 0) {
		/* Connections follow a load that rises and falls. */
		if (tick % 600 < 300)
			keep(1000);
		else if (slot_count)
			free(slots[--slot_count]);
	}
}

int
main(int argc, char **argv)
{
	unsigned long ticks, tick;

	if (argc != 3)
		return 2;
	ticks = strtoul(argv[2], NULL, 10) * TICKS_A_SECOND;
	for (tick = 0; tick < ticks; tick++) {
		run(argv[1], tick);
		usleep(TICK_US);
	}
	return 0;
}
